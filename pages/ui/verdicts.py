"""What is wrong with a generated piece, why, and what to do about it, as boxes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import streamlit as st

from pages.ui.text import escape


def draw_verdicts(verdicts: Iterable[Mapping[str, Any]]) -> None:
    """One box for each verdict (JSON of `evaluation.degeneracy.Verdict`); nothing where the piece is sound."""
    for verdict in verdicts:
        remedies = " ".join(str(remedy["text"]) for remedy in verdict.get("remedies", ()))
        st.warning(
            f"**{escape(verdict['title'])}.** {escape(verdict['cause'])} {escape(remedies)}", icon=":material/hearing:"
        )
