"""All lesson files: those of this program in assets/lessons/, and a teacher's own in `lessons/` of MUSICGEN_HOME."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from musicgen.errors import InvalidInput, MusicgenError, NotFound, sentence
from musicgen.lessons.lesson import KEY, Lesson, read_lesson
from musicgen.processes import ROOT
from musicgen.settings import home

FOLDER = ROOT / "assets" / "lessons"
MAX_BYTES = 100_000


@dataclass(frozen=True)
class Shelf:
    """The lessons by key (the name of the file), in their order; and a sentence for each file that is none."""

    lessons: dict[str, Lesson]
    faults: tuple[str, ...] = ()


def shelf() -> Shelf:
    """All lessons, read anew when a file has changed. A file in MUSICGEN_HOME replaces ours of the same name."""
    found: dict[str, Lesson] = {}
    faults: list[str] = []
    for path in _files():
        try:
            found[_key(path)] = _read(path, path.stat().st_mtime_ns)
        except (MusicgenError, OSError) as error:
            faults.append(f"{path.name}: {error}")
    ordered = sorted(found, key=lambda key: (found[key].number, key))
    return Shelf({key: found[key] for key in ordered}, tuple(faults))


def find_lesson(key: str) -> Lesson:
    """The lesson with this key. Raises NotFound, or InvalidInput with what is wrong with its file."""
    there = shelf()
    if key in there.lessons:
        return there.lessons[key]
    for fault in there.faults:
        if fault.startswith(f"{key}.toml:"):
            raise InvalidInput(fault)
    raise NotFound(sentence(f"A lesson must be one of {', '.join(there.lessons)}", repr(key[:60])))


def _files() -> list[Path]:
    return [path for folder in (FOLDER, home() / "lessons") for path in sorted(folder.glob("*.toml"))]


def _key(path: Path) -> str:
    if not KEY.match(path.stem):
        rule = "A lesson file is named with small letters, digits and underscores, such as my_lesson.toml"
        raise InvalidInput(sentence(rule, repr(path.name[:60])))
    return path.stem


@lru_cache(maxsize=64)
def _read(path: Path, _changed: int) -> Lesson:
    if path.stat().st_size > MAX_BYTES:
        raise InvalidInput(sentence(f"A lesson file may have {MAX_BYTES:,} bytes", f"{path.stat().st_size:,}"))
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidInput(sentence("A lesson must be a file in TOML", str(error))) from error
    return read_lesson(document)
