"""From sound or a score to the files of a clip. Sound is taken block by block: an hour needs no more memory than a
minute, but for its previews. facts.json comes last: a folder with facts is a whole clip."""

from __future__ import annotations

import hashlib
import io
import json
import os
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from musicgen.audio.envelopes import EnvelopeBuilder
from musicgen.audio.levels import LevelMeter
from musicgen.audio.spectra import SpectrogramBuilder
from musicgen.audio.wav import WavInfo, WavWriter, read_wav, wav_info
from musicgen.audio.waveform import Waveform
from musicgen.clips.clip import AUDIO, ENVELOPE, FACTS, ROLL, SCORE, SPECTROGRAM, Clip
from musicgen.errors import InvalidInput, sentence
from musicgen.faults import disk_full, is_full
from musicgen.storage.files import sha256_of, sync_file, sync_folder, write_bytes, write_json

if TYPE_CHECKING:
    from musicgen.symbolic.score import Score

Blocks = Iterable[NDArray[np.float32]]
BLOCK_FRAMES = 1 << 16
MANY_NOTES = 20_000  # a roll of fewer is made from the score as fast as it is read


class _Previews:
    """Everything that is shown of a sound, made in one pass over it; of a draft, no spectrogram."""

    def __init__(self, sample_rate: int, n_channels: int, *, is_draft: bool = False) -> None:
        self.is_draft = is_draft
        self.meter = LevelMeter(sample_rate)
        self.envelope = EnvelopeBuilder(n_channels)
        self.spectrogram = SpectrogramBuilder(sample_rate, n_channels)

    def add(self, samples: NDArray[np.float32]) -> None:
        self.meter.add(samples)
        self.envelope.add(samples)
        if not self.is_draft:
            self.spectrogram.add(samples)

    def store(self, folder: Path, info: WavInfo) -> dict[str, Any]:
        """Write envelope.npz and spectrogram.npz; the facts of the sound."""
        levels = self.envelope.levels()
        arrays = {"buckets": np.array([level.bucket for level in levels])}
        for level in levels:
            arrays[f"low_{level.bucket}"], arrays[f"high_{level.bucket}"] = level.low, level.high
        _write_arrays(folder / ENVELOPE, arrays, is_draft=self.is_draft)
        if not self.is_draft:
            _write_arrays(folder / SPECTROGRAM, self.spectrogram.arrays())
        return {
            "seconds": info.seconds,
            "sample_rate": info.sample_rate,
            "n_channels": info.n_channels,
            "n_samples": info.n_samples,
            **{name: round(value, 4) for name, value in self.meter.levels().items()},
            "sha256": info.stamp,
        }


def write_audio_clip(
    folder: Path, sound: Waveform | Blocks, sample_rate: int | None = None, *, is_draft: bool = False
) -> Clip:
    """Store sound as a clip in `folder`, which is made where it does not exist.

    Args:
        sound: a Waveform, or blocks of float32 samples of shape (n_channels, n) in [-1, 1] with their `sample_rate`.
        is_draft: for a look at what is still being made: no spectrogram, and no wait for the disk.

    Raises:
        InvalidInput: no samples at all, samples that are not finite, more than 4 GB.
        ResourceUnavailable: the disk is full.
    """
    if isinstance(sound, Waveform):
        sample_rate, blocks = sound.sample_rate, _cut(sound)
    elif sample_rate is None:
        raise TypeError("blocks come with their sample rate")
    else:
        blocks = iter(sound)
    with _storing(folder, AUDIO, is_draft=is_draft) as path:
        previews = _write_sound(path, blocks, sample_rate, is_draft=is_draft)
        info = wav_info(path)
        facts = previews.store(folder, info)
    write_json(folder / FACTS, {"medium": "audio", **facts}, survives_power_cut=not is_draft)
    return Clip(folder)


