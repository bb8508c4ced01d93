"""Renders a score to a WAV file. Children only.

Uses FluidSynth if it and a sound font are installed, else symusic's synthesiser with the sound font in pretty_midi,
so that pip alone is enough. The sound starts at tick 0 of the score, peaks at -1 dBFS, and ends when the
last note has died away.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import IO

import numpy as np

from musicgen.errors import ResourceUnavailable, sentence
from musicgen.settings import settings
from musicgen.storage.files import check_free_space
from musicgen.symbolic.midi import read_midi
from musicgen.symbolic.score import Score
from musicgen.symbolic.sound_fonts import bundled_sound_font, fluidsynth_program, system_sound_font
from musicgen.symbolic.synthesis import Block, Blocks, fluidsynth_blocks, symusic_blocks

PEAK = 10 ** (-1 / 20)  # -1 dBFS
AUDIBLE = 10 ** (-60 / 20)  # of the peak: anything softer after the last note is cut
MAX_GAIN = 100.0  # +40 dB: silence stays silence
MAX_TAIL_SECONDS = 2.0
MIN_TAIL_SECONDS = 0.1
FADE_SECONDS = 0.5
BLOCK_FRAMES = 1 << 16
FLUIDSYNTH_SHARE = 0.6  # of the time allowed; the rest is for symusic, which is several times faster

log = logging.getLogger(__name__)


def render_midi(midi_path: Path, wav_path: Path, *, sample_rate: int = 44_100) -> str:
    """Write a MIDI file as a 16-bit stereo WAV; returns the name of the synthesiser and of its sound font.

    Raises RejectedFile for a bad MIDI file, ResourceUnavailable if no synthesiser works.
    """
    return render_score(read_midi(midi_path), wav_path, sample_rate=sample_rate)


def render_score(score: Score, wav_path: Path, *, sample_rate: int = 44_100) -> str:
    """`render_midi` for a score."""
    problems = []
    for name, blocks in _synthesisers(score, sample_rate):
        try:
            _write(blocks, score.seconds, wav_path, sample_rate)
        except ResourceUnavailable as problem:
            if problem.code not in ("synthesiser_failed", "timeout"):
                raise
            log.warning("%s failed: %s", name, problem)
            problems.append(str(problem))
        else:
            return name
    raise ResourceUnavailable(
        sentence(
            "A synthesiser and a sound font must be installed", "; ".join(problems) or "neither FluidSynth nor symusic"
        ),
        code="no_synthesiser",
    )


def _synthesisers(score: Score, sample_rate: int) -> Iterator[tuple[str, Blocks]]:
    """The best one first; a later one is used only if an earlier one fails."""
    system_font, small_font = system_sound_font(), bundled_sound_font()
    seconds = settings().render_seconds * FLUIDSYNTH_SHARE
    if fluidsynth_program():
        for font in (system_font, small_font):
            if font:
                yield f"FluidSynth, {font.name}", fluidsynth_blocks(score, font, sample_rate, seconds=seconds)
                break
    if small_font:
        yield f"symusic, {small_font.name}", symusic_blocks(score, small_font, sample_rate)


def _write(blocks: Blocks, music_seconds: float, wav_path: Path, sample_rate: int) -> None:
    """Two passes over the sound, through a temporary file: one for its peak and its end, one to write it."""
    from musicgen.audio.wav import WavWriter

    check_free_space(int((music_seconds + MAX_TAIL_SECONDS) * sample_rate * 12))
    music = round(music_seconds * sample_rate)
    with closing(blocks), tempfile.TemporaryFile(dir=wav_path.parent) as spool:
        peak, tail = _spool(blocks, spool, music, music + round(MAX_TAIL_SECONDS * sample_rate))
        gain = min(PEAK / peak, MAX_GAIN) if peak > 0 else 1.0
        spool.seek(0)
        with WavWriter(wav_path, sample_rate, 2) as writer:
            remaining = music
            while remaining > 0:
                piece = np.frombuffer(spool.read(8 * min(remaining, BLOCK_FRAMES)), np.float32).reshape(-1, 2).T
                if not piece.size:  # the synthesiser stopped before the score did
                    piece = np.zeros((2, min(remaining, BLOCK_FRAMES)), np.float32)
                writer.write(piece * np.float32(gain))
                remaining -= piece.shape[1]
            writer.write(_ending(tail, peak, sample_rate) * np.float32(gain))


def _spool(blocks: Blocks, spool: IO[bytes], music: int, most: int) -> tuple[float, Block]:
    """Store the sound. Returns its peak, and the sound from frame `music` to frame `most`."""
    peak, n_frames = 0.0, 0
    tail = np.zeros((2, most - music), np.float32)
    for block in blocks:
        block = block[:, : most - n_frames]
        peak = max(peak, float(np.abs(block).max(initial=0.0)))
        spool.write(np.ascontiguousarray(block.T, np.float32).tobytes())
        after = block[:, max(music - n_frames, 0) :]
        start = max(n_frames - music, 0)
        tail[:, start : start + after.shape[1]] = after
        n_frames += block.shape[1]
        if n_frames >= most:
            break
    if n_frames == 0:
        raise ResourceUnavailable(sentence("A synthesiser must produce sound", "none"), code="synthesiser_failed")
    return peak, tail


def _ending(tail: Block, peak: float, sample_rate: int) -> Block:
    """The tail up to the last audible moment, faded out."""
    audible = np.flatnonzero(np.abs(tail).max(axis=0) > AUDIBLE * peak)
    n_frames = max(int(audible[-1]) + 1 if audible.size else 0, round(MIN_TAIL_SECONDS * sample_rate))
    fade = np.ones(n_frames, np.float32)
    n_fade = min(n_frames, round(FADE_SECONDS * sample_rate))
    fade[n_frames - n_fade :] = np.linspace(1.0, 0.0, n_fade, dtype=np.float32)
    return tail[:, :n_frames] * fade
