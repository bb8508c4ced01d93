"""Figures: the right numbers at the right places, and never many of them."""

from __future__ import annotations

import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest

from pages.ui.charts import Lane, loss_figure, roll_figure, spectrogram_figure, waveform_figure
from pages.ui.charts.lanes import stacked, time_range
from pages.ui.charts.rolls import MAX_BARS


class StillClip:
    """A clip with a given loudness and given notes, as charts see it."""

    folder = Path("still")
    medium = "midi"

    def __init__(self, seconds: float = 10.0, peak: float = 0.5, n_channels: int = 2, num_notes: int = 3) -> None:
        self.seconds, self.peak, self.n_channels, self.num_notes = seconds, peak, n_channels, num_notes

    def envelope(self, start: float, stop: float, n_points: int) -> Any:
        shape = np.full((self.n_channels, n_points), self.peak, dtype=np.float32)
        return SimpleNamespace(time=np.linspace(start, stop, n_points), low=-shape, high=shape)

    def spectrogram(self, start: float, stop: float) -> Any:
        level = np.full((128, 600), -40.0) + 20 * self.peak
        return SimpleNamespace(
            time=np.linspace(start, stop, 600), frequency=np.geomspace(40, 16_000, 128), level_db=level
        )

    def roll(self) -> Any:
        onset = np.linspace(0, self.seconds - 1, self.num_notes)
        pitch = 60 + np.arange(self.num_notes) % 5
        return SimpleNamespace(
            onset=onset, offset=onset + 1, pitch=pitch, velocity=pitch, track=np.arange(self.num_notes) % 2,
            seconds=self.seconds,
        )  # fmt: skip


def valid(figure: dict[str, Any]) -> go.Figure:
    """Plotly refuses names and values it does not know."""
    return go.Figure(figure)


def test_the_channels_of_one_clip_are_rows_on_one_amplitude_scale() -> None:
    figure = waveform_figure([Lane("", StillClip(peak=0.5))])
    assert [trace["name"] for trace in figure["data"]] == ["left", "right"]
    assert figure["layout"]["yaxis"]["range"] == figure["layout"]["yaxis2"]["range"]
    assert figure["layout"]["yaxis"]["range"][1] == pytest.approx(0.54)
    valid(figure)


def test_two_clips_share_the_time_axis_and_the_amplitude_scale() -> None:
    quiet, loud = StillClip(peak=0.1), StillClip(seconds=4, peak=0.8)
    lanes = [
        Lane("original", quiet, 10.0, 14.0, role="reference"),
        Lane("made", loud, 0.0, 4.0, shift_seconds=10.0, role="generated"),
    ]
    figure = waveform_figure([lanes[1], lanes[1]], by_channel=False)
    assert figure["layout"]["xaxis"]["range"] == [10.0, 14.0]
    both = waveform_figure(lanes[1:] + lanes[1:], by_channel=False)
    assert both["layout"]["yaxis"]["range"] == both["layout"]["yaxis2"]["range"]
    assert both["data"][0]["x"].min() == pytest.approx(10.0)
    valid(both)


def test_gain_moves_the_picture_as_it_moves_the_sound() -> None:
    figure = waveform_figure([Lane("", StillClip(peak=0.5), gain_db=-6.0206)], by_channel=False)
    assert float(figure["data"][0]["y"].max()) == pytest.approx(0.25, rel=1e-3)


def test_silence_still_has_an_axis() -> None:
    figure = waveform_figure([Lane("", StillClip(peak=0.0))])
    assert figure["layout"]["yaxis"]["range"] == [-0.01, 0.01]


def test_figures_stay_small() -> None:
    clip = StillClip(seconds=3600, num_notes=50_000)
    assert all(len(trace["x"]) <= 4_000 for trace in waveform_figure([Lane("", clip)])["data"])
    assert spectrogram_figure([Lane("", clip)])["data"][0]["z"].nbytes <= 600 * 128
    roll = roll_figure([Lane("", clip)])
    assert len(roll["data"]) == 1
    assert roll["data"][0]["z"].nbytes <= 128 * 1_000
    assert len(go.Figure(roll).to_json()) < 300_000


def test_notes_outside_the_stretch_are_left_out_and_the_others_cut_to_it() -> None:
    figure = roll_figure([Lane("", StillClip(seconds=10, num_notes=10), 2.5, 4.5)], track_names=["Soprano", "Bass"])
    onsets = np.concatenate([trace["x"][0::3] for trace in figure["data"]])
    ends = np.concatenate([trace["x"][1::3] for trace in figure["data"]])
    assert onsets.min() == 2.5
    assert ends.max() == pytest.approx(4.5, abs=0.01)  # a hair is left between repeated notes
    assert [trace["name"] for trace in figure["data"]] == ["Soprano", "Bass"]
    assert figure["layout"]["showlegend"]
    valid(figure)


