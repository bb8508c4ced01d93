"""What the player shows: lanes, linked passages in them, a slider; as Python objects and as the browser's JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pages.ui.player.addresses import address

if TYPE_CHECKING:
    from musicgen.clips import Clip
    from musicgen.clips.sheets import Sheet

Picture = Literal["waveform", "spectrogram", "roll", "score"]
MAX_LANES = 8


@dataclass(frozen=True)
class PlayerLane:
    """One piece in the player.

    Attributes:
        id: what makes it the same lane when the page is drawn again; short, without a meaning for the visitor.
        clip: its sound and pictures. Without sound, it is drawn but not heard.
        title, note: shown above it; data, never markup.
        role: decides the colour of the waveform; `colour` overrides it.
        shift: seconds on the common time axis at which the clip begins.
        gain_db: added to its loudness, and shown.
        picture: what is shown at first; None: the roll for notes, otherwise the waveform.
        pictures: which may be chosen; empty shows none (a blind test).
        score: its sheet music as far as it is made; `draw_player` adds it to notes when the visitor asks for it.
        voices: names of the tracks, for the legend of the roll.
        sound: a stamped WAV file to play instead of the clip's own.
        grows: a piece that is still being made: the next clip under the same id continues it.
    """

    id: str
    clip: Clip
    title: str = ""
    role: Literal["single", "reference", "generated"] = "single"
    shift: float = 0.0
    gain_db: float = 0.0
    note: str = ""
    picture: Picture | None = None
    pictures: Sequence[Picture] = ("waveform", "spectrogram", "roll", "score")
    score: Sheet | None = None
    voices: Sequence[str] = ()
    sound: bytes | None = None
    colour: str = ""
    grows: bool = False

    def to_json(self, place: str) -> dict[str, Any]:
        """What the browser is told. `place`: a name for where its files are used, unique on the page."""
        from musicgen.clips.pictures import picture_files

        medium = self.clip.medium
        files = {name: path for name, path in picture_files(self.clip).items() if name in self.pictures}
        kind = "application/octet-stream"
        return {
            "id": self.id,
            "title": self.title,
            "note": self.note,
            "role": self.role,
            "colour": self.colour,
            "seconds": self.clip.seconds,
            "shift": self.shift,
            "gain_db": self.gain_db,
            "picture": self.picture or ("roll" if medium == "midi" else "waveform"),
            "pictures": {name: address(Path(path), kind, f"{place}.{name}") for name, path in files.items()},
            "voices": list(self.voices),
            "score": self._score(place) if medium == "midi" and "score" in self.pictures else None,
            "sound": self._sound(f"{place}.sound"),
        }

    def _score(self, place: str) -> dict[str, Any]:
        """Without pages until they are made: the browser asks for them."""
        from pages.ui.scores import score_lane

        if self.score is None:
            return {"pages": [], "timemap": ""}
        kinds = {".svg": "image/svg+xml", ".json": "application/json"}
        return score_lane(self.score, lambda path: address(path, kinds[path.suffix], f"{place}.{path.name}"))

    def _sound(self, place: str) -> dict[str, Any] | None:
        from musicgen.audio.wav import wav_info

        source = self.sound or (self.clip.audio_path if self.clip.has_audio else None)
        if source is None:
            return None
        info = wav_info(source)
        facts = {"content": info.stamp, "sample_rate": info.sample_rate, "n_channels": info.n_channels}
        return {"url": address(source, "audio/wav", place), **facts, "grows": self.grows}


@dataclass(frozen=True)
class Region:
    """A passage drawn over a lane's picture; a click plays it, and then the others of its `group`, in their order.

    Attributes:
        lane: id of the lane. start, stop: seconds of the lane.
        group: passages with the same group belong together.
        label: what it is; data, never markup. colour: CSS.
    """

    lane: str
    start: float
    stop: float
    group: str | None = None
    label: str = ""
    colour: str = ""


@dataclass(frozen=True)
class Slider:
    """A slider that chooses the lane that is heard, without a gap: for example one stop for each checkpoint. Of the
    lanes on it, only the one that is heard is shown.

    Attributes:
        stops: (id of a lane, words), in order.
    """

    label: str
    stops: Sequence[tuple[str, str]] = field(default=())

    def to_json(self) -> dict[str, Any]:
        return {"label": self.label, "stops": [{"lane": lane, "label": label} for lane, label in self.stops]}
