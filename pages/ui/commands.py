"""The command line for what a page does: the same action without a browser."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

import streamlit as st


def command_line(*words: object, settings: Mapping[str, Any] | None = None, **options: Any) -> str:
    """`command_line("train", "note_lstm", song_id, preset="quick", settings={"epochs": 3})` → what to type.

    Options that are None or empty are left out; True gives an option without a value.
    """
    parts = ["python", "-m", "musicgen", *(str(word) for word in words)]
    for name, value in options.items():
        if value is True:
            parts.append(f"--{name.replace('_', '-')}")
        elif value is not None and value is not False and value != "":
            parts += [f"--{name.replace('_', '-')}", str(value)]
    for name, value in (settings or {}).items():
        parts += ["--set", f"{name}={_plain(value)}"]
    return shlex.join(parts)


def _plain(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ",".join(_plain(item) for item in value)
    return str(value).lower() if isinstance(value, bool) or value is None else str(value)


def show_command(command: str) -> None:
    """A folded box with the command line, ready to copy."""
    with st.expander("The same from the command line", icon=":material/terminal:"):
        st.code(command, language="bash", wrap_lines=True)
