"""Damaged files of a run, reported in sentences that name the file and say what still works.

A file may be damaged by the disk, by hand or by another program. Whatever works without it still works; the rest is
refused with the sentence. Other runs are not affected.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from musicgen.errors import CorruptArtifact, DamagedFile, sentence
from musicgen.faults import in_words
from musicgen.storage.files import damaged, read_json

# What a request in the record must contain, and the type of each.
NEEDED: dict[str, dict[str, type | tuple[type, ...]]] = {
    "train": {"approach": str, "training": dict, "seed": int, "songs": list},
    "generate": {"generation": dict, "seeds": list, "wanted": list, "prompt": (dict, type(None)), "checkpoint": str},
}
PREPARED_KINDS: dict[str, type | tuple[type, ...]] = {
    "facts": dict,
    "floors": dict,
    "warnings": list,
    "networks": int,
    "parameters": (int, list),
    "flops_per_epoch": (int, float),
    "memory_bytes": (int, float),
}
PREPARED_REMEDY = (
    "Its facts and floors are not shown. Listening, generating and resuming work as before; resuming writes it again."
)


def read_prepared(path: Path) -> dict[str, Any]:
    """What `prepare` found before the training; {} if it has not run yet. Raises DamagedFile, OSError."""
    found = read_json(path, {}, remedy=PREPARED_REMEDY)
    if not isinstance(found, dict):
        raise damaged(path, "must hold a JSON object", type(found).__name__, PREPARED_REMEDY)
    for name, kind in PREPARED_KINDS.items():
        if name in found and (not isinstance(found[name], kind) or isinstance(found[name], bool)):
            raise damaged(path, f"must have a valid {name}", repr(found[name]), PREPARED_REMEDY)
    floors = found.get("floors", {})
    if any(isinstance(each, bool) or not isinstance(each, (int, float, type(None))) for each in floors.values()):
        raise damaged(path, "must have floors that are numbers", floors, PREPARED_REMEDY)
    if not all(isinstance(each, str) for each in found.get("warnings", [])):
        raise damaged(path, "must have warnings that are text", found["warnings"], PREPARED_REMEDY)
    return {**found, "floors": {key: each for key, each in floors.items() if each is not None}} if found else {}


def prepared_damage(path: Path) -> str:
    """What is wrong with it; empty if nothing is."""
    try:
        read_prepared(path)
    except DamagedFile as error:
        return str(error)
    except OSError as error:
        return str(in_words(error) or damaged(path, "must be readable", error.strerror or error, PREPARED_REMEDY))
    return ""


def lacks(kind: str, request: Any) -> list[str]:
    """Names of fields that a request of this kind lacks or that are invalid."""
    found = request if isinstance(request, Mapping) else {}
    missing = [name for name, form in NEEDED[kind].items() if not isinstance(found.get(name, ...), form)]
    if found.get("leave_out") and not _tells_songs(found.get("left_out")):
        missing.append("left_out")
    return missing


def _tells_songs(left_out: Any) -> bool:
    """See leaving_out.LeftOut."""
    return isinstance(left_out, list) and all(
        isinstance(each, Mapping)
        and set(each) == {"id", "name", "reason"}
        and all(isinstance(text, str) for text in each.values())
        for each in left_out
    )


def check_request(kind: str, request: Any, owner: str) -> None:
    """Raises CorruptArtifact if a request no longer tells what work it asks for."""
    if missing := lacks(kind, request):
        rule = f"The record must hold all settings of {owner}"
        remedy = "Restore the record from a backup, or start it again. Its files and all other runs are unchanged."
        raise CorruptArtifact(sentence(rule, f"a request without {', '.join(missing)}", remedy), code="damaged_request")
