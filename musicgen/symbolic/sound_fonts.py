"""Finds a sound font: the one in the settings, the system's, or the one inside pretty_midi. Light."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path

from musicgen.errors import ResourceUnavailable, sentence
from musicgen.settings import settings

FOLDERS = (
    Path("/usr/share/sounds/sf2"),
    Path("/usr/share/sounds/sf3"),
    Path("/usr/share/soundfonts"),
    Path("/usr/local/share/soundfonts"),
    Path("/usr/local/share/fluidsynth"),
    Path("/opt/homebrew/share/soundfonts"),
    Path("~/.local/share/soundfonts"),
    Path("~/.fluidsynth"),  # where midi2audio looks
)
PREFERRED = ("FluidR3_GM", "MuseScore_General", "GeneralUser", "default")


def system_sound_font() -> Path | None:
    """The sound font for FluidSynth: the setting, else the best known one in the usual folders, else any, else None.

    Raises ResourceUnavailable if the setting names a missing file.
    """
    chosen = settings().sound_font
    if chosen is not None:
        path = chosen.expanduser().resolve()
        if not path.is_file():
            raise ResourceUnavailable(
                sentence("MUSICGEN_SOUND_FONT must name a .sf2 or .sf3 file", path, "Correct or unset it."),
                code="no_sound_font",
            )
        return path
    found = [path for folder in FOLDERS for path in sorted(folder.expanduser().glob("*.sf[23]")) if path.is_file()]
    for name in PREFERRED:
        for path in found:
            if path.name.lower().startswith(name.lower()):
                return path
    return found[0] if found else None


def bundled_sound_font() -> Path | None:
    """The small General MIDI sound font that comes with the package pretty_midi; the package itself is not imported."""
    package = importlib.util.find_spec("pretty_midi")
    folders = list(package.submodule_search_locations or ()) if package else []
    found = [path for folder in folders for path in sorted(Path(folder).glob("*.sf2"))]
    return found[0] if found else None


def fluidsynth_program() -> str | None:
    """Absolute path of FluidSynth, or None. The current folder is never searched."""
    found = shutil.which("fluidsynth")
    return str(Path(found).resolve()) if found and Path(found).is_absolute() else None
