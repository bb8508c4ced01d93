"""What a starter file says of itself. Light: no array is read here.

assets/starters/<key of the approach>.zip has `card.json` and `weights/<network>/<number>.npy` in half precision.
"""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from musicgen.errors import DamagedFile, NotFound, sentence
from musicgen.processes import ROOT
from musicgen.wording import count

FOLDER = ROOT / "assets" / "starters"
CARD, FORMAT = "card.json", 1
MAX_BYTES = 3_000_000  # of a file
MAX_CARD_BYTES = 1_000_000  # unpacked

Line = Annotated[str, Field(min_length=1, max_length=500)]
Loss = Annotated[float, Field(allow_inf_nan=False)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Source(_Part):
    """A piece that was learned from. `title`: its name in the corpus of music21."""

    title: Line
    composer: Line


class HeldOut(_Part):
    """Losses of the preset `quick` on the held-out part of songs that the starter has never seen.

    Attributes:
        songs: what they are, such as “ten Bach chorales”. unit: of the losses.
        from_nothing, from_starter: the lowest loss of a training. floors: see `Prepared`.
    """

    songs: Line
    unit: Line
    from_nothing: Loss
    from_starter: Loss
    floors: dict[str, Loss]


class Starter(_Part):
    """The card of a starter.

    Attributes:
        approach: its key. training, codec: what its networks are built from.
        weights: how many there are. minutes: how long they were trained.
    """

    format: Literal[1] = 1
    approach: Line
    title: Line
    training: dict[str, Any]
    codec: dict[str, Any]
    weights: Annotated[int, Field(ge=1)]
    minutes: float
    sources: Annotated[tuple[Source, ...], Field(min_length=1)]
    licence: Line
    held_out: tuple[HeldOut, ...]

    @property
    def composers(self) -> tuple[str, ...]:
        """Those with the most pieces first."""
        found = [source.composer for source in self.sources]
        return tuple(sorted(dict.fromkeys(found), key=lambda name: -found.count(name)))

    @property
    def origin(self) -> str:
        """Where it comes from, in one sentence."""
        *most, last = self.composers
        names = f"{', '.join(most)} and {last}" if most else last
        return f"Learned from {count(len(self.sources), 'piece')} in the public domain: {names}."

    @property
    def gain(self) -> str:
        """What it is worth, in one sentence for each of the songs that it was measured on."""
        return " ".join(
            f"Held-out loss on {each.songs}: {each.from_starter:.3g} {each.unit} with it, {each.from_nothing:.3g} "
            "from nothing."
            for each in self.held_out
        )


def starter_path(key: str) -> Path:
    """Where the starter of an approach is, or would be."""
    return FOLDER / f"{key}.zip"


def has_starter(key: str) -> bool:
    return starter_path(key).is_file()


def read_starter(path: Path) -> Starter:
    """The card of a file. Raises NotFound or DamagedFile."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ValueError(f"{path.stat().st_size:,} bytes, more than {MAX_BYTES:,}")
        with zipfile.ZipFile(path) as archive:
            if archive.getinfo(CARD).file_size > MAX_CARD_BYTES:
                raise ValueError(f"a card of more than {MAX_CARD_BYTES:,} bytes")
            starter = Starter.model_validate_json(archive.read(CARD))
        if starter.approach != path.stem:
            raise ValueError(f"a starter of {starter.approach}")
    except FileNotFoundError as error:
        rule, remedy = "A training can start from common practice if its approach has a starter", "Start from nothing."
        raise NotFound(sentence(rule, f"no file assets/starters/{path.name}", remedy), code="no_starter") from error
    except (OSError, ValueError, KeyError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        raise damaged(path, error) from error
    return starter


def damaged(path: Path, received: object) -> DamagedFile:
    """The error for a file that is not as it was made."""
    words = str(received).strip("'\"").splitlines() or [type(received).__name__]
    rule, remedy = f"A starter must be complete (assets/starters/{path.name})", "Install the program again."
    return DamagedFile(sentence(rule, words[0].rstrip("."), remedy), code="damaged_starter")
