"""How long the presets take: measured in runs on this machine, otherwise what they are designed for."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import median

from musicgen.approaches import approaches
from musicgen.wording import span

Times = Mapping[tuple[str, str], float]

RUNS_LOOKED_AT = 200
# On two idle processor cores, with a handful of songs.
MADE_FOR = {
    "quick": "about a minute",
    "best": "up to six minutes",
    "original": "not timed here yet (the authors' settings)",
}


def times_here() -> Times:
    """(approach, preset) → seconds: the median of the finished runs that left the preset unchanged."""
    from musicgen.runs.api import list_runs

    taken: dict[tuple[str, str], list[float]] = {}
    for run in list_runs(limit=RUNS_LOOKED_AT):
        key = run.approach, str(run.request.get("preset"))
        if run.state == "succeeded" and _is_plain(*key, run.request) and (seconds := run.seconds):
            taken.setdefault(key, []).append(seconds)
    return {key: median(seconds) for key, seconds in taken.items()}


def _is_plain(approach: str, preset: str, request: Mapping[str, object]) -> bool:
    known = approaches().get(approach)
    if known is None or preset not in known.presets:
        return False
    return known.Training(**known.presets[preset].training).model_dump(mode="json") == request.get("training")


def time_words(times: Times, approach: str, preset: str) -> str:
    """`48 s on this machine`, or the time that the preset is designed for."""
    taken = times.get((approach, preset))
    if taken:
        return f"{span(taken)} on this machine"
    known = approaches().get(approach)
    expected = known.presets[preset].takes if known and preset in known.presets else ""
    return expected or MADE_FOR.get(preset, "not trained here yet")
