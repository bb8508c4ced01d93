"""What the training benchmarks train: each approach with the sizes that its authors published, or else its own."""

from __future__ import annotations

from pathlib import Path

from musicgen.benchmarks.race_music import sounding, written
from musicgen.benchmarks.training_race import RaceCase
from musicgen.contract.prepared import TrainingSong


def _notes(folder: Path) -> list[TrainingSong]:
    return written(folder, 6)


def _song(folder: Path) -> list[TrainingSong]:
    return sounding(folder, 1, 180.0, sample_rate=44_100)


def _sound(folder: Path) -> list[TrainingSong]:
    return sounding(folder, 2, 30.0, sample_rate=44_100)


def _wavenet(stacks: int, batch_size: int, crops: int) -> RaceCase:
    more = {"residual": 64, "skip": 128, "dilation_depth": 10, "stacks": stacks, "batch_size": batch_size}
    return RaceCase("audio_wavenet", "original", _sound, {**more, "epoch_seconds": 10.0}, crops, 4096, "samples/s")


SMALL = (
    "93 small programs a step, 13 of them products of matrices, which take a quarter of the time; the others work out "
    "activations, their slopes and the optimiser's step, each in about a microsecond"
)
FEW_ROWS = (
    "batches of 8: a product of 8 rows, 32 times a step one after the other, is so small that the activations around "
    "it take longer"
)
TWO_STEPS = (
    "the authors' sixty windows make only two steps an epoch, and the second batch is not full; starting the call and "
    "writing the history take as long as one step; in a long call a step is as fast as its products alone"
)
WORDS = {"representation": "tokens", "validation": "random_windows", "threshold": 1}
CASES = {
    "note_lstm_tokens": RaceCase(
        "note_lstm", "original", _notes,
        {**WORDS, "units": 256, "num_layers": 3, "sequence_length": 100, "batch_size": 64, "embedding": 128}, 128,
    ),
    "note_lstm_events": RaceCase("note_lstm", "best", _notes),
    "note_wavenet": RaceCase("note_wavenet", "original", _notes, {**WORDS, "instruments": "all"}),
    "note_wavenet_events": RaceCase("note_wavenet", "best", _notes),
    "jazz_lstm": RaceCase("jazz_lstm", "original", _notes, held_back=TWO_STEPS),
    "voices": RaceCase("voices", "quick", _notes),
    "collage": RaceCase("collage", "quick", _song, held_back=FEW_ROWS),
    "amplitude_lstm": RaceCase("amplitude_lstm", "original", _sound, {"batch_size": 64}, 64 * 1024, held_back=SMALL),
    "spectral_lstm": RaceCase("spectral_lstm", "original", _sound, {"sequence_overlap": 0.9}, 20),
    "spectral_lstm_frames": RaceCase("spectral_lstm", "quick", _sound),
    "audio_wavenet": _wavenet(1, 4, 8),
    "audio_wavenet_30": _wavenet(3, 2, 2),
}  # fmt: skip
