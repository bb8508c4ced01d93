"""Notes generated a second, one output: cached state in a compiled loop against `predict` on a sliding window.

The network has the sizes that such systems are published with: three LSTM layers of 256, a window of 100. Its weights
are random: what it plays does not matter here.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from musicgen.benchmarks import Line, paired, rate

WINDOW, NOTES, NAIVE_NOTES = 100, 4000, 20


def _song(folder: Path) -> Any:
    from musicgen.approaches.base import TrainingSong
    from musicgen.clips import write_score_clip
    from musicgen.songs.samples import make_sample
    from musicgen.symbolic.midi import read_midi

    made = make_sample("ground_bass", folder / "sample")
    path = made if made.is_file() else next(made.rglob("*.mid"))
    return TrainingSong("song-000000000000", "ground bass", write_score_clip(folder / "clip", read_midi(path)))


def measure() -> Line:
    """Notes per second of the same network, both ways."""
    from musicgen.approaches import approach
    from musicgen.approaches.base import SilentMonitor

    notes = approach("note_lstm")
    training = notes.Training.model_validate(
        {"representation": "tokens", "sequence_length": WINDOW, "num_layers": 3, "units": 256}
    )
    generation = notes.Generation.model_validate({"num_notes": NOTES})
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "sample").mkdir()
        song = _song(Path(folder))
        codec = notes.prepare([song], training).codec
        networks = notes.build(codec, training)
        (network,) = networks.models.values()
        window = np.zeros((1, WINDOW), dtype=np.int32)

        def ours() -> int:
            (made,) = notes.generate(
                networks, codec, training, generation, songs=[song], prompt=None, seeds=[0], monitor=SilentMonitor()
            )
            return int(made.facts["steps"])

        def naive() -> int:
            for _ in range(NAIVE_NOTES):
                chances = np.asarray(network.predict(window, verbose=0)).reshape(-1)[-len(codec.vocabulary) :]
                window[0] = np.append(window[0, 1:], int(np.argmax(chances)))
            return NAIVE_NOTES

        ours(), naive()  # compiled once, outside the measurement
        rates = paired(lambda: rate(ours), lambda: rate(naive))
    return Line("note_generation", *rates, baseline_name="predict on a sliding window", unit="notes/s")
