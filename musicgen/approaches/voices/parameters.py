"""The parameters of Voices: how it trains and what it generates."""

from __future__ import annotations

from typing import Any, Literal

from musicgen.contract.parameters import Parameters, parameter
from musicgen.contract.searching import Between, choices, steps
from musicgen.contract.shared_parameters import (
    Schedule,
    batch_size,
    dropout,
    epochs,
    learning_rate,
    length,
    num_layers,
    prompt_length,
    sequence_length,
    temperature,
    tempo,
    top_p,
    units,
    validation_share,
)

FILLING: dict[str, Any] = {"prompt": True, "prompt_use": "fill_in"}
CONTINUING: dict[str, Any] = {"prompt": True, "prompt_use": "continue"}


class Training(Schedule):
    voices: int = parameter(
        0, ge=0, le=6, title="Voices",
        help="How many voices sing, 2 to 6. 0: as many as most songs have. A track is a voice if the song has as many "
        "tracks; otherwise its notes are shared out by height.",
    )  # fmt: skip
    steps_per_beat: Literal[2, 3, 4, 6, 8, 12] = parameter(
        4, title="Grid", unit="steps in a quarter note",
        help="Notes begin and end on this grid. 4 is a grid of sixteenths; 6 and 12 also have triplets.",
    )  # fmt: skip
    epochs: int = epochs(60)
    units: int = units(256)
    num_layers: int = num_layers(2)
    head: int = parameter(
        192, ge=1, le=2048, advanced=True, title="Units of a voice", search=steps(48, 96, 128, 192, 256),
        help="Width of the layer that decides what one voice sings.",
    )  # fmt: skip
    dropout: float = dropout(0.3)
    recurrent_dropout: float = parameter(
        0.2, ge=0, lt=1, advanced=True, title="Recurrent dropout", search=Between(0, 0.5),
        help="Share of the weights from one step of the LSTM to the next that is left out at random during training. "
        "It helps against memorising.",
    )  # fmt: skip
    told_dropout: float = parameter(
        0.1, ge=0, lt=1, advanced=True, title="Fact dropout", search=Between(0, 0.4),
        help="Share of the facts about a step, such as the last note of one voice, that is left out at random during "
        "training. The network then relies on no single one.",
    )  # fmt: skip
    sequence_length: int = sequence_length(128, ge=8, unit="steps")
    batch_size: int = batch_size(8, ge=2, multiple_of=2)
    learning_rate: float = learning_rate(2e-3)
    schedule: Literal["constant", "cosine"] = parameter(
        "cosine", advanced=True, title="Learning-rate schedule", search=choices("constant", "cosine"),
        help="cosine lowers the learning rate towards the end, which settles on a better result.",
    )  # fmt: skip
    gradient_clip: float = parameter(
        1.0, ge=0, le=1e6, advanced=True, title="Gradient clipping", search=steps(0.0, 0.3, 1.0, 3.0),
        help="Largest gradient norm that a batch may have; 0 for no limit. 1 helps against a loss that jumps.",
    )  # fmt: skip
    weight_decay: float = parameter(
        0.02, ge=0, le=1, advanced=True, title="Weight decay", search=steps(0.0, 0.003, 0.01, 0.02, 0.05, 0.1, 0.3),
        help="Pulls the weights towards 0, which keeps a network from memorising little music.",
    )  # fmt: skip
    averaging: float = parameter(
        0.998, ge=0, lt=1, advanced=True, title="Averaged weights", search=steps(0.0, 0.98, 0.995, 0.998),
        help="The network that is kept is an average over the last training steps: this share stays from step to "
        "step. It is calmer and better than the weights of a single step; 0 averages nothing.",
    )  # fmt: skip
    transpose: bool = parameter(
        True, advanced=True, title="All keys",
        help="Each window is transposed to a random key. Twelve times the music from the same songs.",
    )  # fmt: skip
    key_memory: bool = parameter(
        False, advanced=True, title="Key memory", search=choices(False, True),
        help="At each step the network is told how often each note of the octave has been heard, in the piece so far "
        "and in the last bars; when filling in, in what is there before and after. Pieces then stay in their key.",
    )  # fmt: skip
    fill_in: bool = parameter(
        True, title="Also learn to fill in",
        help="Train a second network at the same time. It adds voices to a melody, or makes some bars or one voice "
        "of a song anew. Without it, training takes about a third less time.",
    )  # fmt: skip
    channels: int = parameter(
        128, ge=1, le=2048, advanced=True, title="Filling-in channels", applies_when={"fill_in": True},
        search=steps(32, 64, 96, 128, 192),
        help="Width of the convolutions that fill in.",
    )  # fmt: skip
    depth: int = parameter(
        10, ge=1, le=40, advanced=True, title="Filling-in depth", applies_when={"fill_in": True},
        search=steps(4, 6, 8, 10, 14),
        help="How many convolutions fill in, one after the other. More of them look farther to both sides.",
    )  # fmt: skip
    validation_share: float = validation_share(0.2, part="whole songs or their ends")


class Generation(Parameters):
    bars: int = length(16, ge=1, le=2000, unit="bars", more="Not used when filling in.")
    temperature: float = temperature(
        more="It counts for which pitch comes next; whether a note is held on stays as likely as it is."
    )
    top_p: float = top_p()
    tempo: float | None = tempo()
    ending: bool = parameter(
        True, title="Come to an end",
        help="The network is told how near the end is, so that the piece closes instead of breaking off.",
    )  # fmt: skip
    prompt_use: Literal["continue", "fill_in"] = parameter(
        "continue", title="With the prompt", applies_when={"prompt": True},
        help="continue: read its beginning and go on from there. fill_in: keep the song, and make some of its voices "
        "or bars anew. A single line is kept as the tune and gets the other voices.",
    )  # fmt: skip
    prompt_bars: int = prompt_length(4, ge=1, le=500, unit="bars", when="When continuing", applies_when=CONTINUING)
    keep_prompt: bool = parameter(
        False, advanced=True, title="Keep the prompt", applies_when=CONTINUING,
        help="When continuing: start the piece with the prompt.",
    )  # fmt: skip
    keep_voices: str = parameter(
        "", max_length=100, title="Voices that stay", widget="voices", applies_when=FILLING,
        help="When filling in: names or numbers with commas between them, such as soprano, bass or 1, 4. Empty: none, "
        "or the tune if the song is a single line.",
    )  # fmt: skip
    new_bars: str = parameter(
        "", max_length=200, title="Bars made anew", applies_when=FILLING,
        help="When filling in: such as 5-8 or 1, 3, 9-12. All other bars stay as they are. Empty: all bars are made "
        "anew.",
    )  # fmt: skip
    variation: float = parameter(
        1.0, gt=0, le=1, title="Variation", applies_when=FILLING,
        help="When filling in: share of the beats of each voice that are written anew. 1 forgets what was there; a "
        "small share varies it.",
    )  # fmt: skip
    rounds: int = parameter(
        24, ge=0, le=2000, advanced=True, title="Rounds of revising", applies_when={"training.fill_in": True},
        help="How many times some of the new notes are chosen again, once all others are there. After more rounds they "
        "agree better, and surprise less.",
    )  # fmt: skip
    repairs: int = parameter(
        32, ge=0, le=1000, advanced=True, title="Repairs", applies_when={"training.fill_in": True},
        help="The most times that notes are chosen again where voices move in parallel fifths or octaves, cross, or "
        "clash. It stops once they move in parallel or cross half as often as in the songs, and clash no more often. "
        "0: nothing is repaired.",
    )  # fmt: skip
