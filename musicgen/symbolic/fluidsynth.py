"""Runs FluidSynth through a pipe, with limits on time and size. Children only.

midi2audio runs the program without limits, into a 16-bit file at a low level. Its class holds the sound font and the
sample rate here; the run itself is ours: float samples through stdout, stopped by a timer or when the reader is done.
"""

from __future__ import annotations

import subprocess
import tempfile
import threading
from collections.abc import Generator
from pathlib import Path
from typing import IO, cast

import midi2audio
import numpy as np
from numpy.typing import NDArray

from musicgen.errors import ResourceUnavailable, sentence
from musicgen.symbolic.midi import score_to_midi_bytes
from musicgen.symbolic.score import Score
from musicgen.symbolic.sound_fonts import fluidsynth_program

BLOCK_FRAMES = 1 << 16
FRAME_BYTES = 8  # two channels of float32
PERIOD_FRAMES = 1024  # rendered at once: the same sound as with the usual 64, in a sixth less time
GAIN = 0.5  # of FluidSynth's own scale; float output cannot clip, and the level is set afterwards
Blocks = Generator[NDArray[np.float32], None, None]


class FluidSynthStream(midi2audio.FluidSynth):
    """Renders scores as blocks of sound with one sound font and sample rate."""

    def blocks(self, score: Score, *, seconds: float) -> Blocks:
        """Float32 blocks of shape (2, n) from the start of the score, for as long as the caller asks.

        FluidSynth continues for some seconds after the last event; closing the generator stops it.
        Raises ResourceUnavailable: code `timeout` after `seconds` of wall clock, else `synthesiser_failed`.
        """
        program = fluidsynth_program()
        if program is None:
            raise _failed("the program is not installed")
        with tempfile.TemporaryDirectory(prefix="musicgen-") as folder:
            midi_file = Path(folder, "score.mid")
            midi_file.write_bytes(score_to_midi_bytes(score))
            midi_file.with_name("empty").touch()
            yield from _run(self.command(program, midi_file), midi_file.parent, seconds)

    def command(self, program: str, midi_file: Path) -> list[str]:
        """Fast rendering to stdout. An empty configuration file keeps out the user's own commands."""
        return [
            *(program, "-q", "-n", "-i", "-f", str(midi_file.with_name("empty"))),
            *("-g", str(GAIN), "-r", str(self.sample_rate), "-z", str(PERIOD_FRAMES)),
            *("-o", "synth.dynamic-sample-loading=1"),
            *("-T", "raw", "-O", "float", "-F", "-", self.sound_font, str(midi_file)),
        ]


def _run(command: list[str], folder: Path, seconds: float) -> Blocks:
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=folder
    )
    stdout = cast(IO[bytes], process.stdout)  # a pipe, as requested
    timer = threading.Timer(seconds, process.kill)
    timer.start()
    try:
        yield from _read(stdout)
        if process.wait() != 0:
            raise _timeout(seconds) if timer.finished.is_set() else _failed(f"exit status {process.returncode}")
    finally:
        timer.cancel()
        process.kill()
        process.wait()
        stdout.close()


def _read(stdout: IO[bytes]) -> Blocks:
    while piece := stdout.read(BLOCK_FRAMES * FRAME_BYTES):
        if len(piece) % FRAME_BYTES == 0:  # else it was stopped in the middle of a frame; its exit status shows that
            yield np.frombuffer(piece, "<f4").reshape(-1, 2).T


def _failed(received: str) -> ResourceUnavailable:
    rule = "FluidSynth must be able to render the score"
    return ResourceUnavailable(sentence(rule, received, "See `python -m musicgen doctor`."), code="synthesiser_failed")


def _timeout(seconds: float) -> ResourceUnavailable:
    rule = f"FluidSynth must render the score within {seconds:g} s"
    remedy = "Raise MUSICGEN_RENDER_SECONDS or use a shorter score."
    return ResourceUnavailable(sentence(rule, "a longer rendering", remedy), code="timeout")
