"""The command line for what a page does: the same action without a browser."""

from __future__ import annotations

import streamlit as st

from musicgen.wording import command_line

__all__ = ["command_line", "show_command"]


def show_command(command: str) -> None:
    """A folded box with the command line, ready to copy."""
    with st.expander("The same from the command line", icon=":material/terminal:"):
        st.code(command, language="bash", wrap_lines=True)
