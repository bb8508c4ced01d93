"""What all networks on notes can be set to."""

from __future__ import annotations

from typing import Literal

from musicgen.contract.parameters import Parameters, parameter


class NoteMusic(Parameters):
    """What networks on notes learn from."""

    representation: Literal["events", "tokens"] = parameter(
        "events", title="Notes as",
        help="events: every note with its rhythm, length, loudness and instrument. tokens: the authors' words, a note "
        "or a chord and nothing else; what they make has one event a beat.",
    )  # fmt: skip
    sequence_length: int = parameter(
        64, ge=2, le=2048, unit="notes", title="Sequence length",
        help="How many notes the network is shown at a time. Longer ones teach longer phrases, and take longer.",
    )  # fmt: skip
    threshold: int = parameter(
        0, ge=0, le=1_000_000, unit="times", title="Rare-note threshold",
        help="For tokens: those that occur less often than this in all songs are left out. It makes an easier task of "
        "less music, and joins what was never neighbours.",
    )  # fmt: skip
    instruments: Literal["all", "piano"] = parameter(
        "all", title="Instruments", help="piano uses the piano tracks alone. Drums are never used."
    )
    order: Literal["tracks", "time"] = parameter(
        "tracks", advanced=True, title="Order",
        help="For tokens: tracks puts one track after the other, as the authors did (left hand after right); time "
        "takes all tracks together as time goes on.",
    )  # fmt: skip
    transpose: bool = parameter(
        True, advanced=True, title="All keys",
        help="For events: each window is shown in a random key. Twelve times the music from the same songs.",
    )  # fmt: skip
    validation: Literal["held_out", "random_windows", "none"] = parameter(
        "held_out", advanced=True, title="Validation",
        help="held_out: songs, or ends of songs, that are never trained on. random_windows (tokens only): the authors' "
        "way; these windows overlap what is trained on, so the loss looks better than it is.",
    )  # fmt: skip
    validation_share: float = parameter(
        0.2, ge=0, le=0.5, advanced=True, title="Held-out share", help="How much of the music validates."
    )


class NoteChoice(Parameters):
    """What networks on notes can be asked for."""

    num_notes: int = parameter(200, ge=1, le=20_000, unit="notes", title="Notes", help="How many to make.")
    temperature: float = parameter(
        1.0, ge=0.05, le=4, title="Temperature",
        help="How much is dared: below 1 safer and more repetitive, above 1 wilder and sooner wrong.",
    )  # fmt: skip
    top_k: int = parameter(
        0, ge=0, le=10_000, title="Top k", help="Choose among the k likeliest only; 0 chooses among all."
    )
    top_p: float = parameter(
        1.0, gt=0, le=1, title="Top p",
        help="Choose among the likeliest that together have this probability; cuts off what is nearly impossible.",
    )  # fmt: skip
    tempo: float | None = parameter(
        None, ge=10, le=400, unit="BPM", title="Tempo", help="Empty: that of the prompt, or of the songs."
    )
    prompt_notes: int = parameter(
        32, ge=0, le=4096, unit="notes", title="Prompt",
        help="With a song as prompt: how many of its first notes are heard before the network goes on.",
    )  # fmt: skip
    keep_prompt: bool = parameter(
        False, advanced=True, title="Keep the prompt", help="Begin the piece with the notes of the prompt."
    )
    repetition_penalty: float = parameter(
        1.0, ge=1, le=10, advanced=True, title="Repetition penalty",
        help="A pitch (for tokens: a word) that was chosen lately becomes so many times less likely. 1 leaves it as it "
        "was learned; more keeps it from getting stuck, and leads it astray.",
    )  # fmt: skip
    repetition_window: int = parameter(
        8, ge=1, le=512, unit="notes", advanced=True, title="Repetition window",
        help="How many notes back the repetition penalty looks.",
    )  # fmt: skip
    greedy: bool = parameter(
        False, advanced=True, title="Always the likeliest",
        help="No chance at all (argmax), as the authors had it: sooner or later it repeats one note for ever.",
    )  # fmt: skip
    step_beats: float = parameter(
        1.0, gt=0, le=16, unit="beats", advanced=True, title="Step", help="For tokens: from one event to the next."
    )
