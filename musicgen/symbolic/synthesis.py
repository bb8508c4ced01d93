"""Renders scores to blocks of sound with two synthesisers. Children only: they are native code fed with uploads.

Both yield float32 blocks of shape (2, n) at any level; `rendering` sets the level. Nothing here writes a file except
the score for FluidSynth.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from itertools import zip_longest
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from musicgen.symbolic.midi import assign_channels, score_to_midi_bytes
from musicgen.symbolic.pedal import held_offsets
from musicgen.symbolic.score import Score, TempoChange, make_notes

Block = NDArray[np.float32]
Blocks = Generator[Block, None, None]

WINDOW_SECONDS = 30.0
MAX_NOTE_SECONDS, MIN_NOTE_SECONDS = 60.0, 0.05
QUALITY = 4  # of symusic's interpolation, 0-6


def fluidsynth_blocks(score: Score, sound_font: Path, sample_rate: int, *, seconds: float) -> Blocks:
    """FluidSynth, one process for each MIDI port (15 instruments and drums), mixed. `seconds`: total wall-clock limit.

    Raises ResourceUnavailable: code `timeout`, or `synthesiser_failed` if it gives no sound.
    """
    from musicgen.symbolic.fluidsynth import FluidSynthStream

    with ExitStack() as stack:
        streams = []
        for part in _ports(score):
            stream = FluidSynthStream(str(sound_font), sample_rate)
            streams.append(stack.enter_context(closing(stream.blocks(part, seconds=seconds))))
        for blocks in zip_longest(*streams):
            yield _mix([block for block in blocks if block is not None])


def symusic_blocks(score: Score, sound_font: Path, sample_rate: int) -> Blocks:
    """symusic's synthesiser, one window of note onsets at a time, so that memory holds one window and its longest note.

    It ignores controllers: notes held by the pedal are lengthened instead. Notes of more than a minute are cut,
    and those of zero length, which it would not play, get 50 ms.
    """
    import symusic

    synthesizer = symusic.Synthesizer(sf_path=str(sound_font), sample_rate=sample_rate, quality=QUALITY)
    ringing = np.zeros((2, 0), np.float32)
    offset = held_offsets(score)
    for start in np.arange(0.0, max(score.seconds, 1e-9), WINDOW_SECONDS):
        inside = (score.onset >= start) & (score.onset < start + WINDOW_SECONDS)
        if inside.any():
            window = _window(score, inside, score.onset - start, offset - score.onset)
            sound = np.asarray(synthesizer.render(symusic.Score.from_midi(score_to_midi_bytes(window)), stereo=True))
            ringing = _mix([ringing, sound.astype(np.float32)])
        n_samples = round(WINDOW_SECONDS * sample_rate)
        yield _padded(ringing[:, :n_samples], n_samples)
        ringing = ringing[:, n_samples:]
    yield ringing


def _window(score: Score, inside: NDArray[np.bool_], onset: NDArray[np.float64], seconds: NDArray[np.float64]) -> Score:
    """Some notes of a score with their own clock: 10,000 ticks a second, whatever the tempo was."""
    notes = score.notes[inside]
    ticks = np.rint(np.minimum(seconds[inside], MAX_NOTE_SECONDS) * 10_000)
    moved = make_notes(
        np.rint(onset[inside] * 10_000),
        np.maximum(ticks, MIN_NOTE_SECONDS * 10_000),
        notes["pitch"],
        notes["velocity"],
        notes["track"],
    )
    return Score(moved, ticks_per_beat=5_000, tracks=score.tracks, tempos=(TempoChange(0, 120.0),))


def _ports(score: Score) -> Iterator[Score]:
    """The score in parts of at most 16 channels, each with the whole tempo map."""
    ports = np.array([port for port, _ in assign_channels(score.tracks)])
    for port in np.unique(ports):
        members = np.flatnonzero(ports == port)
        part = score.only_tracks(tuple(members.tolist()))
        if part.num_notes == 0:
            continue
        number = np.cumsum(ports == port) - 1  # of a track within its port
        notes, controls = part.notes.copy(), part.controls.copy()
        notes["track"], controls["track"] = number[notes["track"]], number[controls["track"]]
        yield replace(part, notes=notes, controls=controls, tracks=tuple(score.tracks[index] for index in members))


def _mix(blocks: list[Block]) -> Block:
    longest = max(block.shape[1] for block in blocks)
    return np.sum([_padded(block, longest) for block in blocks], axis=0, dtype=np.float32)


def _padded(block: Block, n_samples: int) -> Block:
    return np.pad(block, ((0, 0), (0, n_samples - block.shape[1])))