def test_many_notes_become_a_picture_that_sounds_where_the_notes_sound() -> None:
    clip = StillClip(seconds=100, num_notes=MAX_BARS + 1)
    picture = roll_figure([Lane("", clip)])["data"][0]
    assert picture["type"] == "heatmap"
    assert picture["z"][60:65].any()
    assert not picture["z"][:60].any()
    assert not picture["z"][65:].any()


def test_an_empty_score_is_an_empty_roll() -> None:
    figure = roll_figure([Lane("", StillClip(num_notes=0))])
    assert figure["data"] == []
    valid(figure)


def test_names_are_no_markup_in_figures() -> None:
    figure = waveform_figure([Lane("<b>x</b>", StillClip(n_channels=1))])
    assert figure["layout"]["annotations"][0]["text"] == "&lt;b&gt;x&lt;/b&gt;"


def test_spectrograms_share_one_colour_scale() -> None:
    figure = spectrogram_figure([Lane("a", StillClip(peak=0.1)), Lane("b", StillClip(peak=0.9))])
    assert len({(trace["zmin"], trace["zmax"]) for trace in figure["data"]}) == 1
    assert figure["layout"]["yaxis"]["ticktext"][0] == "50 Hz"
    valid(figure)


def history() -> list[dict[str, Any]]:
    return [{"epoch": n, "loss": 3.0 / n, "val_loss": 3.2 / n if n > 1 else None} for n in range(1, 6)]


def test_losses_show_floors_and_the_best_epoch() -> None:
    figure = loss_figure(history(), {"unigram_nats": 1.5}, best_epoch=5, epochs=10)
    assert [trace["name"] for trace in figure["data"]] == ["training", "validation", "best: epoch 5"]
    assert figure["data"][1]["x"] == [2, 3, 4, 5]
    assert figure["layout"]["xaxis"]["range"] == [0.5, 10.5]
    assert figure["layout"]["annotations"][0]["text"] == "unigram nats 1.5"
    valid(figure)


@pytest.mark.parametrize("scale", [1.0, 1e4])
def test_labels_of_floors_that_are_nearly_equal_do_not_cover_each_other(scale: float) -> None:
    floors = {"uniform": 4.2, "unigram": 4.19 / scale, "order_1": 4.18 / scale, "order_2": 4.0 / scale}
    rows = [{"epoch": 1, "loss": 4.1, "val_loss": 4.1}, {"epoch": 2, "loss": 3.0 / scale, "val_loss": 3.0 / scale}]
    layout = loss_figure(rows, floors, best_epoch=2, height=270)["layout"]
    high, low = (math.log10(each) if scale > 1 else each for each in (4.2, 3.0 / scale))
    pixels = [(each["y"] - low) / (high - low) * (270 - 90) + each["yshift"] for each in layout["annotations"]]
    assert len(pixels) == 4
    assert np.diff(sorted(pixels)).min() > 14
    assert any(each["yshift"] == 0 for each in layout["annotations"])


def test_a_floor_worse_than_a_blind_guess_is_not_drawn() -> None:
    layout = loss_figure(history(), {"uniform": 2.0, "unigram": 2.5, "bigram": 1.5}, best_epoch=5)["layout"]
    assert [each["text"].split()[0] for each in layout["annotations"]] == ["uniform", "bigram"]


def test_losses_far_from_a_floor_are_read_on_a_logarithmic_axis() -> None:
    figure = loss_figure(history(), {"persistence": 27_486.0, "linear": 0.1}, best_epoch=5)
    assert figure["layout"]["yaxis"]["type"] == "log"
    assert [note["y"] for note in figure["layout"]["annotations"]] == pytest.approx([4.43911, -1.0], abs=1e-4)
    assert [line["y0"] for line in figure["layout"]["shapes"]] == [27_486.0, 0.1]
    valid(figure)


def test_a_run_without_epochs_has_an_empty_figure() -> None:
    assert loss_figure([], {})["data"][0]["x"] == []


def test_lanes_and_rows() -> None:
    clip = StillClip(seconds=8)
    assert time_range([Lane("", clip, 2.0, 99.0), Lane("", clip, 0.0, 1.0, shift_seconds=9.0)]) == (2.0, 10.0)
    assert time_range([]) == (0.0, 1.0)
    for n_rows in range(1, 9):
        rows = stacked(n_rows)
        assert rows[0][1] == 1.0
        assert rows[-1][0] == pytest.approx(0.0)
        assert all(0.0 <= bottom < top <= 1.0 for bottom, top in rows)
