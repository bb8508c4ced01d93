"""Two clips side by side: one excerpt, one time axis, one amplitude scale, one colour scale, one table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import streamlit as st

from musicgen.errors import MusicgenError
from musicgen.evaluation.glossary import METRICS
from pages.compare.differences import draw_differences
from pages.compare.stretch import Stretch, matching_gains
from pages.ui.background import forget, later
from pages.ui.charts import Lane, roll_figure, show_figure, spectrogram_figure, waveform_figure
from pages.ui.errors import show_error, shown_errors
from pages.ui.layout import kept_place, section_heading
from pages.ui.outputs.sound import draw_sound, rendering
from pages.ui.outputs.verdicts import metric_value
from pages.ui.tables import text_table
from pages.ui.text import escape, shorten
from pages.ui.waiting import wait_for

if TYPE_CHECKING:
    from musicgen.clips import Clip

WORDS = {"reference": "Original", "generated": "Generated"}
AUDIBLE_DB = 0.05
SCOPES = {"stretch": "This excerpt", "whole": "Whole pieces"}


@dataclass(frozen=True)
class ShownSide:
    """One side of the comparison, and the excerpt of it that is shown."""

    role: str  # reference | generated
    id: str
    name: str
    clip: Clip
    stretch: Stretch
    shift_seconds: float = 0.0  # from the clip's own time to the common axis
    gain_db: float = 0.0

    @property
    def heading(self) -> str:
        """The title of this side. If two outputs are compared, neither is an original."""
        is_output = self.role == "reference" and self.id.startswith("output-")
        return "The other output" if is_output else WORDS[self.role]

    @property
    def lane(self) -> Lane:
        played = f" ({self.gain_db:+.1f} dB)" if abs(self.gain_db) >= AUDIBLE_DB else ""
        title = self.heading + played
        return Lane(
            title, self.clip, self.stretch.start, self.stretch.stop, self.shift_seconds, self.gain_db,
            role="reference" if self.role == "reference" else "generated",
        )  # fmt: skip


@dataclass(frozen=True)
class Level:
    rms_db: float
    peak_db: float


def draw_comparison(reference: ShownSide, generated: ShownSide, judgement: Callable[[], None]) -> None:
    """Everything below the choice of the pair. Notes are drawn at once, their sound as soon as it is rendered.

    `judgement` draws what was found in the generated piece: faults or none."""
    pending = [future for side in (reference, generated) if (future := rendering(side.clip)) and not future.done()]
    with shown_errors():
        with kept_place():
            draw_differences(reference.id, generated.id, (reference.heading, generated.heading))
        with kept_place():
            shown = _draw_players(reference, generated)
        with kept_place():
            _draw_figures(*shown)
        with kept_place():
            if pending:
                wait_for(pending, "Rendering the notes to sound", st.rerun)
        with kept_place():
            judgement()
    _draw_measurements(reference, generated)


def _draw_players(reference: ShownSide, generated: ShownSide) -> tuple[ShownSide, ShownSide]:
    """Two players. Returns the sides with their gains, so that the figures show what the players play."""
    levels = [level(side) if side.clip.has_audio else None for side in (reference, generated)]
    sides = [reference, generated]
    gains = (0.0, 0.0)
    switch = kept_place()
    if levels[0] and levels[1]:
        with switch:
            gains = _loudness_switch(levels[0], levels[1], reference.heading)
        sides = [_with_gain(side, gain) for side, gain in zip(sides, gains, strict=True)]
    for column, side, measured in zip(st.columns(2, gap="medium"), sides, levels, strict=True):
        with column, st.container(border=True):
            st.markdown(f"**{side.heading}**")
            st.caption(escape(shorten(side.name, 72)))
            draw_sound(
                side.clip, key=f"{side.role}_player", start_seconds=side.stretch.start,
                stop_seconds=side.stretch.stop, gain_db=side.gain_db,
            )  # fmt: skip
            if measured:
                st.caption(_level_words(measured, side.gain_db))
    return sides[0], sides[1]


def _with_gain(side: ShownSide, gain_db: float) -> ShownSide:
    return ShownSide(side.role, side.id, side.name, side.clip, side.stretch, side.shift_seconds, gain_db)


def _loudness_switch(reference: Level, generated: Level, heading: str) -> tuple[float, float]:
    gains = matching_gains(reference.rms_db, reference.peak_db, generated.rms_db, generated.peak_db)
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        is_matched = st.toggle(
            "Same loudness", key="match_loudness", persist_state="session", disabled=gains == (0.0, 0.0),
            help="Raises the quieter one as far as it can go without clipping, then lowers the louder one to match.",
        )  # fmt: skip
        other = heading.lower().removeprefix("the ")
        st.caption(f"The generated excerpt is {loudness_words(generated.rms_db - reference.rms_db)} the {other}.")
    return gains if is_matched else (0.0, 0.0)


def loudness_words(difference_db: float) -> str:
    """`6.2 dB quieter than`; differences too small to hear count as none."""
    if abs(difference_db) < 0.5:
        return "as loud as"
    return f"{abs(difference_db):.1f} dB {'louder' if difference_db > 0 else 'quieter'} than"


def _level_words(measured: Level, gain_db: float) -> str:
    words = f"Level {measured.rms_db:.1f} dB, peak {measured.peak_db:.1f} dB (full scale is 0 dB)"
    return f"{words} · played {gain_db:+.1f} dB" if abs(gain_db) >= AUDIBLE_DB else words


def level(side: ShownSide) -> Level:
    """RMS and peak level of the excerpt, measured once per content."""
    stamp = side.clip.facts.get("sha256", side.id)
    return _level(stamp, side.stretch.start, side.stretch.stop, _clip=side.clip)


@st.cache_data(max_entries=200, show_spinner=False)
def _level(stamp: str, start: float, stop: float, *, _clip: Clip) -> Level:
    from musicgen.audio.levels import measure_levels

    measured = measure_levels(_clip.waveform(start, stop))
    return Level(measured["rms_db"], measured["peak_db"])


def _draw_figures(reference: ShownSide, generated: ShownSide) -> None:
    lanes = [reference.lane, generated.lane]
    if reference.clip.medium == "midi" and generated.clip.medium == "midi":
        figure = roll_figure(lanes)
        show_figure(figure, key="compare_rolls", alt="Piano rolls of both on one time and pitch axis")
    if not (reference.clip.has_audio and generated.clip.has_audio):
        return
    alt = "Waveforms of both on one time axis and amplitude scale"
    show_figure(waveform_figure(lanes), key="compare_waveforms", alt=alt)
    show_figure(
        spectrogram_figure(lanes),
        key="compare_spectrograms",
        alt="Spectrograms of both on one time axis and colour scale",
    )


def _draw_measurements(reference: ShownSide, generated: ShownSide) -> None:
    """The table, measured in a child process. At first, notes are measured in whole pieces and sound in the excerpt."""
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        section_heading("Measurements compared", width="content")
        both_notes = reference.clip.medium == generated.clip.medium == "midi"
        scope = st.segmented_control(
            "Measured in", list(SCOPES), format_func=lambda name: SCOPES[name], key="compare_scope", required=True,
            default="whole" if both_notes else "stretch", label_visibility="collapsed",
        )  # fmt: skip
    work = Measurement(reference, generated, scope == "stretch")
    wait_for([work.future()], "Measuring both", work.draw)


@dataclass(frozen=True)
class Measurement:
    """One measurement of a pair, or of an excerpt of it; made once."""

    reference: ShownSide
    generated: ShownSide
    is_stretch: bool

    @property
    def key(self) -> str:
        sides = [f"{side.id}@{self._stretch(side)}" for side in (self.reference, self.generated)]
        return f"comparison|{'|'.join(sides)}"

    def future(self) -> Future[dict[str, Any]]:
        return later(self.key, self._measure, group="comparison")

    def draw(self) -> None:
        """The tables, or the reason why there are none."""
        error = self.future().exception()
        if isinstance(error, MusicgenError):
            show_error(error)
            st.button("Measure again", key="compare_again", type="tertiary", on_click=forget, args=(self.key,))
            return
        with st.container(key="compare_metrics"):
            draw_metrics(self.future().result(), self.reference.heading)

    def _stretch(self, side: ShownSide) -> tuple[float, float] | None:
        return (round(side.stretch.start, 3), round(side.stretch.stop, 3)) if self.is_stretch else None

    def _measure(self) -> dict[str, Any]:
        from musicgen.comparison.comparison import comparison

        return comparison(
            self.reference.id, self.generated.id,
            reference_stretch=self._stretch(self.reference), generated_stretch=self._stretch(self.generated),
        )  # fmt: skip


def draw_metrics(measured: Mapping[str, Any], heading: str) -> None:
    """First the measures of each side, then those between the two, each with its unit and its meaning."""
    if text := (measured.get("stretch") or {}).get("text"):
        st.caption(escape(text))
    both, between = metric_rows(measured)
    text_table(("Measure", f"{heading} ›", "Generated ›", "Unit", "What it means"), both)
    if between:
        text_table(("Between the two", "Value ›", "Unit", "What it means"), between)


def metric_rows(measured: Mapping[str, Any]) -> tuple[list[tuple[str, ...]], list[tuple[str, ...]]]:
    """Rows of the two tables, in the order of the measurements."""
    reference, generated = (measured.get("reference") or {}), (measured.get("generated") or {})
    both: list[tuple[str, ...]] = []
    for name in [*reference, *(name for name in generated if name not in reference)]:
        title, unit, meaning = _explained(name)
        both.append((title, metric_value(reference.get(name)), metric_value(generated.get(name)), unit, meaning))
    between: list[tuple[str, ...]] = []
    for name, value in (measured.get("between") or {}).items():
        title, unit, meaning = _explained(name)
        between.append((title, metric_value(value), unit, meaning))
    return both, between


def _explained(name: str) -> tuple[str, str, str]:
    known = {metric.key: metric for metric in METRICS}.get(name)
    return (known.title, known.unit, known.summary) if known else (name.replace("_", " "), "", "")
