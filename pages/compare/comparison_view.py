"""Two clips side by side: one excerpt, one time axis, one amplitude scale, one colour scale, one table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import streamlit as st

from musicgen.errors import MusicgenError
from musicgen.evaluation.figures import metric_rows
from pages.compare.differences import draw_differences
from pages.compare.shared_passages import draw_hint
from pages.compare.stretch import Stretch
from pages.ui.background import forget, later
from pages.ui.errors import show_error, shown_errors
from pages.ui.layout import kept_place, section_heading
from pages.ui.player import PlayerLane, Region, draw_player
from pages.ui.state import recall, remember
from pages.ui.tables import text_table
from pages.ui.text import escape, shorten
from pages.ui.waiting import wait_for

if TYPE_CHECKING:
    from musicgen.audio.loudness import Loudness
    from musicgen.clips import Clip

WORDS = {"reference": "Original", "generated": "Generated"}
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

    def lane(self, gain_db: float, note: str) -> PlayerLane:
        return PlayerLane(
            self.role, self.clip, title=f"{self.heading}: {shorten(self.name, 60)}", shift=self.shift_seconds,
            gain_db=gain_db, note=note, role="reference" if self.role == "reference" else "generated",
        )  # fmt: skip

    @property
    def window(self) -> tuple[float, float]:
        """The excerpt on the common axis."""
        return self.stretch.start + self.shift_seconds, self.stretch.stop + self.shift_seconds


def draw_comparison(
    reference: ShownSide,
    generated: ShownSide,
    judgement: Callable[[], None],
    on_excerpt: Callable[[float, float], None],
    regions: Sequence[Region] = (),
) -> bool:
    """Everything below the choice of the pair; returns whether only the excerpts are measured. Notes are drawn at once,
    their sound as soon as it is rendered.

    `judgement` draws what was found in the generated piece: faults or none. `on_excerpt`: the visitor marked another
    excerpt, in seconds of the common axis. `regions`: passages that occur in both."""
    with shown_errors():
        with kept_place():
            draw_differences(reference.id, generated.id, (reference.heading, generated.heading))
        with kept_place():
            _draw_player(reference, generated, on_excerpt, regions)
        with kept_place():
            draw_hint(regions)
        with kept_place():
            judgement()
    return _draw_measurements(reference, generated)


def _draw_player(
    reference: ShownSide,
    generated: ShownSide,
    on_excerpt: Callable[[float, float], None],
    regions: Sequence[Region],
) -> None:
    """Both as lanes of one player, equally loud if wanted, as soon as their loudness is measured."""
    sides = (reference, generated)
    futures = [loudness(side) for side in sides if side.clip.has_audio]
    switch = kept_place()
    pair = "|".join(side.id for side in sides)
    # While another excerpt of the pair is measured, it stays as loud as it was.
    gains, notes = recall(f"gains.{pair}", [0.0, 0.0]), ["", ""]
    measured = [_measured(future) for future in futures]
    if len(measured) == len(sides) and measured[0] and measured[1]:
        notes = [loudness_note(measured[0]), loudness_note(measured[1])]
        with switch:
            gains = _loudness_switch(measured[0], measured[1], reference.heading)
        remember(f"gains.{pair}", gains)
    lanes = [side.lane(gain, note) for side, gain, note in zip(sides, gains, notes, strict=True)]
    windows = [side.window for side in sides]
    window = (min(start for start, _ in windows), max(stop for _, stop in windows))
    draw_player(lanes, key="compare_player", window=window, on_excerpt=on_excerpt, regions=regions)
    with kept_place():
        if waiting := [future for future in futures if not future.done()]:
            wait_for(waiting, "Measuring the loudness", st.rerun)


def _measured(future: Future[Loudness]) -> Loudness | None:
    """The result, once there is one; a fault is told here. Work is cancelled when a newer excerpt is asked for."""
    if not future.done() or future.cancelled():
        return None
    error = future.exception()
    if isinstance(error, MusicgenError):
        show_error(error)
        return None
    return future.result()


def _loudness_switch(reference: Loudness, generated: Loudness, heading: str) -> list[float]:
    from musicgen.audio.loudness import matching_gains

    gains = matching_gains([reference, generated])
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        is_matched = st.toggle(
            "Same loudness", key="match_loudness", persist_state="session", disabled=not any(gains),
            help="Matches the loudness of both excerpts (ITU-R BS.1770). The louder one is lowered if the quieter one "
            "would clip.",
        )  # fmt: skip
        other = heading.lower().removeprefix("the ")
        st.caption(f"The generated excerpt is {loudness_words(generated.lufs - reference.lufs)} the {other}.")
    return gains if is_matched else [0.0, 0.0]


def loudness_words(difference_db: float) -> str:
    """`6.2 dB quieter than`; differences too small to hear count as none."""
    if abs(difference_db) < 0.5:
        return "as loud as"
    return f"{abs(difference_db):.1f} dB {'louder' if difference_db > 0 else 'quieter'} than"


def loudness_note(measured: Loudness) -> str:
    """`-18.2 LUFS, peak -3.1 dB`; where the excerpt is too short or too quiet for that measure, its RMS level."""
    unit = "LUFS" if measured.method == "BS.1770" else "dB (RMS: too short or too quiet for LUFS)"
    return f"{measured.lufs:.1f} {unit}, peak {measured.peak_db:.1f} dB"


def loudness(side: ShownSide) -> Future[Loudness]:
    """The loudness of the excerpt, measured in a child process, once per content."""
    from musicgen.clips.loudness import excerpt_loudness

    start, stop = side.stretch.start, side.stretch.stop
    key = f"loudness|{side.id}|{start:.2f}|{stop:.2f}"
    return later(key, lambda: excerpt_loudness(side.clip, start, stop), group=f"loudness|{side.role}")


def _draw_measurements(reference: ShownSide, generated: ShownSide) -> bool:
    """The table, measured in a child process. At first, notes are measured in whole pieces and sound in the excerpt.
    Returns whether it is the excerpt."""
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        section_heading("Measurements compared", width="content")
        both_notes = reference.clip.medium == generated.clip.medium == "midi"
        scope = st.segmented_control(
            "Measured in", list(SCOPES), format_func=lambda name: SCOPES[name], key="compare_scope", required=True,
            default="whole" if both_notes else "stretch", label_visibility="collapsed",
        )  # fmt: skip
    is_stretch = scope == "stretch"
    work = Measurement(reference, generated, is_stretch)
    wait_for([work.future()], "Measuring both", work.draw)
    return is_stretch


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
