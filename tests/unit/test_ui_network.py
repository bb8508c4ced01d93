"""Drawings of networks: every layer, honest sums, the right connections, and never many elements."""

from __future__ import annotations

import re
from typing import get_args, get_type_hints

import plotly.graph_objects as go
import pytest

from musicgen.approaches import approaches
from musicgen.contract.drawing import Convolution, Layer, ReceptiveField
from pages.train.rare_notes import kept_of
from pages.ui.charts import frequency_figure, receptive_figure
from pages.ui.charts.colours import KINDS
from pages.ui.charts.network import KIND_WORDS, legend_html, network_html, shape_words
from pages.ui.charts.receptive import receptive_field_words, rows_of
from pages.ui.network_view import network_facts

LAYERS = (
    Layer("Notes", "music", (50,)),
    Layer("Words", "codec", (50,)),
    Layer("Vectors", "embedding", (50, 100), None),
    Layer("LSTM, 256 units", "recurrent", (50, 256), 365_568, "Remembers.", repeated=2),
    Layer("Pitch", "choice", (50, "V"), None),
    Layer("Length", "choice", (50, 12), 3_084),
    Layer("The next note", "music", (1,)),
)
ORIGINAL = ReceptiveField(tuple(Convolution(3, 2**n, 2) for n in range(3)), 32, "notes")
LONG = ReceptiveField(tuple(Convolution(2, 2**n) for n in range(10)) * 5, 16_000, "samples", 16_000)


def test_every_layer_is_a_box_with_its_weights_and_shapes_between() -> None:
    drawn = network_html(LAYERS)
    assert drawn.count('"network-box"') == len(LAYERS)
    assert drawn.count('"network-stage"') == len(LAYERS) - 1  # two choices at once are one stage
    assert "2 × 365,568 weights" in drawn
    assert "× 2</span>" in drawn
    assert "50 × 256" in drawn
    assert "number of weights depends on the songs" in drawn
    assert drawn.count('width:100.0%"') == 1  # the largest layer


def test_names_are_no_markup_in_networks() -> None:
    drawn = network_html([Layer("<img src=x>", "dense", ("<b>",), 1, "<script>")])
    assert not re.search(r"<(img|b|script)", drawn)


def test_every_kind_has_a_colour_and_a_word() -> None:
    kinds = set(get_args(get_type_hints(Layer)["kind"]))
    assert kinds == set(KINDS) == set(KIND_WORDS)
    assert legend_html(LAYERS).count("<i>") == len({layer.kind for layer in LAYERS})
    assert "V: number depends on the songs" in legend_html(LAYERS)
    assert "depends" not in legend_html(LAYERS[:2])


def test_what_goes_in_and_out_and_how_much_it_weighs() -> None:
    facts = dict(network_facts(LAYERS))
    assert facts["Input"] == "50"
    assert facts["Output"] == "50 × (V + 12)"
    assert facts["Weights"] == "at least 734,220 (depends on the songs)"
    assert network_facts([]) == []
    assert shape_words((1_000, "V")) == "1,000 × V"


@pytest.mark.parametrize("key", sorted(approaches()))
def test_every_preset_of_every_approach_can_be_drawn_small(key: str) -> None:
    known = approaches()[key]
    for preset in known.presets.values():
        training = known.Training(**preset.training)
        layers = known.layers(training)
        assert len(network_html(layers)) < 60_000
        assert not layers or dict(network_facts(layers))["Weights"]
        if field := known.receptive_field(training):
            go.Figure(receptive_figure(field))


def test_the_original_wavenet_looks_back_further_than_its_window() -> None:
    assert ORIGINAL.steps == 50
    assert [row.steps for row in rows_of(ORIGINAL)] == [3, 4, 12, 14, 46, 50]
    assert receptive_field_words(ORIGINAL)[0] == "The receptive field is 50 notes; the window is 32 notes."
    figure = go.Figure(receptive_figure(ORIGINAL))
    assert [trace.name for trace in figure.data] == ["convolution", "pooling", "outside", "inside"]
    inside = {x for x, y in zip(figure.data[3].x, figure.data[3].y, strict=True) if y == 0}
    assert inside == set(range(1, 51))
    window = figure.layout.shapes[0]
    assert {window.x0, window.x1} == {0.5, 32.5}


def test_edges_go_from_a_layer_to_the_one_below_as_far_as_the_dilation() -> None:
    edges = receptive_figure(ReceptiveField((Convolution(2, 1), Convolution(2, 4)), 8, "notes"))["data"][0]
    pairs = set(zip(edges["x"][0::3], edges["x"][1::3], edges["y"][0::3], edges["y"][1::3], strict=True))
    assert pairs == {(1, 1, 2, 1), (1, 5, 2, 1), (1, 1, 1, 0), (1, 2, 1, 0), (5, 5, 1, 0), (5, 6, 1, 0)}


def test_the_words_say_what_a_receptive_field_shorter_than_the_window_misses() -> None:
    size, meaning = receptive_field_words(ReceptiveField((Convolution(3, 1),), 32, "notes"))
    assert "The receptive field is 3 notes" in size
    assert "29 of 32 notes have no influence" in meaning


def test_wide_rows_have_no_dots_and_many_rows_no_connections() -> None:
    """Never thousands of elements in the browser: a line with gaps is one."""
    wide = receptive_figure(ReceptiveField(tuple(Convolution(2, 2**n) for n in range(7)), 128, "notes"))
    assert [trace["name"] for trace in wide["data"]] == ["convolution"]
    assert len(wide["data"][0]["x"]) < 1_000
    deep = receptive_figure(ReceptiveField((Convolution(2, 1),) * 30, 8, "notes"))
    assert deep["data"][0]["type"] == "bar"


def test_a_long_field_is_a_few_bars_on_a_logarithmic_axis() -> None:
    assert LONG.steps == 5 * 1023 + 1
    figure = go.Figure(receptive_figure(LONG))
    assert [trace.type for trace in figure.data] == ["bar"]
    assert len(figure.data[0].x) <= 40
    assert figure.data[0].x[-1] == LONG.steps - 0.9
    assert figure.layout.xaxis.type == "log"
    assert len(figure.to_json()) < 40_000
    assert "5,116 samples (319.8 ms)" in receptive_field_words(LONG)[0]


COUNTS = [400, 90, 40, 39, 12, 3, 1, 1]


@pytest.mark.parametrize(("threshold", "kept"), [(0, 8), (1, 8), (2, 6), (40, 3), (41, 2), (1_000, 0)])
def test_the_histogram_parts_the_tokens_at_the_threshold(threshold: int, kept: int) -> None:
    figure = go.Figure(frequency_figure(COUNTS, threshold))
    stays, goes = figure.data
    assert (sum(stays.y), sum(goes.y)) == (kept, len(COUNTS) - kept)
    assert figure.layout.shapes[0].x0 == max(threshold, 1) - 0.5
    assert len(stays.x) <= 18
    centres = zip(stays.x, stays.width, stays.y, strict=True)
    assert all(x + width / 2 > threshold - 0.5 for x, width, y in centres if y)


def test_what_is_kept_is_counted_as_the_plan_counts() -> None:
    facts = {"frequency_histogram": {"counts": COUNTS}}
    assert kept_of(facts, 40).words == "Vocabulary **3** of 8 tokens · **90.4 %** of the music (530 of 586)"
    assert kept_of(facts, 0).n_tokens == 586
    assert "Nothing is left" in kept_of(facts, 500).words
    some = facts | {"vocabulary_size_before": 9_000, "n_tokens_before": 20_000}
    assert kept_of(some, 0).n_distinct == 9_000
