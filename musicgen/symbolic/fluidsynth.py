"""FluidSynth at the end of a pipe, with limits on time and size. Children only.

midi2audio runs the program without a limit, into a 16-bit file at a low level. Its class keeps the sound font and the
sample rate here; the run itself is ours: float samples through stdout, ended by a timer, counted as they come.
"""

from __future__ import annotations

import subprocess
import tempfile
import threading
from collections.abc import Generator
from pathlib import Path
from typing import IO

import midi2audio
import numpy as np
from numpy.typing import NDArray

from musicgen.errors import ResourceUnavailable, sentence
from musicgen.symbolic.midi import score_to_midi_bytes
from musicgen.symbolic.score import Score
from musicgen.symbolic.sound_fonts import fluidsynth_program

BLOCK_FRAMES = 1 << 16
FRAME_BYTES = 8  # two channels of float32
GAIN = 0.5  # of FluidSynth's own scale; float output cannot clip and the level is set afterwards
OWN_TAIL_SECONDS = 30.0  # more than FluidSynth ever adds after the last note


class FluidSynthStream(midi2audio.FluidSynth):
    """A sound font, a sample rate, and scores as blocks of sound."""

    def blocks(self, score: Score, *, seconds: float) -> Generator[NDArray[np.float32], None, None]:
        """Float32 blocks of shape (2, n) from the start of the score to the end of the last note's tail.

        Raises ResourceUnavailable: code `timeout` after `seconds` of wall clock, else `synthesiser_failed`.
        """
        program = fluidsynth_program()
        if program is None:
            raise _failed("the program is not installed")
        with tempfile.TemporaryDirectory(prefix="musicgen-") as folder:
            midi_file = Path(folder, "score.mid")
            midi_file.write_bytes(score_to_midi_bytes(score))
            yield from self._run(program, midi_file, most=score.seconds + OWN_TAIL_SECONDS, seconds=seconds)

    def command(self, program: str, midi_file: Path) -> list[str]:
        """Fast rendering to stdout. An empty configuration file keeps the user's own commands out."""
        return [
            *(program, "-q", "-n", "-i", "-f", str(midi_file.with_name("empty"))),
            *("-g", str(GAIN), "-r", str(self.sample_rate), "-o", "synth.dynamic-sample-loading=1"),
            *("-T", "raw", "-O", "float", "-F", "-", self.sound_font, str(midi_file)),
        ]

    def _run(
        self, program: str, midi_file: Path, *, most: float, seconds: float
    ) -> Generator[NDArray[np.float32], None, None]:
        midi_file.with_name("empty").touch()
        process = subprocess.Popen(
            self.command(program, midi_file),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=midi_file.parent,
        )
        timer = threading.Timer(seconds, process.kill)
        timer.start()
        try:
            assert process.stdout is not None  # a pipe was asked for
            yield from self._read(process.stdout, most)
            if process.wait() != 0:
                raise _timeout(seconds) if timer.finished.is_set() else _failed(f"exit status {process.returncode}")
        finally:
            timer.cancel()
            process.kill()
            process.wait()
            if process.stdout:
                process.stdout.close()

    def _read(self, stdout: IO[bytes], most: float) -> Generator[NDArray[np.float32], None, None]:
        n_frames = 0
        while piece := stdout.read(BLOCK_FRAMES * FRAME_BYTES):
            if len(piece) % FRAME_BYTES:
                raise _failed("half a sample")
            block = np.frombuffer(piece, "<f4").reshape(-1, 2).T
            n_frames += block.shape[1]
            if n_frames > most * self.sample_rate:
                raise _failed(f"more than {most:.0f} s of sound")
            yield block
        if n_frames == 0:
            raise _failed("no sound")


def _failed(received: str) -> ResourceUnavailable:
    rule = "FluidSynth makes sound of a score"
    return ResourceUnavailable(sentence(rule, received, "See `python -m musicgen doctor`."), code="synthesiser_failed")


def _timeout(seconds: float) -> ResourceUnavailable:
    rule = f"A score becomes sound within {seconds:.0f} s (MUSICGEN_RENDER_SECONDS)"
    return ResourceUnavailable(sentence(rule, "a longer rendering", "Use a shorter score."), code="timeout")
