"""Training against plain `model.fit`: the same network in Keras' own layers, all examples in memory.

Ours streams its examples from disk, through the same call as in a run. The other side gets arrays, a standard loss,
the same optimiser and batch size, and Keras' defaults for the rest.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from time import perf_counter
from typing import Any

from musicgen.benchmarks import Line
from musicgen.benchmarks.training_cases import CASES
from musicgen.benchmarks.training_race import Epoch, RaceCase, Start, race

Asked = tuple[Any, Any, Any]  # arguments of `model.fit`: inputs, targets, sample weights


def fit_epochs(start: Start, asked: Callable[[Start], Asked], loss: str) -> Epoch:
    """Epochs of `model.fit`."""
    import keras

    from musicgen.networks.recipe import Recipe

    x, y, weight = asked(start)
    losses = {
        "mse": keras.losses.MeanSquaredError(),
        "classes": keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        "yes or no": keras.losses.BinaryCrossentropy(from_logits=True),
    }
    recipe = Recipe.of(start.training, algorithm=getattr(start.training, "optimizer", "adam"))
    steps = -(-start.examples.n_examples // recipe.batch_size)
    model = stock(start.model())
    each: Any = losses.get(loss)
    if isinstance(y, dict):
        each = {name: losses["yes or no" if name == "again" else loss] for name in y}
    elif isinstance(y, list):
        each = [each] * len(y)
    model.compile(recipe.optimizer(steps), loss=each)

    def epoch() -> float:
        timer = _timer()
        model.fit(x, y, sample_weight=weight, batch_size=recipe.batch_size, verbose=0, callbacks=[timer])
        return float(timer.seconds)

    return epoch


def epochs_step_by_step(start: Start) -> Epoch:
    """Epochs of our own loop with one step per call, to show what several steps per call save."""
    from musicgen.approaches.amplitude_lstm.network import AMPLITUDE_OBJECTIVE
    from musicgen.codecs.examples import blocks
    from musicgen.networks.loops import training_loop
    from musicgen.networks.recipe import Recipe

    recipe = Recipe.of(start.training)
    run = training_loop(start.model(), recipe.optimizer(1), AMPLITUDE_OBJECTIVE)

    def epoch() -> float:
        began = perf_counter()
        for block in blocks(start.examples, recipe.batch_size, 1, seed=0, epoch=1):
            run(block.arrays, 1, 0)
        return perf_counter() - began

    return epoch


def _timer() -> Any:
    """A callback that records the seconds of the last epoch, without the setup of `fit`."""
    import keras

    class Timer(keras.callbacks.Callback):
        began, seconds = 0.0, 0.0

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            self.began = perf_counter()

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            self.seconds = perf_counter() - self.began

    return Timer()


def stock(model: Any) -> Any:
    """The same network with Keras' own layers where they correspond to ours."""
    import keras

    from musicgen.approaches.note_wavenet.convolutions import CausalConvolution
    from musicgen.networks.activations import activation
    from musicgen.networks.dropout import Dropout
    from musicgen.networks.recurrent import LSTM

    def counterpart(layer: Any) -> Any:
        if isinstance(layer, LSTM):
            return keras.layers.LSTM(
                layer.units, return_sequences=layer.return_sequences, name=layer.name,
                activation=activation(layer.activation)[0],
                recurrent_activation=activation(layer.recurrent_activation)[0],
            )  # fmt: skip
        if isinstance(layer, CausalConvolution):
            shape = (layer.filters, layer.kernel_size)
            return keras.layers.Conv1D(*shape, dilation_rate=layer.dilation, padding="causal", name=layer.name)
        if isinstance(layer, Dropout):
            return keras.layers.Dropout(layer.rate, name=layer.name)
        return layer

    return keras.models.clone_model(model, clone_function=counterpart)


def _plain(start: Start) -> Asked:
    arrays = start.arrays()
    return arrays["inputs"], arrays["target"], None


def _jazz(start: Start) -> Asked:
    arrays = start.arrays()
    return [arrays["inputs"], arrays["places"]], arrays["target"], arrays["known"]


def _events(start: Start) -> Asked:
    arrays = start.arrays()
    mask, chosen = arrays.pop("mask"), arrays["chosen"]
    fields = [field for field, size in enumerate(start.prepared.codec.sizes) if size > 1]
    return arrays, [chosen[..., field] for field in fields], [mask] * len(fields)


def _voices(start: Start) -> Asked:
    """Both networks: the voices in the order in which they are decided, and those that are filled in."""
    import numpy as np

    from musicgen.approaches.voices.drawing import sizes_of

    codec, arrays = start.prepared.codec, start.arrays()
    order = list(sizes_of(start.training, codec.values, codec.n_voices, strikes=codec.strikes).order)
    mask = arrays.pop("mask")
    cells = np.repeat(mask[..., None], len(order), axis=-1)
    wanted = {"notes": arrays["ids"][..., order], "again": arrays["struck"][..., order], "filled": arrays["ids"]}
    # Keras weighs a whole step in the loss of yes or no, so that its loss is another; its arithmetic is the same.
    return arrays, wanted, {"notes": cells, "again": mask, "filled": cells * arrays["hidden"]}


def _codes(start: Start) -> Asked:
    arrays = start.arrays()
    return [arrays["inputs"], arrays["places"]], arrays["target"], arrays["mask"]


def _blocks(start: Start) -> Asked:
    arrays = start.arrays()
    return arrays["inputs"], arrays["targets"], arrays["mask"]


def _frames(start: Start) -> Asked:
    arrays, codec = start.arrays(), start.prepared.codec
    ids = codec.quantise(arrays["target"].reshape(-1, arrays["target"].shape[-1]))
    ids = ids.reshape(*arrays["mask"].shape, -1)
    inputs = {name: arrays[name] for name in ("heard", "known")}
    return inputs, [ids[..., number] for number in range(ids.shape[-1])], [arrays["mask"]] * ids.shape[-1]


def _measure(case: RaceCase, asked: Callable[[Start], Asked], loss: str, name: str) -> Line:
    return race(name, case, lambda start: fit_epochs(start, asked, loss), "model.fit, arrays in memory")


_ASKED: dict[str, tuple[Callable[[Start], Asked], str]] = {
    "note_lstm_tokens": (_plain, "classes"),
    "note_lstm_events": (_events, "classes"),
    "note_wavenet": (_plain, "classes"),
    "note_wavenet_events": (_events, "classes"),
    "jazz_lstm": (_jazz, "classes"),
    "voices": (_voices, "classes"),
    "collage": (_codes, "classes"),
    "amplitude_lstm": (_plain, "mse"),
    "spectral_lstm": (_blocks, "mse"),
    "spectral_lstm_frames": (_frames, "classes"),
    "audio_wavenet": (_plain, "classes"),
}
LINES: dict[str, Callable[[], Line]] = {
    f"training_{name}_fit": partial(_measure, CASES[name], *asked, name=f"training_{name}_fit")
    for name, asked in _ASKED.items()
}
LINES["training_steps_per_call"] = lambda: race(
    "training_steps_per_call", CASES["amplitude_lstm"], epochs_step_by_step, "one step in a call"
)
