"""Tables of text that can be selected and wraps; in a narrow window each row becomes a card (assets/page.css).

Every cell is data and is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

import streamlit as st

STACKS_FROM = 3  # columns; two fit every window


def text_table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, key: str | None = None) -> None:
    """A table whose first column names its rows. A column whose title ends in "›" is aligned to the right (for
    numbers)."""
    with st.container(key=key):
        st.html(table_html(columns, rows))


def table_html(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """The table in HTML. The roles are written out, because cards would lose those that tables have by themselves."""
    titles = [column.rstrip("›").rstrip() for column in columns]
    numbers = [' class="number"' if column.endswith("›") else "" for column in columns]
    head = "".join(
        f'<th scope="col" role="columnheader"{number}>{escape(title)}</th>'
        for title, number in zip(titles, numbers, strict=True)
    )
    body = "".join(_row(row, titles, numbers) for row in rows)
    stacks = ' class="stacks"' if len(titles) >= STACKS_FROM else ""
    return (
        f'<div class="text-table"><table role="table"{stacks}><thead role="rowgroup"><tr role="row">{head}</tr></thead>'
        f'<tbody role="rowgroup">{body}</tbody></table></div>'
    )


def _row(row: Sequence[object], titles: Sequence[str], numbers: Sequence[str]) -> str:
    first, *others = (escape(" ".join(str(cell).split())) for cell in row)
    cells = "".join(
        f'<td role="cell" data-label="{escape(title)}"{number}>{cell}</td>'
        for cell, title, number in zip(others, titles[1:], numbers[1:], strict=True)
    )
    name = f'<th scope="row" role="rowheader" data-label="{escape(titles[0])}"{numbers[0]}>{first}</th>'
    return f'<tr role="row">{name}{cells}</tr>'
