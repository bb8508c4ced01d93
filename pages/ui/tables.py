"""Tables of text that can be selected and wraps in a narrow window. Every cell is data and is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import streamlit as st

from pages.ui.text import escape


def text_table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, key: str | None = None) -> None:
    """A table. A column whose title ends in "›" is aligned to the right (for numbers)."""
    lines = [
        _line(column.rstrip("›").rstrip() for column in columns),
        "|".join(["", *("--:" if column.endswith("›") else ":--" for column in columns), ""]),
        *(_line(row) for row in rows),
    ]
    with st.container(key=key):
        st.markdown("\n".join(lines))


def _line(cells: Iterable[object]) -> str:
    return f"| {' | '.join(escape(cell) or ' ' for cell in cells)} |"
