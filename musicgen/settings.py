"""Settings: where things are stored and how large they may be. Each one is an environment variable MUSICGEN_<NAME>."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from dataclasses import Field, dataclass, field, fields
from functools import lru_cache
from pathlib import Path
from typing import Any

from musicgen.errors import InvalidInput, MusicgenError, sentence
from musicgen.faults import in_words, is_full

PREFIX = "MUSICGEN_"
WORKSPACE = Path("workspace")
SHOWN_CHARACTERS = 200
# By annotation. Not with pydantic: every child process reads the settings, and loading pydantic would take it longer
# than everything else together.
_PARSERS: dict[str, tuple[Callable[[str], Any], str]] = {
    "int": (int, "a whole number"),
    "float": (float, "a number"),
    "Path": (Path, "a path"),
    "Path | None": (Path, "a path"),
    "str": (str, "text"),
    "str | None": (str, "text"),
}


def _setting(default: Any, description: str, *, least: float | None = None, above: float | None = None) -> Any:
    return field(default=default, metadata={"description": description, "least": least, "above": above})


@dataclass(frozen=True)
class Settings:
    """Read again whenever the environment has changed, so that tests and child processes agree."""

    home: Path = _setting(WORKSPACE, "folder for everything that is stored")  # noqa: RUF009 (a field)
    database_url: str | None = _setting(None, "address of the record, PostgreSQL or SQLite; else SQLite in `home`")
    sound_font: Path | None = _setting(None, "the .sf2 or .sf3 file that MIDI is played with")  # noqa: RUF009
    device: str = _setting("auto", "auto, cpu, gpu:N or gpu:all; the default of commands")

    cluster_address: str | None = _setting(None, "http(s) address of a Ray dashboard, to train on that cluster")
    cluster_folder: Path | None = _setting(None, "folder that this machine and the cluster share")  # noqa: RUF009
    cluster_token_file: Path | None = _setting(None, "file with the token of the cluster")  # noqa: RUF009
    cluster_python: str = _setting("python", "the Python of the nodes, with this program's packages")
    cluster_cpus: float = _setting(1.0, "processor cores that the cluster reserves for each run", above=0)
    cluster_gpus: int = _setting(0, "GPUs that the cluster reserves for each run", least=0)
    cluster_runs: int = _setting(8, "most runs that are given to the cluster at a time", least=1)

    max_upload_mb: int = _setting(200, "largest uploaded file", least=1)
    min_audio_seconds: float = _setting(0.5, "shorter sound is refused", above=0)
    max_audio_seconds: float = _setting(7200.0, "longer sound is refused", above=0)
    min_sample_rate: int = _setting(8_000, "Hz; sound with a lower rate is refused")
    max_sample_rate: int = _setting(192_000, "Hz; sound with a higher rate is refused")
    max_channels: int = _setting(8, "sound with more channels is refused")
    max_midi_mb: int = _setting(5, "largest MIDI file")
    max_midi_tracks: int = _setting(64, "a MIDI file with more tracks is refused")
    max_midi_notes: int = _setting(200_000, "a MIDI file with more notes is refused")
    max_midi_seconds: float = _setting(7200.0, "a MIDI file that lasts longer is refused")
    max_midi_beats: int = _setting(100_000, "a MIDI file with a later note is refused")
    max_zip_files: int = _setting(5_000, "most files in one zip archive")
    max_zip_mb: int = _setting(2_000, "largest total size of the songs in one zip archive, unpacked")

    intake_memory_mb: int = _setting(2048, "memory (address space) of the process that reads uploads")
    intake_seconds: float = _setting(90.0, "longest time to read one short file; long audio gets more")
    render_seconds: float = _setting(300.0, "longest time to render one MIDI file to sound")
    max_run_hours: float = _setting(24.0, "a run that trains longer without a break is paused", above=0)
    max_stall_minutes: float = _setting(60.0, "a worker without progress for this long is ended", above=0)
    niceness: int = _setting(10, "how far trainings give way to the pages: 0 (not at all) to 19", least=0)
    warm_minutes: float = _setting(
        5.0, "minutes without work after which no process is kept ready any more; 0: none is ever kept", least=0
    )
    warm_free_mb: int = _setting(4096, "free memory from which a process is kept ready; given up below half", least=0)
    compiled_mb: int = _setting(
        128, "most disk space for compiled programs that are kept for the next process; 0: none is kept", least=0
    )
    min_free_mb: int = _setting(500, "with less free disk space, nothing new is stored")
    player_seconds: float = _setting(300.0, "longest excerpt that a player loads at once")


def settings() -> Settings:
    """The current settings."""
    return _settings(tuple((name, value) for name, value in os.environ.items() if name.upper().startswith(PREFIX)))


@lru_cache(maxsize=8)
def _settings(environment: tuple[tuple[str, str], ...]) -> Settings:
    given = {name.upper().removeprefix(PREFIX).lower(): value for name, value in environment if value}
    return Settings(**{each.name: _parse(each, given[each.name]) for each in fields(Settings) if each.name in given})


def _parse(setting: Field[Any], text: str) -> Any:
    """Raises InvalidInput."""
    parse, kind = _PARSERS[str(setting.type)]
    least, above = setting.metadata["least"], setting.metadata["above"]
    try:
        value = parse(text)
        is_possible = not isinstance(value, int | float) or (
            math.isfinite(value) and (least is None or value >= least) and (above is None or value > above)
        )
    except ValueError:
        is_possible = False
    if not is_possible:
        bound = f" of at least {least}" if least is not None else f" above {above}" if above is not None else ""
        rule = f"{PREFIX}{setting.name.upper()} must be {kind}{bound}"
        raise InvalidInput(sentence(rule, repr(text)), code="setting")
    return value


def home() -> Path:
    """The absolute storage folder (`MUSICGEN_HOME`), created on first use. Raises MusicgenError if it cannot be."""
    try:
        folder = _resolved(settings().home, os.getcwd())
        if not folder.is_dir():
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except (OSError, RuntimeError, ValueError) as error:  # RuntimeError: an unknown `~name`. ValueError: a null byte
        raise _no_home(settings().home, error) from error
    return folder


def _no_home(folder: Path, error: Exception) -> MusicgenError:
    if isinstance(error, OSError) and is_full(error):
        return in_words(error) or InvalidInput(str(error))
    text = str(folder)
    shown = repr(text) if len(text) <= SHOWN_CHARACTERS else f"{text[:40]!r}… of {len(text):,} characters"
    why = "a file" if isinstance(error, FileExistsError) else str(getattr(error, "strerror", None) or error).rstrip(".")
    rule = f"{PREFIX}HOME must be a folder, or a path where one can be created"
    return InvalidInput(sentence(rule, f"{shown} ({why})", "Set it to a folder of your own."), code="home")


@lru_cache(maxsize=8)
def _resolved(folder: Path, _working_folder: str) -> Path:
    # Cached: a page asks a hundred times, and resolving looks at every parent folder.
    return folder.expanduser().resolve()
