"""The command line for what a page does, the same action without a browser; and other text in fixed width.

`st.code` is not used: its highlighter, 1.6 MB, would keep the browser busy on every page, even in a closed box.
"""

from __future__ import annotations

from html import escape

import streamlit as st

from musicgen.wording import command_line

__all__ = ["code_block", "command_line", "show_command"]


def show_command(command: str) -> None:
    """A folded box with the command line; a click selects all of it."""
    with st.expander("The same from the command line", icon=":material/terminal:"):
        code_block(command, is_one=True)


def code_block(text: str, *, is_one: bool = False) -> None:
    """Text in fixed width; data, never markup. A long one scrolls.

    `is_one`: it is copied as a whole, so one click selects all of it."""
    one = " code-one" if is_one else ""
    st.html(f'<pre class="code-block{one}" tabindex="0"><code>{escape(text)}</code></pre>')
