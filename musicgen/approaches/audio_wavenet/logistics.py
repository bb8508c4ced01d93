"""A sample as a mixture of logistic distributions over 65,536 levels (Salimans et al., PixelCNN++, 2017): the network
outputs weights, means and widths, so neighbouring levels share what is learned.

Outputs: (…, 3 × n) = n logits of the weights, n means in [-1, 1] units, n logarithms of the widths.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

LEVELS = 65_536
NARROWEST = -9.0  # logarithm of a width: a few levels


def mixture_nats(target: Any, answers: Any) -> Any:
    """-log probability of target levels (…) int, one number each.

    A level is the interval that is nearer to it than to its neighbours; the two outermost reach to infinity.
    """
    n = answers.shape[-1] // 3
    log_weight = ops.log_softmax(answers[..., :n], axis=-1)
    mean, log_width = answers[..., n : 2 * n], ops.maximum(answers[..., 2 * n :], NARROWEST)
    half = 1.0 / (LEVELS - 1)
    value = ops.cast(target, "float32")[..., None] * (2 * half) - 1.0
    steep = ops.exp(-log_width)
    above, below = steep * (value - mean + half), steep * (value - mean - half)
    inside = ops.maximum(ops.sigmoid(above) - ops.sigmoid(below), 1e-12)
    middle = steep * (value - mean)
    # If the difference is too small for single precision: density in the middle times the size of a level.
    density = middle - log_width - 2 * ops.softplus(middle) + ops.log(2 * half)
    log_inside = ops.where(inside > 1e-5, ops.log(inside), density)
    lowest, highest = value < -1.0 + half, value > 1.0 - half
    log_outside = ops.where(lowest, above - ops.softplus(above), -ops.softplus(below))
    log_level = ops.where(ops.logical_or(lowest, highest), log_outside, log_inside)
    return -ops.logsumexp(log_weight + log_level, axis=-1)


def spread(n: int) -> keras.initializers.Initializer:
    """Biases of the outputs before training: means over the middle of the range, widths of about a tenth."""
    import numpy as np

    means = np.linspace(-0.1, 0.1, n)
    return keras.initializers.Constant(np.concatenate([np.zeros(n), means, np.full(n, -3.0)]))
