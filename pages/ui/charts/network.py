"""A network as boxes and arrows, in HTML, in the colours of the page; in a narrow window the boxes form one column.

The layout is in assets/network.css. This module knows only layers; the approach describes them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from itertools import groupby

from musicgen.contract.drawing import Layer
from pages.ui.charts.colours import KINDS

KIND_WORDS = {
    "music": "music",
    "codec": "encoding",
    "embedding": "embedding",
    "recurrent": "recurrent",
    "convolution": "convolution",
    "pooling": "pooling",
    "dense": "dense",
    "choice": "output",
}


def network_html(layers: Sequence[Layer]) -> str:
    """Each layer is a box in the colour of its kind, with its weights; the arrows show the shape that is passed on."""
    largest = max((_weights(layer) or 0 for layer in layers), default=0)
    *before, last = _stages(layers)
    stages = [*(_stage(stage, largest) for stage in before), _last_stage(last, largest)]
    label = "The network, from input to output"
    flow = "".join(stages)
    return f'<div class="network" role="list" aria-label="{label}"><div class="network-flow">{flow}</div></div>'


def legend_html(layers: Sequence[Layer]) -> str:
    """What the colours mean, and what the letters in the shapes stand for."""
    kinds = dict.fromkeys(layer.kind for layer in layers)
    entries = [f'<span style="--kind:{KINDS[kind]}"><i></i>{escape(KIND_WORDS[kind])}</span>' for kind in kinds]
    open_sizes = dict.fromkeys(size for layer in layers for size in layer.shape if isinstance(size, str))
    if open_sizes:
        entries.append(f"<span>{escape(', '.join(open_sizes))}: number depends on the songs</span>")
    return f'<div class="network-legend">{"".join(entries)}</div>'


def strip_html(layers: Iterable[Layer]) -> str:
    """A small overview of the network: a coloured block for each layer."""
    blocks = (
        f'<i style="--kind:{KINDS[layer.kind]}" title="{escape(layer.name)}"></i>'
        for layer in layers
        for _ in range(min(layer.repeated, 4))
    )
    return f'<div class="network-strip" aria-hidden="true">{"".join(blocks)}</div>'


def shape_words(shape: Sequence[int | str]) -> str:
    """`(50, "V")` → 50 × V."""
    return " × ".join(f"{size:,}" if isinstance(size, int) else size for size in shape)


def _stages(layers: Sequence[Layer]) -> list[list[Layer]]:
    """The layers in order; consecutive outputs are one stage, because they are drawn side by side."""
    stages: list[list[Layer]] = []
    for is_choice, group in groupby(layers, lambda layer: layer.kind == "choice"):
        found = list(group)
        stages += [found] if is_choice else [[layer] for layer in found]
    return stages


def _stage(stage: Sequence[Layer], largest: int) -> str:
    boxes = "".join(_box(layer, largest, has_shape=len(stage) > 1) for layer in stage)
    shape = shape_words(stage[0].shape) if len(stage) == 1 else ""
    arrow = f'<div class="network-arrow"><span>{escape(shape)}</span></div>'
    return f'<div class="network-stage" role="listitem"><div class="network-boxes">{boxes}</div>{arrow}</div>'


def _last_stage(stage: Sequence[Layer], largest: int) -> str:
    """What comes out. Nothing follows it, so its shape stands in the box, not on an arrow. Music needs none."""
    boxes = "".join(_box(layer, largest, has_shape=layer.kind != "music" and layer.shape != (1,)) for layer in stage)
    gap = '<div class="network-arrow"></div>'
    return f'<div class="network-stage" role="listitem"><div class="network-boxes">{boxes}</div>{gap}</div>'


def _box(layer: Layer, largest: int, *, has_shape: bool) -> str:
    """Name, note, weights, and a bar for the share of the largest layer's weights."""
    times = f' <span class="network-times">× {layer.repeated:,}</span>' if layer.repeated > 1 else ""
    parts = [f'<div class="network-name">{escape(layer.name)}{times}</div>']
    if has_shape and layer.shape:
        parts.append(f'<div class="network-inner">{escape(shape_words(layer.shape))}</div>')
    if layer.note:
        parts.append(f'<div class="network-note">{escape(layer.note)}</div>')
    if words := _weight_words(layer):
        parts.append(f'<div class="network-weights">{words}</div>')
    if weights := _weights(layer):
        parts.append(f'<div class="network-share"><i style="width:{100 * weights / largest:.1f}%"></i></div>')
    return f'<div class="network-box" style="--kind:{KINDS[layer.kind]}">{"".join(parts)}</div>'


def _weights(layer: Layer) -> int | None:
    """The weights of all repetitions together."""
    return None if layer.parameters is None else layer.parameters * layer.repeated


def _weight_words(layer: Layer) -> str:
    if layer.parameters is None:
        return "number of weights depends on the songs"
    if not layer.parameters:
        return ""
    each = f"{layer.parameters:,} weights"
    return f"{layer.repeated:,} × {each}" if layer.repeated > 1 else each
