"""Sound from a network that guesses samples: free-running in a compiled loop, and one-step prediction of given sound.

Knows no files and no songs: series of numbers in, series of numbers out. Chance comes in as noise that the caller drew,
so the same noise gives the same sound.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicgen.networks.amplitude import AmplitudeStepper
from musicgen.networks.backend import compiled, ops

SAMPLES_PER_CALL = 2048
HEARD_PER_CALL = 256
WINDOWS_PER_CALL = 1 << 14

Samples = NDArray[np.float32]


def free_run(
    stepper: AmplitudeStepper,
    prompt: Samples,
    noise: Samples,
    *,
    spread_floor: float,
    limit: float,
    progress: Callable[[int], None] = lambda done: None,
) -> Samples:
    """Samples that follow `prompt`, each drawn around the network's guess and fed back to it.

    Args:
        prompt: (batch, n_prompt), may be empty; what the network hears first.
        noise: (batch, n_samples), standard normal times the temperature.
        spread_floor: standard deviation of the noise at least, in network units: without any a network that has fallen
            silent stays silent.
        limit: full scale; what is fed back stays within ± limit.

    Returns:
        (batch, n_samples).
    """
    play = compiled(lambda state, drawn: _play(stepper, state, drawn, spread_floor, limit), stepper.model)
    batch_size, n_samples = noise.shape
    state = _after_prompt(stepper, prompt)
    made = np.empty((batch_size, n_samples), dtype=np.float32)
    for start in range(0, n_samples, SAMPLES_PER_CALL):
        drawn = np.zeros((batch_size, SAMPLES_PER_CALL), dtype=np.float32)
        piece = noise[:, start : start + SAMPLES_PER_CALL]
        drawn[:, : piece.shape[1]] = piece
        samples, state = play(state, drawn)
        made[:, start : start + piece.shape[1]] = np.asarray(samples).T[:, : piece.shape[1]]
        progress(start + piece.shape[1])
    return made


def _after_prompt(stepper: AmplitudeStepper, prompt: Samples) -> Any:
    """The state of a network that has heard `prompt`; only whole calls are heard, from the end backwards."""
    lead = stepper.history_length
    n_calls = max(0, prompt.shape[1] - lead) // HEARD_PER_CALL if stepper.recurrence == "song" else 0
    prompt = prompt[:, max(0, prompt.shape[1] - lead - n_calls * HEARD_PER_CALL) :]
    state = stepper.initial_state(ops.convert_to_tensor(prompt[:, :lead]))
    listen = compiled(lambda state, heard: _listen(stepper, state, heard), stepper.model)
    for call in range(n_calls):
        start = lead + call * HEARD_PER_CALL
        state = listen(state, prompt[:, start : start + HEARD_PER_CALL])
    return state


def _listen(stepper: AmplitudeStepper, state: Any, heard: Any) -> Any:
    def body(t: Any, history: Any, memory: Any) -> Any:
        _, _, after = stepper.step((history, memory))
        return (t + 1, *stepper.heard((history, memory), after, heard[:, t]))

    n_samples = heard.shape[1]
    start = (ops.convert_to_tensor(0, "int32"), *state)
    return ops.while_loop(lambda t, *_: t < n_samples, body, start, maximum_iterations=n_samples)[1:]


def _play(stepper: AmplitudeStepper, state: Any, drawn: Any, spread_floor: float, limit: float) -> tuple[Any, Any]:
    batch_size, n_samples = drawn.shape

    def body(t: Any, history: Any, memory: Any, made: Any) -> Any:
        guess, spread, after = stepper.step((history, memory))
        sample = guess + ops.maximum(spread, spread_floor) * drawn[:, t]
        sample = ops.clip(sample, -limit, limit)
        history, memory = stepper.heard((history, memory), after, sample)
        return t + 1, history, memory, ops.slice_update(made, (t, 0), sample[None])

    start = (ops.convert_to_tensor(0, "int32"), *state, ops.zeros((n_samples, batch_size)))
    end = ops.while_loop(lambda t, *_: t < n_samples, body, start, maximum_iterations=n_samples)
    return end[3], end[1:3]


def predict_windows(
    predict: Callable[[Any, Any], Any],
    gather: Callable[[NDArray[np.int64]], tuple[Samples, Samples]],
    n_windows: int,
    *,
    per_call: int = WINDOWS_PER_CALL,
    progress: Callable[[int], None] = lambda done: None,
) -> Samples:
    """Predictions for `n_windows` windows, some at a time; the last call is padded so that one compilation serves all.

    Args:
        predict: compiled (inputs, base) → predictions, first axis the window.
        gather: window numbers → (inputs, base).
    """
    made = []
    for start in range(0, n_windows, per_call):
        index = np.arange(start, start + per_call)
        inputs, base = gather(np.minimum(index, n_windows - 1))
        made.append(np.asarray(predict(inputs, base))[: n_windows - start])
        progress(min(start + per_call, n_windows))
    return np.concatenate(made) if made else np.zeros(0, dtype=np.float32)
