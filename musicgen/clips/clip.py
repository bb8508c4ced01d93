"""Clip: a folder with sound or written music and its previews. Reading needs only NumPy and only the part requested.

audio.wav         16-bit sound at its own sample rate (for written music, after rendering)
score.mid         written music
facts.json        the facts that pages show
envelope.npz      the waveform at several zoom levels; spectrogram.npz; roll.npz, not needed for short scores
sheet/            pages of sheet music made so far: see sheets.py
pictures/         what a browser draws pictures from; loudness.json: how loud excerpts are
exports/          downloads made so far
heard/            the notes heard in a song that is sound: see musicgen/hearing
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from musicgen.audio.envelopes import Envelope, ZoomLevel, choose_bucket, envelope_of_level, envelope_of_samples
from musicgen.audio.spectra import Spectrogram, sampled_stretch, stored_stretch
from musicgen.audio.wav import map_pcm, read_wav, wav_info
from musicgen.audio.waveform import Waveform
from musicgen.errors import CorruptArtifact, RejectedFile, WrongState, sentence
from musicgen.storage.files import damaged, read_json

if TYPE_CHECKING:
    from musicgen.symbolic.score import Score

AUDIO, SCORE, FACTS = "audio.wav", "score.mid", "facts.json"
ENVELOPE, SPECTROGRAM, ROLL = "envelope.npz", "spectrogram.npz", "roll.npz"
MEDIA = ("audio", "midi")
AGAIN = "Import or make the piece again. All other pieces are as they were."
SPECTROGRAM_COLUMNS = 800
SHARP_COLUMNS = 400  # with fewer stored columns in view, the spectrogram is computed from the samples


@dataclass(frozen=True)
class Roll:
    """The notes of a score as arrays, sorted by onset: times in seconds, `track` indexes the facts' tracks.

    Attributes:
        onset, offset: float64. pitch, velocity: uint8. track: int16. All of shape (num_notes,).
        seconds: end of the last note.
    """

    onset: NDArray[np.float64]
    offset: NDArray[np.float64]
    pitch: NDArray[np.uint8]
    velocity: NDArray[np.uint8]
    track: NDArray[np.int16]
    seconds: float


@dataclass(frozen=True)
class Clip:
    """A stored piece of sound or written music. Nothing is kept in memory: every call reads what it needs."""

    folder: Path

    @property
    def facts(self) -> dict[str, Any]:
        """The facts about it (JSON). Raises CorruptArtifact if the clip is missing or incomplete.

        For audio: medium, seconds, sample_rate, n_channels, n_samples, rms_db, peak_db, silence_share, sha256 (of the
        sound). For midi: see symbolic.rolls.score_facts; `sha256` of score.mid; `audio`, once it has sound: the facts
        of the sound and its renderer."""
        facts = read_json(self.folder / FACTS, remedy=AGAIN)
        if facts is None:
            raise CorruptArtifact(
                sentence("A clip must have facts", f"no {FACTS} in {self.folder.name}", "Import or make it again.")
            )
        if not isinstance(facts, dict) or facts.get("medium") not in MEDIA or not _is_length(facts.get("seconds")):
            rule = "says whether a clip is audio or midi, and how long it is"
            raise damaged(self.folder / FACTS, rule, "something else", AGAIN)
        return facts

    @property
    def medium(self) -> str:
        """`audio` or `midi`."""
        return str(self.facts["medium"])

    @property
    def seconds(self) -> float:
        """Duration of the sound, or end of the last note."""
        return float(self.facts["seconds"])

    @property
    def audio_path(self) -> Path:
        return self.folder / AUDIO

    @property
    def score_path(self) -> Path:
        return self.folder / SCORE

    @property
    def has_audio(self) -> bool:
        return self.audio_path.is_file()

    def waveform(self, start_seconds: float = 0.0, stop_seconds: float | None = None) -> Waveform:
        """The sound from `start_seconds` to `stop_seconds` (None: the end), clipped to what exists."""
        info = wav_info(self._sound())
        start, stop = _stretch(start_seconds, stop_seconds, info.n_samples, info.sample_rate)
        return read_wav(self.audio_path, start, stop)

    def envelope(self, start_seconds: float = 0.0, stop_seconds: float | None = None, n_points: int = 1000) -> Envelope:
        """Lowest and highest samples of at most `n_points` intervals, from the zoom level that fits.

        If zoomed in far enough, every point is one sample and both curves are the waveform itself."""
        info = wav_info(self._sound())
        start, stop = _stretch(start_seconds, stop_seconds, info.n_samples, info.sample_rate)
        with self.arrays(ENVELOPE) as stored:
            bucket = choose_bucket([int(size) for size in stored["buckets"]], stop - start, n_points)
            if bucket is not None:
                level = ZoomLevel(bucket, stored[f"low_{bucket}"], stored[f"high_{bucket}"])
        if bucket is not None:
            return envelope_of_level(level, start, stop, n_points, info.sample_rate)
        samples = read_wav(self.audio_path, start, stop).samples
        return envelope_of_samples(samples, start, n_points, info.sample_rate)

    def spectrogram(
        self,
        start_seconds: float = 0.0,
        stop_seconds: float | None = None,
        n_columns: int = SPECTROGRAM_COLUMNS,
    ) -> Spectrogram:
        """Level over time and frequency in at most `n_columns` columns; zoomed in, from the samples."""
        info = wav_info(self._sound())
        start, stop = _stretch(start_seconds, stop_seconds, info.n_samples, info.sample_rate)
        with self.arrays(SPECTROGRAM) as stored:
            arrays = {name: stored[name] for name in stored.files}
        in_view = (stop - start) / info.sample_rate / float(arrays["column_seconds"])
        if in_view < SHARP_COLUMNS and stop > start:
            return sampled_stretch(map_pcm(self.audio_path, info), info.sample_rate, start, stop, n_columns)
        return stored_stretch(arrays, start / info.sample_rate, stop / info.sample_rate, n_columns)

    def roll(self) -> Roll:
        """The notes. Raises WrongState for a clip without a score."""
        if (self.folder / ROLL).is_file():
            with self.arrays(ROLL) as stored:
                arrays = {name: stored[name] for name in stored.files}
        elif self.score_path.is_file():
            from musicgen.symbolic.rolls import score_to_roll

            arrays = score_to_roll(self.score())
        else:
            raise WrongState(sentence("A piano roll needs written music", f"a clip of {self.medium}"))
        return Roll(**{**arrays, "seconds": float(arrays["seconds"])})

    def score(self) -> Score:
        """The written music, read from score.mid, which is always a file of our own making. Raises DamagedFile where
        it is not, or not any more; WrongState for sound."""
        if not self.score_path.is_file():
            if self.medium == "midi":
                raise damaged(self.score_path, "has the notes of this piece", "no such file", AGAIN)
            raise WrongState(sentence("A score needs written music", f"a clip of {self.medium}"))
        from musicgen.symbolic.midi import read_midi

        try:
            return read_midi(self.score_path)
        except RejectedFile as error:
            raise damaged(self.score_path, "has the notes of this piece", f"a damaged one ({error})", AGAIN) from error

    def _sound(self) -> Path:
        if not self.has_audio:
            if self.medium == "audio":
                raise damaged(self.audio_path, "has the sound of this piece", "no such file", AGAIN)
            raise WrongState(
                sentence("This needs sound", "written music that is not rendered yet", "Call ensure_audio first."),
                code="no_audio",
            )
        return self.audio_path

    @contextmanager
    def arrays(self, name: str) -> Iterator[Any]:
        """The arrays of one of its npz files, each read on request. Raises CorruptArtifact."""
        try:
            with open(self.folder / name, "rb") as file, np.load(file, allow_pickle=False) as stored:
                yield stored
        except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
            rule = f"A clip of {self.medium} must have a complete {name}"
            what = getattr(error, "strerror", None) or str(error) or type(error).__name__
            raise CorruptArtifact(sentence(rule, what, "Import or make it again."), code="corrupt_preview") from error


def _is_length(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < float("inf")


def _stretch(start_seconds: float, stop_seconds: float | None, n_samples: int, sample_rate: int) -> tuple[int, int]:
    """Seconds to samples, clipped to what exists: 0 ≤ start ≤ stop ≤ n_samples."""
    start = min(max(round(start_seconds * sample_rate), 0), n_samples)
    stop = n_samples if stop_seconds is None else min(max(round(stop_seconds * sample_rate), start), n_samples)
    return start, stop
