"""Weights and working memory of a WaveNet on raw audio, as its compiled sampler reads them. Workers only."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from musicgen.approaches.audio_wavenet.panels import aligned, packed, padded
from musicgen.approaches.audio_wavenet.sizes import RawAudioSizes

MOST_AHEAD = 16  # rows whose past is computed together: enough to make the reading of weights negligible
Floats = NDArray[np.float32]


class Weights(NamedTuple):
    """Matrices are in panels (see `panels`), those of the blocks one row each.

    Attributes:
        before, now: of the first convolution, (rows, width). expected: of what is forecast, (2, width) or empty.
        past, biases: from earlier samples and conditions to the gates of each block.
        nearest: from the newest sample to the gates, then from each block to the next; out_biases: of the latter.
        skips, skip_bias: from each block to the output; the sum of all biases.
        dense, dense_bias, head, head_bias: of the output layers.
    """

    before: Floats
    now: Floats
    expected: Floats
    past: Floats
    biases: Floats
    nearest: Floats
    out_biases: Floats
    skips: Floats
    skip_bias: Floats
    dense: Floats
    dense_bias: Floats
    head: Floats
    head_bias: Floats


class Memory(NamedTuple):
    """The past of some pieces, and working space; rows of results are padded to whole vectors.

    Attributes:
        dilations (n_blocks,): of each block. rings (slots, batch, width): the past inputs of each, all end to end;
            firsts (n_blocks + 1,): where each starts.
        last (batch, 2): the two levels before.
        heard, gates (n_blocks, ahead, batch, 2 × width), x (batch, width), z (n_blocks, batch, width), skip, hidden,
            logits: see `kernel`.
    """

    dilations: NDArray[np.int64]
    rings: Floats
    firsts: NDArray[np.int64]
    last: NDArray[np.int64]
    heard: Floats
    gates: Floats
    x: Floats
    z: Floats
    skip: Floats
    hidden: Floats
    logits: Floats


def laid_out(model: Any, sizes: RawAudioSizes) -> Weights:
    """The weights of the Keras model."""
    first, dense, head = (model.get_layer(name) for name in ("first", "dense", "logits"))
    blocks = [model.get_layer(f"block_{number}") for number in range(1, len(sizes.dilations) + 1)]
    kernel, bias, out_kernel, out_bias = (
        np.stack([np.asarray(getattr(block, name), dtype=np.float32) for block in blocks])
        for name in ("kernel", "bias", "out_kernel", "out_bias")
    )
    width, past = sizes.residual, (sizes.kernel_size - 1) * sizes.residual
    newest, onwards = kernel[:, past : past + width], out_kernel[..., :width]
    # The sum of the skips is scaled where the next layer reads it: relu(s × a) @ w = relu(s) @ (a × w).
    scale = len(blocks) ** -0.5
    return Weights(
        before=_floats(first.before),
        now=_floats(first.now),
        expected=_floats(first.expected if sizes.has_forecast else np.zeros((0, sizes.residual))),
        past=_panels(np.concatenate([kernel[:, :past], kernel[:, past + width :]], axis=1)),
        biases=bias,
        nearest=aligned(np.concatenate([_panels(newest), _panels(onwards)], axis=1)),
        out_biases=_floats(out_bias[:, :width]),
        skips=_panels(out_kernel[..., width:]),
        skip_bias=_floats(out_bias[:, width:].sum(axis=0)),
        dense=packed(_floats(dense.kernel) * np.float32(scale)),
        dense_bias=_floats(dense.bias),
        head=packed(_floats(head.kernel)),
        head_bias=_floats(head.bias),
    )


def empty_memory(sizes: RawAudioSizes, n_pieces: int) -> Memory:
    """The memory of pieces before their first sample, with silence as the last two levels."""
    n_blocks, width, ahead = len(sizes.dilations), sizes.residual, max(1, MOST_AHEAD // n_pieces)
    dilations = np.array(sizes.dilations, dtype=np.int64)
    firsts = np.concatenate([[0], np.cumsum((sizes.kernel_size - 1) * dilations)])

    def zeros(*shape: int) -> Floats:
        return aligned(np.zeros(shape, dtype=np.float32))

    return Memory(
        dilations=dilations,
        rings=zeros(int(firsts[-1]), n_pieces, width),
        firsts=firsts,
        last=np.full((n_pieces, 2), sizes.silence, dtype=np.int64),
        heard=zeros(ahead * n_pieces, (sizes.kernel_size - 1) * width + sizes.conditions),
        gates=zeros(n_blocks, ahead, n_pieces, padded(2 * width)),
        x=zeros(n_pieces, padded(width)),
        z=zeros(n_blocks, n_pieces, width),
        skip=zeros(n_pieces, padded(sizes.skip)),
        hidden=zeros(n_pieces, padded(sizes.skip)),
        logits=zeros(n_pieces, padded(sizes.answers)),
    )


def _floats(weights: Any) -> Floats:
    return np.ascontiguousarray(weights, dtype=np.float32)


def _panels(matrices: Floats) -> Floats:
    return aligned(np.stack([packed(matrix) for matrix in matrices]))
