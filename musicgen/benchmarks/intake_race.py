"""Intake: a thousand MIDI files into the library, the parser alone, and an hour of sound.

The MIDI files are chorales of music21's corpus, each in twelve transpositions, so that no two are the same. The time to
make them is not measured; the time to start the processes that read them is.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from itertools import count
from pathlib import Path
from threading import Event, Thread

from musicgen.benchmarks import Line, paired, rate

NUM_FILES, NUM_SCORES = 1000, 84
EVERY = 20  # music21 parses only every 20th file, because each takes a tenth of a second
SAMPLE_RATE = 44_100
HOUR, NAIVE_SECONDS = 3600, 600  # seconds of sound; an hour would not fit into memory the naive way
MB = 1 << 20


def midi_intake() -> Line:
    """Files per second from folder to library: copied, hashed, checked, parsed, stored as clips and recorded."""
    with tempfile.TemporaryDirectory() as folder:
        files = _write_files(Path(folder))
        _music21_parses(files[:1])
        homes = (Path(folder) / f"home {number}" for number in count())
        return Line(
            "intake_midi",
            *paired(
                lambda: len(files) / _seconds_to_add(files, next(homes)),
                lambda: rate(lambda: _music21_parses(files[::EVERY])),
            ),
            baseline_name=f"music21 parse alone (of every {EVERY}th of the files)",
            unit="files/s",
        )


def midi_parse() -> Line:
    """Files per second of the check and the parser alone, in one process."""
    from musicgen.symbolic.midi import read_midi

    with tempfile.TemporaryDirectory() as folder:
        files = _write_files(Path(folder))

        def ours() -> int:
            for path in files:
                read_midi(path)
            return len(files)

        _music21_parses(files[:1])
        return Line(
            "intake_midi_parse",
            *paired(lambda: rate(ours), lambda: rate(lambda: _music21_parses(files[:: 2 * EVERY]))),
            baseline_name=f"music21 parse (of every {2 * EVERY}th of the files)",
            unit="files/s",
        )


def audio() -> Line:
    """Seconds of sound taken in per second: stored, measured, with envelope and spectrogram."""
    (ours, _), (naive, _) = _sound()
    name = f"librosa.load, STFT in dB and a WAV copy (of {NAIVE_SECONDS // 60} minutes)"
    return Line("intake_audio", ours, naive, name, "seconds of 44.1 kHz stereo/s")


def audio_memory() -> Line:
    """Peak memory of the process that imports an hour of sound."""
    (_, ours), (_, naive) = _sound()
    name = f"librosa.load, STFT in dB and a WAV copy of {NAIVE_SECONDS // 60} minutes (ours: an hour)"
    return Line("intake_audio_memory", ours, naive, name, "MB, less is better", less_is_better=True)


LINES: dict[str, Callable[[], Line]] = {
    "intake_midi": midi_intake,
    "intake_midi_parse": midi_parse,
    "intake_audio": audio,
    "intake_audio_memory": audio_memory,
}


@cache
def _contents() -> tuple[bytes, ...]:
    """The MIDI files, as bytes: chorales of the corpus in all twelve keys."""
    from musicgen.errors import NotFound
    from musicgen.symbolic.corpus import corpus_score
    from musicgen.symbolic.midi import score_to_midi_bytes
    from musicgen.symbolic.score import Score, Track

    def transposed(score: Score, steps: int) -> bytes:
        notes = score.notes.copy()
        notes["pitch"] = (notes["pitch"].astype(int) + steps).clip(0, 127)
        return score_to_midi_bytes(replace(score, notes=notes))

    tracks = tuple(Track(name, 52) for name in ("Soprano", "Alto", "Tenor", "Bass"))
    found: dict[bytes, None] = {}
    for number in range(253, 439):  # the chorales that do not belong to a larger work
        try:
            score = corpus_score(f"bach/bwv{number}", tracks=tracks, tempo=96.0)
        except (NotFound, TypeError):  # music21 returns a list if it has several settings
            continue
        found |= dict.fromkeys(transposed(score, steps) for steps in range(-6, 6))
        if len(found) >= NUM_FILES:
            break
    return tuple(found)[:NUM_FILES]


def _write_files(folder: Path) -> list[Path]:
    paths = [folder / f"chorale {number:04d}.mid" for number in range(len(_contents()))]
    for path, content in zip(paths, _contents(), strict=True):
        path.write_bytes(content)
    return paths


def _seconds_to_add(files: list[Path], new_home: Path) -> float:
    """Import into an empty library. The caller removes it only after all is measured: for some minutes, ext4 does not
    reuse the place of a removed file and has to search for another one for each new file."""
    from musicgen.songs.intake import Upload, add_uploads

    with _living_in(new_home):
        started = time.perf_counter()
        report = add_uploads([Upload(path.name, path=path) for path in files])
        seconds = time.perf_counter() - started
    if len(report.accepted) < len(files):
        raise RuntimeError(report.files[0].reason)
    return seconds


def _music21_parses(files: list[Path]) -> int:
    from musicgen.symbolic.music21_locked import music21_locked

    converter = music21_locked().converter
    for path in files:
        converter.parseFile(os.fspath(path), format="midi", forceSource=True)
    return len(files)


def _sound() -> tuple[tuple[float, float], tuple[float, float]]:
    """(seconds of sound a second, peak MB) of our way and the naive one."""
    with tempfile.TemporaryDirectory() as folder:
        long, short = (_write_wav(Path(folder) / f"{seconds}.wav", seconds) for seconds in (HOUR, NAIVE_SECONDS))
        home = Path(folder) / "home"
        return (_measured(lambda: _seconds_to_add([long], home), HOUR), _measured(lambda: _naive(short), NAIVE_SECONDS))


def _measured(work: Callable[[], float], seconds: float) -> tuple[float, float]:
    """`work` starts one process, whose peak memory is measured, and returns how long it took."""
    with _watching() as peak:
        return seconds / work(), max(peak, default=0.0)


def _naive(path: Path) -> float:
    """What a simple script does: load everything, transform everything. Returns the seconds."""
    from musicgen.processes import run_child

    started = time.perf_counter()
    run_child("musicgen.benchmarks.naive_sound", {"path": str(path)}, seconds=300.0)
    return time.perf_counter() - started


@contextmanager
def _living_in(new_home: Path) -> Iterator[None]:
    """A temporary library that accepts files as large as an hour of sound."""
    new_home.mkdir()
    changed = {"MUSICGEN_HOME": str(new_home), "MUSICGEN_MAX_UPLOAD_MB": "1000", "MUSICGEN_DATABASE_URL": ""}
    before = {name: os.environ.get(name) for name in changed}
    os.environ |= changed
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


@contextmanager
def _watching() -> Iterator[list[float]]:
    """Records the memory (MB) of the processes started meanwhile, each with its children."""
    import psutil

    seen: list[float] = []
    done = Event()

    def watch() -> None:
        while not done.wait(0.02):
            try:
                seen.append(sum(each.memory_info().rss for each in psutil.Process().children(recursive=True)) / MB)
            except psutil.Error:  # it ended while we looked
                continue

    thread = Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        done.set()
        thread.join()


def _write_wav(path: Path, seconds: int) -> Path:
    """A minute of tones and noise, repeated at different levels."""
    import numpy as np

    from musicgen.audio.wav import WavWriter

    time = np.arange(60 * SAMPLE_RATE) / SAMPLE_RATE
    tones = sum(np.sin(2 * np.pi * pitch * time) for pitch in (110.0, 220.5, 331.0, 440.0, 1200.0))
    noise = np.random.default_rng(0).standard_normal((2, time.size))
    minute = (0.1 * tones + 0.02 * noise).astype(np.float32)
    with WavWriter(path, SAMPLE_RATE, 2) as writer:
        for number in range(seconds // 60):
            writer.write(minute * np.float32(0.5 + 0.5 * (number * 37 % 60) / 60))
    return path
