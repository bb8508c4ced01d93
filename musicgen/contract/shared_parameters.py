"""Parameters that several approaches have in common, so that one knob reads and works the same everywhere.

A function takes the default and only what really differs between approaches: bounds, the unit, `advanced`, and the
choice under which the knob has an effect, in words (`when`: "With frames") and as values (`applies_when`). `more` adds
one sentence that is true of one approach.
"""

from __future__ import annotations

from typing import Any, Literal

from musicgen.contract.applicability import Conditions
from musicgen.contract.parameters import TrainingParameters, parameter
from musicgen.contract.searching import Between, OneOf, choices, steps


def _text(text: str, *, when: str = "", more: str = "") -> str:
    head = f"{when}: {text[:1].lower()}{text[1:]}" if when else text
    return f"{head} {more}".strip()


# Training


def epochs(default: int, *, le: int = 10_000) -> Any:
    """How long to train."""
    return parameter(default, ge=1, le=le, title="Epochs", help="How many times training goes through the music.")


def batch_size(default: int, *, le: int = 65_536, ge: int = 1, **bounds: Any) -> Any:
    """Examples in one step; `ge` and `multiple_of` where a batch is split."""
    return parameter(
        default, ge=ge, le=le, **bounds, title="Batch size", search=steps(4, 8, 16, 32, 64, 128, 256),
        help="Examples in each training step. A larger batch makes an epoch faster, but an epoch then has fewer steps.",
    )  # fmt: skip


def learning_rate(default: float) -> Any:
    """The learning rate of an approach whose own value is `default`."""
    return parameter(
        default, gt=0, le=1, title="Learning rate", search=Between(1e-4, 3e-2, log=True),
        help="Size of each training step. If it is too large, the loss never settles; if too small, learning takes "
        "for ever.",
    )  # fmt: skip


def dropout(default: float, *, advanced: bool = False, when: str = "", applies_when: Conditions | None = None) -> Any:
    """Dropout between layers."""
    return parameter(
        default, applies_when=applies_when, ge=0, lt=1, advanced=advanced, title="Dropout", search=Between(0, 0.7),
        help=_text(
            "Share of the signals left out at random during training. More dropout keeps the network from memorising "
            "the songs.", when=when,
        ),
    )  # fmt: skip


def units(default: int, *, le: int = 4096) -> Any:
    """Width of the recurrent layers."""
    return parameter(
        default, ge=1, le=le, title="Hidden size", search=steps(32, 48, 64, 96, 128, 192, 256, 384, 512),
        help="Units in each recurrent layer. More units learn finer detail, are slower, and memorise the songs sooner.",
    )  # fmt: skip


def num_layers(default: int, *, advanced: bool = False) -> Any:
    """Depth of a recurrent network."""
    return parameter(
        default, ge=1, le=8, advanced=advanced, title="Recurrent layers", search=steps(1, 2, 3),
        help="How many recurrent layers are stacked on top of each other.",
    )  # fmt: skip


def dense(default: int) -> Any:
    """Width of the one hidden layer before the output."""
    return parameter(
        default, ge=1, le=4096, advanced=True, title="Dense units", search=steps(32, 64, 128, 256, 512),
        help="Width of the layer before the output.",
    )  # fmt: skip


def embedding(default: int, *, ge: int = 0, more: str = "") -> Any:
    """Width of the embedding; `more` says what 0 means."""
    return parameter(
        default, ge=ge, le=2048, advanced=True, title="Embedding", search=steps(16, 32, 64, 96, 128, 192, 256),
        help=_text("Width of the learned vector that stands for each value.", more=more),
    )  # fmt: skip


def dilation_depth(default: int, *, le: int, search: OneOf | None = None) -> Any:
    """How many dilations a stack of convolutions has."""
    return parameter(
        default, ge=1, le=le, title="Dilation depth", search=search,
        help="Dilations are 1, 2, 4 … up to 2^(depth - 1). Each further one doubles how far back the network looks.",
    )  # fmt: skip


def stacks(default: int, *, search: OneOf | None = None) -> Any:
    """How many stacks of dilated convolutions there are."""
    return parameter(
        default, ge=1, le=8, title="Stacks", search=search,
        help="How many times the series of dilations is repeated. More stacks learn finer detail and are slower.",
    )  # fmt: skip


def kernel_size(default: int, *, ge: int, le: int, advanced: bool = False, search: OneOf | None = None) -> Any:
    """Taps of a convolution."""
    return parameter(
        default, ge=ge, le=le, advanced=advanced, title="Kernel size", search=search,
        help="How many inputs each convolution combines.",
    )  # fmt: skip


def skip_channels(default: int, *, le: int, advanced: bool = False, applies_when: Conditions | None = None) -> Any:
    """Width of the skip connections."""
    return parameter(
        default, applies_when=applies_when, ge=1, le=le, advanced=advanced, title="Skip channels",
        search=steps(16, 32, 64, 96, 128, 192, 256),
        help="Width of the skip connections from every convolution to the output.",
    )  # fmt: skip


def sequence_length(
    default: float,
    *,
    unit: str,
    le: float = 2048,
    advanced: bool = False,
    when: str = "",
    applies_when: Conditions | None = None,
    **bounds: Any,
) -> Any:
    """Length of a training example. `bounds`: gt or ge."""
    return parameter(
        default, **bounds, applies_when=applies_when, le=le, unit=unit, advanced=advanced, title="Sequence length",
        help=_text("Length of each training example. Longer ones teach longer phrases and are slower.", when=when),
    )  # fmt: skip


