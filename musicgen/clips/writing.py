"""Writes sound or a score as the files of a clip. Sound is processed block by block: apart from previews, an hour needs
no more memory than a minute. facts.json comes last: a folder with facts is a complete clip."""

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
from musicgen.clips.pictures import write_pictures
from musicgen.errors import InvalidInput, sentence
from musicgen.faults import disk_full, is_full
from musicgen.storage.files import sha256_of, sync_file, sync_folder, write_bytes, write_json

if TYPE_CHECKING:
    from musicgen.symbolic.score import Score

Blocks = Iterable[NDArray[np.float32]]
BLOCK_FRAMES = 1 << 16
MANY_NOTES = 20_000  # with fewer, a roll is made from the score as fast as it would be read


class _Previews:
    """All previews of a sound, made in one pass; for a draft, no spectrogram."""

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
        """Write envelope.npz and spectrogram.npz; returns the facts of the sound."""
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
    """Store sound as a clip in `folder`, which is created if needed.

    Args:
        sound: a Waveform, or blocks of float32 samples of shape (n_channels, n) in [-1, 1] with their `sample_rate`.
        is_draft: for previewing a piece that is still being made: no spectrogram, and no sync to disk.

    Raises:
        InvalidInput: no samples at all, samples that are not finite, more than 4 GB.
        ResourceUnavailable: the disk is full.
    """
    if isinstance(sound, Waveform):
        sample_rate, blocks = sound.sample_rate, _cut(sound)
    elif sample_rate is None:
        raise TypeError("blocks need a sample rate")
    else:
        blocks = iter(sound)
    with _storing(folder, AUDIO, is_draft=is_draft) as path:
        previews = _write_sound(path, blocks, sample_rate, is_draft=is_draft)
        info = wav_info(path)
        facts = previews.store(folder, info)
    write_pictures(Clip(folder), is_draft=is_draft)
    write_json(folder / FACTS, {"medium": "audio", **facts}, survives_power_cut=not is_draft)
    return Clip(folder)


def write_score_clip(folder: Path, score: Score, *, is_draft: bool = False) -> Clip:
    """Store a score as a clip in `folder`: score.mid, its roll and facts. It has no sound yet: see `ensure_audio`. A
    draft is not synced to disk.

    Children and workers only: imports symusic."""
    from musicgen.symbolic.midi import write_midi
    from musicgen.symbolic.rolls import score_facts, score_to_roll

    with _storing(folder, SCORE, is_draft=is_draft) as path:
        write_midi(score, path)
        sha256 = sha256_of(path)
    _write_arrays(folder / ROLL, score_to_roll(score), is_draft=is_draft)
    write_pictures(Clip(folder), is_draft=is_draft)
    write_json(folder / FACTS, {**score_facts(score), "sha256": sha256}, survives_power_cut=not is_draft)
    return Clip(folder)


def score_contents(score: Score) -> tuple[dict[str, Any], dict[str, bytes]]:
    """The facts of a score, and the files of its clip as name → content; writes nothing.

    The roll is included if reading it is faster than reading the score again."""
    from musicgen.symbolic.midi import score_to_midi_bytes
    from musicgen.symbolic.rolls import score_facts, score_to_roll

    content = score_to_midi_bytes(score)
    facts = {**score_facts(score), "sha256": hashlib.sha256(content).hexdigest()}
    contents = {SCORE: content}
    if score.num_notes > MANY_NOTES:
        contents[ROLL] = _array_bytes(score_to_roll(score))
    return facts, contents | {FACTS: json.dumps(facts, allow_nan=False).encode()}


def write_contents(folder: Path, contents: Mapping[str, bytes]) -> None:
    """Write a clip's files, the facts last, into a `folder` that the publisher will sync."""
    with _told_in_words():
        for name, content in contents.items():
            with open(folder / name, "wb", buffering=0) as file:
                file.write(content)


def add_sound(clip: Clip, wav_path: Path, **more_facts: Any) -> None:
    """Make our own WAV file at `wav_path` the sound of a clip with a score; the file is moved.

    `more_facts` are added to the facts of the sound. audio.wav comes last: once it is there, everything is."""
    info = wav_info(wav_path)
    previews = _Previews(info.sample_rate, info.n_channels)
    for start in range(0, info.n_samples, BLOCK_FRAMES):
        previews.add(read_wav(wav_path, start, start + BLOCK_FRAMES).samples)
    facts = previews.store(clip.folder, info)
    write_json(clip.folder / FACTS, {**clip.facts, "audio": {**facts, **more_facts}})
    sync_file(wav_path)
    os.replace(wav_path, clip.audio_path)
    sync_folder(clip.folder)
    write_pictures(clip)


def _write_sound(path: Path, blocks: Iterator[NDArray[np.float32]], sample_rate: int, *, is_draft: bool) -> _Previews:
    first = next((block for block in blocks if block.size), None)
    if first is None:
        raise InvalidInput(sentence("A clip must have sound", "no samples"), code="empty")
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
    """A temporary path in `folder` that is renamed to `name` if the block succeeds, and removed if not."""
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
    """Turns a full disk into an error with a sentence."""
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
