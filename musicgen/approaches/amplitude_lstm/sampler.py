"""Sound from a network that predicts samples: free-running in a compiled loop, and one-step prediction of real sound.

Knows no files and no songs: series of numbers in, series of numbers out. The noise comes from the caller, and the same
noise gives the same sound.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicgen.approaches.amplitude_lstm.windows import Samples, WindowExamples
from musicgen.networks.backend import compiled, ops
from musicgen.sampling.portions import in_portions

SAMPLES_PER_CALL = 1 << 14  # at most
WINDOWS_PER_CALL = 1 << 14


def _ignore(made: Samples) -> None:
    return None


def free_run(
    model: Any,
    history: Samples,
    noise: Samples,
    *,
    as_steps: bool,
    limit: float,
    progress: Callable[[Samples], None] = _ignore,
) -> Samples:
    """Samples that follow `history`: each is the network's prediction plus noise, and is fed back to it.

    Args:
        history: (batch, look_back). noise: (batch, n_samples), in network units.
        as_steps: see build_amplitude_network. limit: full scale; what is fed back stays within ± limit.
        progress: called with the samples made so far, (batch, n).

    Returns:
        (batch, n_samples).
    """

    def play(history: Any, drawn: Any, n_samples: Any) -> tuple[Any, Any]:
        def body(t: Any, history: Any, made: Any) -> Any:
            guess = model(history[:, :, None] if as_steps else history[:, None, :])[:, 0]
            sample = ops.clip(guess + drawn[t], -limit, limit)
            history = ops.concatenate([history[:, 1:], sample[:, None]], axis=1)
            return t + 1, history, ops.slice_update(made, (t, 0), sample[None])

        start = (ops.convert_to_tensor(0, "int32"), history, ops.zeros(drawn.shape))
        end = ops.while_loop(lambda t, *_: t < n_samples, body, start, maximum_iterations=drawn.shape[0])
        return end[2], end[1]

    run, (batch_size, n_samples) = compiled(play, model), noise.shape
    made = np.empty((batch_size, n_samples), dtype=np.float32)
    drawn = np.zeros((SAMPLES_PER_CALL, batch_size), dtype=np.float32)

    def work(portion: slice) -> None:
        nonlocal history
        count = portion.stop - portion.start
        drawn[:count] = noise[:, portion].T
        samples, history = run(history, drawn, np.int32(count))
        made[:, portion] = np.asarray(samples)[:count].T

    for portion in in_portions(n_samples, SAMPLES_PER_CALL, work):
        progress(made[:, : portion.stop])
    return made


def predict_windows(model: Any, windows: WindowExamples, progress: Callable[[Samples], None] = _ignore) -> Samples:
    """The network's prediction for every window, (n_windows,). The last call is padded, so one compilation serves all.
    `progress` is called with the predictions so far, (1, n)."""
    run = compiled(lambda inputs: model(inputs)[:, 0], model)
    made = np.empty(windows.n_examples, dtype=np.float32)
    for start in range(0, windows.n_examples, WINDOWS_PER_CALL):
        index: NDArray[np.int64] = np.minimum(np.arange(start, start + WINDOWS_PER_CALL), windows.n_examples - 1)
        guesses = np.asarray(run(windows.gather(index, None)["inputs"]))
        made[start : start + WINDOWS_PER_CALL] = guesses[: windows.n_examples - start]
        progress(made[None, : start + WINDOWS_PER_CALL])
    return made
