"""Numbers, facts and commands in words, one way for pages, command line, reports and sentences."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any


def span(seconds: float) -> str:
    """How long something takes: under 0.1 s, 2.5 s, 48 s, 3 min 20 s, 1 h 5 min. A clock that was set back gives no
    negative time."""
    if seconds < 0.095:
        return "under 0.1 s"
    if seconds < 59.5:
        return f"{seconds:.1f} s" if seconds < 9.95 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min" + (f" {rest} s" if rest else "")
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours:,} h" + (f" {minutes} min" if minutes else "")


def count(number: int, one: str, many: str = "") -> str:
    """1 song, 3 songs, 12,000 songs."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


FACT_TITLES = {
    "n_songs": "songs",
    "n_windows": "training windows",
    "n_tokens": "tokens",
    "n_training_windows": "training windows",
    "n_validation_windows": "validation windows",
    "n_tokens_before": "tokens before the threshold",
    "n_fft": "FFT length (samples)",
    "step_ms": "step (ms)",
    "level_db": "level (dB)",
    "loss_unit": "loss unit",
    "vocabulary_size": "vocabulary",
    "vocabulary_size_before": "vocabulary before the threshold",
    "inputs_shape": "input shape",
    "targets_shape": "target shape",
}


def fact_title(name: str) -> str:
    """The name of a dataset fact in plain words."""
    return FACT_TITLES.get(name, name.removeprefix("n_").replace("_", " "))


def fact_value(value: Any) -> str:
    """Numbers with separators, shapes with ×, truth values as yes and no."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, dict):
        return ", ".join(f"{name} {fact_value(item)}" for name, item in value.items())
    if isinstance(value, list | tuple):
        return " × ".join(fact_value(item) for item in value)
    return "none" if value is None else str(value)


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