def write_score_clip(folder: Path, score: Score, *, is_draft: bool = False) -> Clip:
    """Store a score as a clip in `folder`: score.mid, its roll and facts. It has no sound yet: see `ensure_audio`. For
    a draft nobody waits for the disk.

    Children and workers only: imports symusic."""
    from musicgen.symbolic.midi import write_midi
    from musicgen.symbolic.rolls import score_facts, score_to_roll

    with _storing(folder, SCORE, is_draft=is_draft) as path:
        write_midi(score, path)
        sha256 = sha256_of(path)
    _write_arrays(folder / ROLL, score_to_roll(score), is_draft=is_draft)
    write_json(folder / FACTS, {**score_facts(score), "sha256": sha256}, survives_power_cut=not is_draft)
    return Clip(folder)


def score_contents(score: Score) -> tuple[dict[str, Any], dict[str, bytes]]:
    """The facts of a score, and the files of its clip, name → content; nothing is written.

    The roll is among them where reading it is quicker than reading the score once more."""
    from musicgen.symbolic.midi import score_to_midi_bytes
    from musicgen.symbolic.rolls import score_facts, score_to_roll

    content = score_to_midi_bytes(score)
    facts = {**score_facts(score), "sha256": hashlib.sha256(content).hexdigest()}
    contents = {SCORE: content}
    if score.num_notes > MANY_NOTES:
        contents[ROLL] = _array_bytes(score_to_roll(score))
    return facts, contents | {FACTS: json.dumps(facts, allow_nan=False).encode()}


def write_contents(folder: Path, contents: Mapping[str, bytes]) -> None:
    """Write a clip's files, the facts last, into a `folder` that whoever publishes it will sync."""
    with _told_in_words():
        for name, content in contents.items():
            with open(folder / name, "wb", buffering=0) as file:
                file.write(content)


def add_sound(clip: Clip, wav_path: Path, **more_facts: Any) -> None:
    """Make the WAV file at `wav_path`, one of our own, the sound of a clip that has a score; the file moves there.

    `more_facts` are stored beside the facts of the sound. audio.wav comes last: with it, all the rest is there."""
    info = wav_info(wav_path)
    previews = _Previews(info.sample_rate, info.n_channels)
    for start in range(0, info.n_samples, BLOCK_FRAMES):
        previews.add(read_wav(wav_path, start, start + BLOCK_FRAMES).samples)
    facts = previews.store(clip.folder, info)
    write_json(clip.folder / FACTS, {**clip.facts, "audio": {**facts, **more_facts}})
    sync_file(wav_path)
    os.replace(wav_path, clip.audio_path)
    sync_folder(clip.folder)


def _write_sound(path: Path, blocks: Iterator[NDArray[np.float32]], sample_rate: int, *, is_draft: bool) -> _Previews:
    first = next((block for block in blocks if block.size), None)
    if first is None:
        raise InvalidInput(sentence("A clip has sound", "no samples at all"), code="empty")
    n_channels = np.atleast_2d(first).shape[0]
    previews = _Previews(sample_rate, n_channels, is_draft=is_draft)
    with WavWriter(path, sample_rate, n_channels) as writer:
        for block in chain([first], blocks):
            writer.write(block)
            previews.add(np.clip(np.atleast_2d(block), -1.0, 1.0).astype(np.float32, copy=False))
    return previews


def _cut(waveform: Waveform) -> Iterator[NDArray[np.float32]]:
    for start in range(0, waveform.n_samples, BLOCK_FRAMES):
        yield waveform.samples[:, start : start + BLOCK_FRAMES]


@contextmanager
def _storing(folder: Path, name: str, *, is_draft: bool) -> Iterator[Path]:
    """A temporary path in `folder` that becomes `name` when the block ends well, and vanishes when not."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / f".{uuid.uuid4().hex}.{name}"
    try:
        with _told_in_words():
            yield path
            if not is_draft:
                sync_file(path)
            os.replace(path, folder / name)
    finally:
        path.unlink(missing_ok=True)


@contextmanager
def _told_in_words() -> Iterator[None]:
    """A full disk becomes a sentence."""
    try:
        yield
    except OSError as error:
        if not is_full(error):
            raise
        raise disk_full("A clip is stored whole", error) from error


def _write_arrays(path: Path, arrays: dict[str, NDArray[Any]], *, is_draft: bool = False) -> None:
    write_bytes(path, _array_bytes(arrays), survives_power_cut=not is_draft)


def _array_bytes(arrays: dict[str, NDArray[Any]]) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()
