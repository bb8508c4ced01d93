"""What the texts in the archive of a run may contain: known fields, each within its bounds. The rest is ignored."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal, NoReturn

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat

from musicgen.storage.database import ID_PATTERN

MAX_SONGS = 20_000
UNREADABLE = (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError, OverflowError)

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Text = Annotated[str, Field(max_length=2000)]
Count = Annotated[int, Field(ge=0, le=10**15)]


class Strict(BaseModel):
    """Known fields only; the rest is ignored."""

    model_config = ConfigDict(extra="ignore", strict=False)


class ArchivedSong(Strict):
    id: Annotated[str, Field(pattern=ID_PATTERN)]
    name: Text
    sha256: Sha256
    tracks: Annotated[list[Annotated[int, Field(ge=0, le=1000)]], Field(max_length=1000)] | None = None
    rights: Text = ""


class ArchivedRequest(Strict):
    approach: Text
    preset: Text = ""
    training: dict[str, Any]
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)]
    songs: Annotated[list[ArchivedSong], Field(max_length=MAX_SONGS)]
    hear_it_learn: bool = False


class ArchivedRun(Strict):
    name: Text
    request: ArchivedRequest
    state: Literal["queued", "starting", "running", "paused", "succeeded", "failed", "cancelled"]
    reason: Text = ""
    rights: Text = ""


class ArchivedRow(Strict):
    epoch: Annotated[int, Field(ge=1, le=10**7)]
    loss: FiniteFloat
    val_loss: FiniteFloat | None = None
    seconds: FiniteFloat
    learning_rate: FiniteFloat
    extra: Annotated[dict[str, FiniteFloat | None], Field(max_length=1000)] = {}


class ArchivedPrepared(Strict):
    facts: dict[str, Any] = {}
    floors: dict[str, FiniteFloat | None] = {}
    warnings: list[Text] = []
    networks: Count = 0
    parameters: Count = 0
    flops_per_epoch: FiniteFloat = 0.0
    memory_bytes: Count = 0


def read_text(content: bytes) -> Any:
    """Parse JSON without NaN or infinity. Raises ValueError or RecursionError."""
    return json.loads(content, parse_constant=_no_number)


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is not a number")
