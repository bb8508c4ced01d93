"""The parameters that all networks on notes share."""

from __future__ import annotations

from typing import Literal

from musicgen.contract.applicability import Other
from musicgen.contract.parameters import Parameters, parameter
from musicgen.contract.searching import choices
from musicgen.contract.shared_parameters import (
    greedy,
    length,
    prompt_length,
    sequence_length,
    temperature,
    tempo,
    top_k,
    top_p,
    validation_share,
)

VoicesAre = Literal["instruments", "roles", "automatic"]


class NoteMusic(Parameters):
    """How songs become training examples of notes."""

    representation: Literal["events", "tokens"] = parameter(
        "events", title="Representation",
        help="events: every note with its rhythm, length, loudness and instrument. tokens, as in the authors' code: a "
        "note or a chord and nothing else; the output has one token per step.",
    )  # fmt: skip
    sequence_length: int = sequence_length(64, ge=2, unit="notes")
    threshold: int = parameter(
        0, ge=0, le=1_000_000, unit="times", title="Rare-note threshold",
        help="For tokens: leave out those that occur less often than this in all songs. The task gets easier, but "
        "there is less music, and notes that were apart become neighbours.",
        applies_when={"representation": "tokens"},
    )  # fmt: skip
    instruments: Literal["all", "piano"] = parameter(
        "all", title="Instruments", help="piano uses only the piano tracks. Drums are never used."
    )
    order: Literal["tracks", "time"] = parameter(
        "tracks", advanced=True, title="Order",
        help="For tokens. tracks, as in the authors' code: one track after the other (left hand after right). time: "
        "all tracks together, in order of time.",
        applies_when={"representation": "tokens"},
    )  # fmt: skip
    transpose: bool = parameter(
        True, advanced=True, title="All keys",
        help="For events: each window is transposed to a random key. Twelve times the music from the same songs.",
        applies_when={"representation": "events"},
    )  # fmt: skip
    voices: VoicesAre = parameter(
        "instruments", advanced=True, title="Voices",
        help="For events. instruments: a violin is a violin in every song. roles: bass, middle voices and melody, "
        "whatever plays them, so that songs for different instruments teach the same. automatic: roles if the songs "
        "have few instruments in common.",
        applies_when={"representation": "events"},
    )  # fmt: skip
    recall: bool = parameter(
        False, advanced=True, title="Recall", search=choices(False, True),
        help="For events: at each note the network is told what followed when the piece last sounded like this, which "
        "instruments are free, and which values the piece has used. Figures come back, and a song with other "
        "instruments or rhythms than the training songs is understood.",
        applies_when={"representation": "events"},
    )  # fmt: skip
    max_notes: int = parameter(
        0, ge=0, le=100_000_000, unit="notes", advanced=True, title="Largest part",
        help="For events: of more music only a part is learned from, the start of each song, and of very many songs "
        "some that the seed draws. 0 takes everything.",
        applies_when={"representation": "events"},
    )  # fmt: skip
    validation: Literal["held_out", "random_windows", "none"] = parameter(
        "held_out", advanced=True, title="Validation",
        help="held_out: songs, or ends of songs, that are never trained on. random_windows (tokens only), as in the "
        "authors' code: windows that overlap the training music, so the loss looks better than it is.",
    )  # fmt: skip
    validation_share: float = validation_share(
        0.2, part="whole songs or their ends", applies_when={"validation": Other("none")}
    )


class NoteChoice(Parameters):
    """What a network on notes generates."""

    num_notes: int = length(200, ge=1, le=20_000, unit="notes")
    temperature: float = temperature(
        applies_when={"greedy": False},
        more="With events, below 1 it counts for pitches only: when notes come, and how long they are, stays as likely "
        "as it is.",
    )
    top_k: int = top_k(applies_when={"greedy": False})
    top_p: float = top_p(applies_when={"greedy": False})
    tempo: float | None = tempo()
    prompt_notes: int = prompt_length(
        32, le=4096, unit="notes", when="With a song as prompt", applies_when={"prompt": True}
    )
    keep_prompt: bool = parameter(
        False, advanced=True, title="Keep the prompt", help="Start the piece with the notes of the prompt."
    )
    repetition_penalty: float = parameter(
        1.0, ge=1, le=10, advanced=True, title="Repetition penalty",
        help="A recently chosen pitch (for tokens: a token) becomes this many times less likely. 1 changes nothing. "
        "Higher values keep the piece from getting stuck, but lead it away from the style.",
    )  # fmt: skip
    repetition_window: int = parameter(
        8, ge=1, le=512, unit="notes", advanced=True, title="Repetition window",
        help="How far back the repetition penalty looks.",
        applies_when={"repetition_penalty": Other(1.0)},
    )  # fmt: skip
    greedy: bool = greedy(advanced=True)
    step_beats: float = parameter(
        1.0, gt=0, le=16, unit="beats", advanced=True, title="Step length",
        help="For tokens: the time from one token to the next.",
        applies_when={"training.representation": "tokens"},
    )  # fmt: skip