def sample_rate(default: int, *, le: int = 192_000, more: str = "") -> Any:
    """Sample rate that the network works at."""
    return parameter(
        default, ge=0, le=le, unit="Hz", title="Sample rate",
        help=_text("0 keeps the rate of the songs. A lower rate loses the highest tones and is faster.", more=more),
    )  # fmt: skip


def seconds_per_song(
    default: float, *, le: float = 7200, advanced: bool = False, applies_when: Conditions | None = None
) -> Any:
    """How much of each song is used."""
    return parameter(
        default, applies_when=applies_when, gt=0, le=le, unit="s", advanced=advanced, title="Length used per song",
        help="At most this much of each song is used, from its start. More music takes longer and generalises better.",
    )  # fmt: skip


def song_limit(default: int, *, advanced: bool = False) -> Any:
    """How many of the songs are used."""
    return parameter(
        default, ge=0, le=10_000, unit="songs", advanced=advanced, title="Training set size",
        help="Only the first ones of the chosen songs are used, up to this many; 0 uses all.",
    )  # fmt: skip


def validation_share(default: float, *, part: str, applies_when: Conditions | None = None) -> Any:
    """How much music is held out; `part` says which."""
    return parameter(
        default, applies_when=applies_when, ge=0, le=0.5, advanced=True, title="Held-out share",
        help=f"Share of the music, {part}, that is never trained on. The loss on it shows what was learned and what "
        "was only memorised.",
    )  # fmt: skip


class Schedule(TrainingParameters):
    """How training runs, besides epochs, batch size and learning rate."""

    schedule: Literal["constant", "cosine"] = parameter(
        "constant", advanced=True, title="Learning-rate schedule", search=choices("constant", "cosine"),
        help="cosine lowers the learning rate towards the end, which settles on a better result.",
    )  # fmt: skip
    gradient_clip: float = parameter(
        0.0, ge=0, le=1e6, advanced=True, title="Gradient clipping", search=steps(0.0, 0.3, 1.0, 3.0),
        help="Largest gradient norm that a batch may have; 0 for no limit. 1 helps against a loss that jumps.",
    )  # fmt: skip
    weight_decay: float = parameter(
        0.0, ge=0, le=1, advanced=True, title="Weight decay", search=steps(0.0, 0.003, 0.01, 0.03, 0.1, 0.3),
        help="Pulls the weights towards 0, which keeps a network from memorising little music.",
    )  # fmt: skip
    patience: int = parameter(
        0, ge=0, le=100_000, unit="epochs", advanced=True, title="Early stopping",
        help="Stop when the held-out loss has not improved for this long; 0 never stops early.",
    )  # fmt: skip


# Generation


def length(
    default: float,
    *,
    unit: str,
    le: float,
    when: str = "",
    more: str = "",
    applies_when: Conditions | None = None,
    **bounds: Any,
) -> Any:
    """How long a piece is. `bounds`: gt or ge."""
    return parameter(
        default,
        **bounds,
        applies_when=applies_when,
        le=le,
        unit=unit,
        title="Length",
        help=_text("How much to generate.", when=when, more=more),
    )


def prompt_length(
    default: float,
    *,
    unit: str,
    le: float,
    ge: float = 0,
    when: str = "",
    more: str = "",
    applies_when: Conditions | None = None,
) -> Any:
    """How much of the prompt is read."""
    return parameter(
        default, applies_when=applies_when, ge=ge, le=le, unit=unit, title="Prompt length",
        help=_text("How much of a song the network reads before it continues alone.", when=when, more=more),
    )  # fmt: skip


def prompt_start(
    *, le: float = 7200, advanced: bool = False, when: str = "", applies_when: Conditions | None = None
) -> Any:
    """Where in a song the prompt starts; None for a random place."""
    return parameter(
        None, applies_when=applies_when, ge=0, le=le, unit="s", advanced=advanced, title="Prompt start",
        help=_text("Where in the song the prompt starts. Empty: at a random place.", when=when),
    )  # fmt: skip


def temperature(
    default: float = 1.0,
    *,
    ge: float = 0.05,
    le: float = 4,
    when: str = "",
    more: str = "",
    applies_when: Conditions | None = None,
) -> Any:
    """The temperature of sampling."""
    return parameter(
        default, applies_when=applies_when, ge=ge, le=le, title="Temperature",
        help=_text(
            "Below 1 it is safer and more repetitive; above 1 it is wilder and makes more mistakes.",
            when=when, more=more,
        ),
    )  # fmt: skip


def top_k(*, advanced: bool = False, when: str = "", applies_when: Conditions | None = None) -> Any:
    """Sampling from the k likeliest; all of them by default."""
    return parameter(
        0, applies_when=applies_when, ge=0, le=10_000, advanced=advanced, title="Top k",
        help=_text("Choose only among the k most likely options; 0 allows all.", when=when),
    )  # fmt: skip


def top_p(*, advanced: bool = False, when: str = "", applies_when: Conditions | None = None) -> Any:
    """Nucleus sampling; off by default."""
    return parameter(
        1.0, applies_when=applies_when, gt=0, le=1, advanced=advanced, title="Top p",
        help=_text(
            "Choose only among the most likely options that together have this probability; 1 allows all.", when=when
        ),
    )  # fmt: skip


def greedy(*, advanced: bool = False) -> Any:
    """No sampling at all."""
    return parameter(
        False, advanced=advanced, title="Always the likeliest",
        help="Always choose the most likely option (argmax), as the authors did. It soon repeats itself endlessly.",
    )  # fmt: skip


def tempo() -> Any:
    """Tempo of a generated piece."""
    return parameter(
        None, ge=10, le=400, unit="BPM", title="Tempo", help="Empty: the tempo of the prompt, or else of the songs."
    )
