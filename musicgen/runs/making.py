"""How an output was made, in words: its settings, measurements and versions. Light."""

from __future__ import annotations

from typing import Any

from musicgen.approaches import approaches
from musicgen.wording import fact_title, fact_value


def settings_rows(sidecar: dict[str, Any]) -> list[tuple[str, str]]:
    """Settings, measurements and versions of an output, for a table."""
    known = approaches().get(str((sidecar.get("run") or {}).get("approach")))
    fields = known.Generation.model_fields if known else {}
    rows = []
    for name, value in (sidecar.get("generation") or {}).items():
        title = fields[name].title if name in fields else None
        rows.append((title or name.replace("_", " "), fact_value(value)))
    rows += [("seed", str(sidecar.get("seed"))), ("weights", _weights(sidecar.get("checkpoint")))]
    if sidecar.get("prompt"):
        rows.append(("prompt", str(sidecar["prompt"].get("name") or sidecar["prompt"].get("id"))))
    facts = {name: value for name, value in (sidecar.get("facts") or {}).items() if not isinstance(value, dict | list)}
    rows += [(fact_title(name), fact_value(value)) for name, value in facts.items()]
    rows += [(f"{name} version", str(version)) for name, version in (sidecar.get("versions") or {}).items()]
    return rows


def _weights(checkpoint: Any) -> str:
    if isinstance(checkpoint, dict):
        epoch = checkpoint.get("epoch")
        return f"epoch {epoch}" if epoch is not None else str(checkpoint.get("name", ""))
    return str(checkpoint)
