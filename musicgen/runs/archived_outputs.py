"""What the archive of a run may say about an output and its blind tests: known fields, each within its bounds."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, FiniteFloat

from musicgen.runs.archived import ArchivedSong, Count, Sha256, Strict, Text
from musicgen.storage.database import ID_PATTERN

MAX_ROUNDS, MAX_PASSAGES, MAX_SEEDS = 100, 2_000, 64
MAX_DEPTH, MAX_VALUES = 6, 20_000  # of facts, which each approach has of its own


def _printable(text: str) -> str:
    return "".join(letter for letter in text if letter.isprintable())


def _plain(value: Any) -> Any:
    """JSON with bounds: finite numbers, printable texts, no more than MAX_VALUES of them."""
    left = MAX_VALUES

    def checked(each: Any, depth: int) -> Any:
        nonlocal left
        left -= 1
        if left < 0 or depth > MAX_DEPTH:
            raise ValueError("it has too many values")
        if isinstance(each, dict):
            return {_printable(str(name))[:200]: checked(one, depth + 1) for name, one in each.items()}
        if isinstance(each, list):
            return [checked(one, depth + 1) for one in each]
        if isinstance(each, float) and not math.isfinite(each):
            raise ValueError("a number is not finite")
        return _printable(each)[:2000] if isinstance(each, str) else each

    return checked(value, 0)


Words = Annotated[Text, AfterValidator(_printable)]
Id = Annotated[str, Field(pattern=ID_PATTERN)]
Seconds = Annotated[FiniteFloat, Field(ge=0, le=10**7)]
Seed = Annotated[int, Field(ge=0, le=2**31 - 1)]
Plain = Annotated[dict[str, Any], AfterValidator(_plain)]
Scalars = Annotated[dict[str, bool | int | FiniteFloat | Words | None], Field(max_length=200)]
Figures = Annotated[dict[str, FiniteFloat | None], Field(max_length=500)]
Place = Literal["a", "b", "x"]


class ArchivedWeights(Strict):
    epoch: Annotated[int, Field(ge=0, le=10**7)]
    is_complete: bool = True
    sha256: Sha256
    chosen: Words = ""


class ArchivedReference(Strict):
    song_id: Id
    start_seconds: Seconds
    stop_seconds: Seconds | None = None


class ArchivedRemedy(Strict):
    text: Words
    action: Literal["generate", "train", "songs"]
    factors: Figures = Field(default_factory=dict)
    values: Scalars = Field(default_factory=dict)
    unless: Scalars = Field(default_factory=dict)


class ArchivedVerdict(Strict):
    code: Words
    title: Words
    metric: Words
    value: FiniteFloat
    limit: FiniteFloat
    cause: Words
    remedies: Annotated[list[ArchivedRemedy], Field(max_length=20)] = Field(default_factory=list)


class ArchivedPassage(Strict):
    start: Seconds
    stop: Seconds
    song_id: Id
    song: Words
    song_start: Seconds
    song_stop: Seconds
    semitones: Annotated[int, Field(ge=-128, le=128)] = 0
    tempo_ratio: Annotated[FiniteFloat, Field(gt=0, le=100)] = 1.0
    similarity: Annotated[FiniteFloat, Field(ge=0, le=1)] = 1.0
    num_notes: Count = 0


class ArchivedYardstick(Strict):
    shares: Annotated[list[Annotated[FiniteFloat, Field(ge=0, le=1)]], Field(min_length=2, max_length=1000)]
    of_songs: Count
    is_partial: bool = False
    low: FiniteFloat
    high: FiniteFloat
    num_songs: Count


class ArchivedOriginality(Strict):
    medium: Literal["midi", "audio"]
    passages: Annotated[list[ArchivedPassage], Field(max_length=MAX_PASSAGES)]
    num_passages: Count = 0
    share: Annotated[FiniteFloat, Field(ge=0, le=1)]
    compared_share: Annotated[FiniteFloat, Field(ge=0, le=1)] | None = None
    num_songs: Count = 0
    of_songs: Count = 0
    is_partial: bool = False
    yardstick: ArchivedYardstick | None = None
    level: Literal["", "less", "as_much", "more", "copies"] = ""
    text: Words


class ArchivedSidecar(Strict):
    """What an output was made with, and what was found in it. Where a part is missing, it was never measured."""

    checkpoint: ArchivedWeights
    training_seed: Seed = 0
    songs: Annotated[list[ArchivedSong], Field(max_length=20_000)] = Field(default_factory=list)
    generation: dict[str, Any]
    prompt: ArchivedSong | None = None
    seed: Seed
    seeds: Annotated[list[Seed], Field(max_length=MAX_SEEDS)] = Field(default_factory=list)
    index: Count = 0
    reference: ArchivedReference | None = None
    facts: Plain = Field(default_factory=dict)
    device: Words = ""
    versions: Annotated[dict[Words, Words], Field(max_length=100)] = Field(default_factory=dict)
    metrics: Figures | None = None
    verdicts: Annotated[list[ArchivedVerdict], Field(max_length=100)] | None = None
    copied: Plain | None = None
    originality: ArchivedOriginality | None = None


class ArchivedPiece(Strict):
    """A short piece of the time-lapse."""

    epoch: Annotated[int, Field(ge=1, le=999_999)]
    seed: Seed
    loss: FiniteFloat | None = None
    val_loss: FiniteFloat | None = None
    facts: Plain = Field(default_factory=dict)
    reference: ArchivedReference | None = None
    generation: Plain = Field(default_factory=dict)
    versions: Annotated[dict[Words, Words], Field(max_length=100)] = Field(default_factory=dict)
    verdicts: Annotated[list[ArchivedVerdict], Field(max_length=100)] = Field(default_factory=list)


class ArchivedSide(Strict):
    id: Id
    name: Words
    start_seconds: Seconds
    stop_seconds: Seconds


class ArchivedRound(Strict):
    right: Place
    sides: Annotated[dict[Place, ArchivedSide], Field(min_length=2, max_length=3)]


class ArchivedTestFacts(Strict):
    seconds: Seconds
    levelled: Annotated[list[Words], Field(max_length=20)] = Field(default_factory=list)
    shared: Annotated[list[Words], Field(max_length=20)] = Field(default_factory=list)
    loudness_lufs: FiniteFloat | None = None
    output: Words
    against: Annotated[list[Words], Field(max_length=20)] = Field(default_factory=list)
    n_against: Count = 0


class ArchivedTest(Strict):
    """A finished blind test. `other_id`: the song or the other output."""

    kind: Literal["real", "abx"]
    other_id: Id | Literal[""] = ""
    rounds: Annotated[list[ArchivedRound], Field(min_length=1, max_length=MAX_ROUNDS)]
    answers: Annotated[list[Literal["a", "b"]], Field(min_length=1, max_length=MAX_ROUNDS)]
    facts: ArchivedTestFacts
    created_at: Annotated[FiniteFloat, Field(ge=0, le=10**11)]
    finished_at: Annotated[FiniteFloat, Field(ge=0, le=10**11)]


class ArchivedOutput(Strict):
    id: Id
    name: Text
    medium: Literal["midi", "audio"]
    sidecar: ArchivedSidecar
    tests: Annotated[list[ArchivedTest], Field(max_length=200)] = Field(default_factory=list)
