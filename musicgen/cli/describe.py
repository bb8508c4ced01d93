"""`approaches` and `doctor`: the available approaches, and what this machine has."""

from __future__ import annotations

from musicgen.cli.shown import AsJson, print_json, print_table


def approaches(as_json: AsJson = False) -> None:
    """List the approaches with their parameters and presets."""
    from musicgen.approaches import approaches as known

    found = known().values()
    if as_json:
        print_json(
            [
                {
                    "key": approach.key,
                    "title": approach.title,
                    "summary": approach.summary,
                    "reference": approach.reference,
                    "medium": approach.medium,
                    "training": approach.Training.model_json_schema(),
                    "generation": approach.Generation.model_json_schema(),
                    "presets": {
                        name: {
                            "summary": preset.summary,
                            "training": dict(preset.training),
                            "generation": dict(preset.generation),
                        }
                        for name, preset in approach.presets.items()
                    },
                }
                for approach in found
            ]
        )
        return
    print_table(
        ("approach", "title", "medium", "presets"),
        ((each.key, each.title, each.medium, ", ".join(each.presets)) for each in found),
    )


def doctor(as_json: AsJson = False) -> None:
    """Check this machine, and say how to get what is missing."""
    from musicgen.doctor import examine

    checks = examine()
    if as_json:
        print_json({"checks": [check.to_json() for check in checks]})
        return
    print_table(
        ("", "what", "found", "what to do"),
        ((check.status, check.name, check.detail, check.remedy) for check in checks),
    )
