"""What this machine has, and how to get what is missing. Imports nothing heavy: programs are run to ask them."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import platform
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from musicgen.faults import in_words
from musicgen.machine import usable_cores
from musicgen.runs.folders import supervisor_lock
from musicgen.settings import home, settings
from musicgen.storage.files import try_to_write
from musicgen.symbolic.sound_fonts import bundled_sound_font, system_sound_font

Status = Literal["ok", "warn", "missing"]

LETTERS = "é♯“”…─"  # found in names of songs, in our sentences and in tables
AS_SAID = "Correct this, then check again."
POSTGRES_STATE = (
    "SELECT current_setting('server_version'), current_setting('max_connections')::int - count(*) FROM pg_stat_activity"
)
FEW_CONNECTIONS = 20
SHOWN_PACKAGES = (
    "streamlit",
    "tensorflow",
    "keras",
    "numpy",
    "librosa",
    "music21",
    "symusic",
    "verovio",
    "fpdf2",
    "plotly",
)


@dataclass(frozen=True)
class Check:
    """One line of the report. `remedy` is empty if all is well."""

    name: str
    status: Status
    detail: str
    remedy: str = ""

    def to_json(self) -> dict[str, str]:
        return asdict(self)


def examine(*, at_once: bool = False) -> list[Check]:
    """The results of all checks, in the order shown. `at_once`: only the fast ones, which start no program (TensorFlow
    runs in a child process) and do not read the whole record."""
    wanted = [name for name in CHECKS if name != ANSWER or settings().cluster_address]
    return [_made(name, CHECKS[name]) for name in wanted if not (at_once and name in SLOW)]


def _made(name: str, check: Callable[[], Check]) -> Check:
    """The result of a check; an error in the check itself counts as missing."""
    try:
        return check()
    except Exception as error:
        told = in_words(error)
        if told is None:
            raise
        rule, _, rest = str(told).partition(" Received: ")
        received, _, remedy = rest.partition(". ")
        return Check(name, "missing", f"{rule} Received: {received}." if received else rule, remedy or AS_SAID)


def _python() -> Check:
    version = platform.python_version()
    if (3, 11) <= sys.version_info[:2] <= (3, 13):
        return Check("Python", "ok", version)
    return Check("Python", "warn", version, "The program is tested on 3.11 to 3.13; set it up with one of these.")


def _packages() -> Check:
    found = []
    missing = []
    for name in SHOWN_PACKAGES:
        try:
            found.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            missing.append(name)
    if missing:
        return Check("Packages", "missing", f"not installed: {', '.join(missing)}", "pip install -r requirements.txt")
    return Check("Packages", "ok", ", ".join(found))


def _processor() -> Check:
    return Check("Processor", "ok", f"{usable_cores()} cores, {platform.machine()}, {platform.system()}")


def _devices() -> Check:
    from musicgen.runs.devices import list_devices
    from musicgen.runs.versions import backend_name

    devices = list_devices()
    shown = ", ".join(device.label for device in devices)
    framework = {"tensorflow": "TensorFlow", "jax": "JAX"}.get(backend_name(), backend_name())
    if len(devices) > 1:
        return Check("Devices for training", "ok", shown)
    return Check(
        "Devices for training",
        "ok",
        f"{shown} (no GPU seen by {framework})",
        "With an NVIDIA card on Linux: pip install -r requirements-gpu.txt",
    )


def _version_of(program: str, flag: str) -> str | None:
    path = shutil.which(program)
    if path is None:
        return None
    try:
        done = subprocess.run(
            [path, flag], capture_output=True, text=True, timeout=10, stdin=subprocess.DEVNULL, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return f"{path} (does not answer)"
    text = (done.stdout or done.stderr).strip().splitlines()
    return text[0] if text else path


def _fluidsynth() -> Check:
    version = _version_of("fluidsynth", "--version")
    if version:
        return Check("FluidSynth (MIDI sound)", "ok", version)
    return Check(
        "FluidSynth (MIDI sound)",
        "warn",
        "not installed; the built-in synthesiser is used",
        "For better sound: sudo apt-get install fluidsynth fluid-soundfont-gm",
    )


def _sound_font() -> Check:
    named = settings().sound_font
    if named is not None and not named.is_file():
        return Check("Sound font", "missing", f"{named} does not exist", "Set MUSICGEN_SOUND_FONT to an .sf2 file.")
    font = named or system_sound_font()
    if font is not None:
        return Check("Sound font", "ok", f"{font} ({font.stat().st_size / 1e6:.0f} MB)")
    if bundled_sound_font() is None:
        return Check("Sound font", "missing", "none found", "pip install -r requirements.txt")
    return Check(
        "Sound font", "warn", "the small one that comes with pretty_midi", "sudo apt-get install fluid-soundfont-gm"
    )


def _ffmpeg() -> Check:
    version = _version_of("ffmpeg", "-version")
    if version:
        return Check("FFmpeg (m4a, mp3 export)", "ok", version)
    if importlib.util.find_spec("imageio_ffmpeg") is not None:
        return Check("FFmpeg (m4a, mp3 export)", "ok", "the binary that comes with imageio-ffmpeg")
    return Check("FFmpeg (m4a, mp3 export)", "missing", "none found", "pip install -r requirements.txt")


def _output() -> Check:
    """For a server, this is where its log goes."""
    encodings = [getattr(stream, "encoding", None) or "utf-8" for stream in (sys.stdout, sys.stderr)]
    for encoding in encodings:
        try:
            LETTERS.encode(encoding)
        except (UnicodeError, LookupError):
            remedy = "Other letters are printed as codes. Set PYTHONIOENCODING=utf-8, or LANG to a locale with UTF-8."
            return Check(OUTPUT, "warn", f"can print {encoding} only", remedy)
    return Check(OUTPUT, "ok", ", ".join(dict.fromkeys(encodings)))


def _storage() -> Check:
    """Checked by writing a file."""
    try_to_write(home())
    try_to_write(Path(tempfile.gettempdir()))
    if supervisor_lock().is_dir():
        remedy = "Remove that folder. It holds none of your data."
        return Check(STORAGE, "missing", f"{supervisor_lock()} is a folder, but should be a lock file", remedy)
    return Check(STORAGE, "ok", f"{home()} is writable")


def _database() -> Check:
    from musicgen.storage.database import engine, reading
    from musicgen.storage.record_faults import shown_url

    with reading() as connection:
        if connection.dialect.name == "postgresql":
            version, free = connection.exec_driver_sql(POSTGRES_STATE).one()
            detail = f"PostgreSQL {version.split()[0]} at {shown_url(engine().url)} ({free:,} connections free)"
            remedy = "" if free >= FEW_CONNECTIONS else "Raise max_connections of the server: every worker needs one."
            return Check(RECORD, "warn" if remedy else "ok", detail, remedy)
        verdict = connection.exec_driver_sql("PRAGMA quick_check").scalar()
    detail = f"{engine().url.database} (SQLite {sqlite3.sqlite_version}, quick check: {verdict})"
    if verdict == "ok":
        return Check(RECORD, "ok", detail)
    return Check(
        RECORD,
        "missing",
        detail,
        "Restore this file from a backup. The files of songs and runs are separate from it.",
    )


def _disk() -> Check:
    usage = shutil.disk_usage(home())
    detail = f"{usage.free / 1e9:.1f} GB free of {usage.total / 1e9:.0f} GB at {home()}"
    if usage.free < 2e9:
        return Check("Disk", "warn", detail, "Make room, or set MUSICGEN_HOME to a folder on a larger disk.")
    return Check("Disk", "ok", detail)


def _cluster() -> Check:
    from musicgen.runs.cluster.configured import NOT_CONFIGURED, configured, is_configured, problem

    if not is_configured():
        return Check(CLUSTER, "ok", "not configured (optional): trainings run on this machine", NOT_CONFIGURED)
    if told := problem():
        rule, _, rest = told.partition(" Received: ")
        received, _, remedy = rest.partition(". ")
        return Check(CLUSTER, "missing", f"{rule} Received: {received}.", remedy or AS_SAID)
    known = configured()
    cores = "1 core" if known.cpus == 1 else f"{known.cpus:g} cores"
    gpus = {0: "no GPU", 1: "1 GPU"}.get(known.gpus, f"{known.gpus} GPUs")
    return Check(CLUSTER, "ok", f"{known.address}, through {known.folder}; each run gets {cores}, {gpus}")


def _cluster_answer() -> Check:
    """Asked in a child process, which alone loads Ray."""
    from musicgen.runs.cluster.configured import configured, problem
    from musicgen.runs.cluster.jobs import RayJobs

    if problem():
        return Check(ANSWER, "missing", "not asked", "See the check above.")
    return Check(ANSWER, "ok", RayJobs(configured()).nodes())


CLUSTER, ANSWER = "Cluster", "Cluster’s answer"
OUTPUT, STORAGE, RECORD = "Output", "Storage folder", "Record of songs and runs"
CHECKS: dict[str, Callable[[], Check]] = {
    "Python": _python,
    "Packages": _packages,
    "Processor": _processor,
    "Devices for training": _devices,
    "FluidSynth (MIDI sound)": _fluidsynth,
    "Sound font": _sound_font,
    "FFmpeg (m4a, mp3 export)": _ffmpeg,
    OUTPUT: _output,
    STORAGE: _storage,
    RECORD: _database,
    "Disk": _disk,
    CLUSTER: _cluster,
    ANSWER: _cluster_answer,
}
SLOW = (
    "Devices for training",
    "FluidSynth (MIDI sound)",
    "FFmpeg (m4a, mp3 export)",
    RECORD,
    ANSWER,
)
