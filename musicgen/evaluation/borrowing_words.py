"""What a piece borrows from its training songs, in numbers and in words. Light: pages import it.

    {"medium": "midi", "passages": [see `passages`], "share": 0.31, "num_songs": 3, "of_songs": 3, "is_partial": False,
     "yardstick": {"shares": [0.05, 0.2, 0.11], "low": 0.05, "high": 0.2, "num_songs": 3, "of_songs": 3} or None,
     "compared_share": 0.31, "level": "more", "text": "…"}

`share`: of the piece's time that lies in at least one passage; `compared_share`: the same, with only the songs that the
yardstick was made with. `level`: `less`, `as_much`, `more` or `copies`; "" without a yardstick.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from musicgen.evaluation.verdict import DROPOUT, MORE_SONGS, WARMER, Verdict

Level = Literal["", "less", "as_much", "more", "copies"]
VERSION = 4  # of how passages are found
COPIES_SHARE = 0.5  # of the piece; less is a quotation or two, however seldom these songs quote each other
MARGIN = 0.02  # of the piece: the length of one bar of fifty
INTERVAL = (0.05, 0.95)  # quantiles of the songs' shares
FROM_MEMORY = "The network has memorised passages of its songs."
FROM_PLAN = "It was told stretches of its songs to play, and follows them closely: another seed plays others."
MADE_OF_SONGS = (
    "It is made of the sound of its training songs, cut and joined in a new order: copies are no fault here."
)
LEVELS: Mapping[str, str] = {
    "less": "It borrows less from these songs than they borrow from each other",
    "as_much": "It borrows as much as these songs do from each other",
    "more": "It borrows more than these songs do from each other",
    "copies": "It copies",
}


@dataclass(frozen=True)
class Yardstick:
    """How much the songs of a run borrow from each other.

    Attributes:
        shares: of the time of each song looked at that also occurs in another of them, 0 … 1, two or more.
        of_songs: how many songs there are. is_partial: whether the time ran out before all were compared.
    """

    shares: tuple[float, ...]
    of_songs: int
    is_partial: bool = False

    @property
    def interval(self) -> tuple[float, float]:
        """5 % and 95 % quantiles of the shares: with few songs, about the lowest and the highest."""
        return _quantile(self.shares, INTERVAL[0]), _quantile(self.shares, INTERVAL[1])

    def level(self, share: float) -> Level:
        low, high = self.interval
        if share <= high + MARGIN:
            return "less" if share < low - MARGIN else "as_much"
        return "copies" if share >= COPIES_SHARE else "more"

    def to_json(self) -> dict[str, Any]:
        low, high = self.interval
        return {**asdict(self), "shares": list(self.shares), "low": low, "high": high, "num_songs": len(self.shares)}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Yardstick:
        return cls(tuple(document["shares"]), int(document["of_songs"]), bool(document["is_partial"]))


def _quantile(values: Sequence[float], quantile: float) -> float:
    ordered = sorted(values)
    place = quantile * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return round(ordered[below] + (place - below) * (ordered[above] - ordered[below]), 4)


def verdict_words(
    share: float, compared_share: float, yardstick: Yardstick | None, of_songs: int, *, made_of_songs: bool = False
) -> tuple[Level, str]:
    """(level, a sentence or two for people) for a piece of which `share` also occurs in its training songs.

    `made_of_songs`: it is put together from their sound; then it is not compared with the yardstick."""
    amount = f"{share:.0%}"
    said = "none of it occurs" if amount == "0%" else f"{amount} of it also occurs"
    also = f"{said} in {'the training song' if of_songs == 1 else 'a training song'}"
    if made_of_songs:
        return "", f"{MADE_OF_SONGS} Passages of {share:.0%} of it were recognised."
    if yardstick is None and of_songs == 1:
        reason = "With one training song there is no yardstick: the piece is compared with that song alone"
        return "", f"{_capital(also)}. {reason}."
    if yardstick is None:
        return "", f"{_capital(also)}. There is no yardstick: the songs could not be compared with each other."
    level = yardstick.level(compared_share)
    compared = "" if abs(compared_share - share) < 0.005 else f" ({compared_share:.0%} with the songs of the yardstick)"
    return level, f"{LEVELS[level]}: {also}{compared}; {_songs_words(yardstick)}.{_part(yardstick)}"


def borrowed(originality: Mapping[str, Any] | None, *, has_plan: bool = False) -> Verdict | None:
    """The verdict on a piece of which more than half also occurs in its songs, in any key and tempo, unless the songs
    borrow that much from each other. `has_plan`: see Given."""
    if originality is None or originality["share"] < COPIES_SHARE:
        return None
    if originality["level"] != "copies" and originality["yardstick"] is not None:
        return None
    remedies = (MORE_SONGS,) if has_plan else (WARMER, MORE_SONGS, DROPOUT)
    share, cause = originality["share"], f"{originality['text']} {FROM_PLAN if has_plan else FROM_MEMORY}"
    return Verdict("copied", "Copied", "borrowed_share", share, COPIES_SHARE, cause, remedies)


def _songs_words(yardstick: Yardstick) -> str:
    low, high = (f"{share:.0%}" for share in yardstick.interval)
    if high == "0%":
        return "no two of these songs share a passage"
    return f"of each of these songs, {high if low == high else f'{low} to {high}'} occurs in another"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _part(yardstick: Yardstick) -> str:
    if yardstick.is_partial:
        return f" Only some of the {yardstick.of_songs:,} songs could be compared with each other in the time allowed."
    if len(yardstick.shares) < yardstick.of_songs:
        return f" {len(yardstick.shares)} of the {yardstick.of_songs:,} songs were compared with each other."
    return ""


def moved_words(passage: Mapping[str, Any]) -> str:
    """`up 3 semitones, 10% faster`; `as it is there`."""
    semitones, tempo = int(passage["semitones"]), round(100 * (float(passage["tempo_ratio"]) - 1))
    words = []
    if semitones:
        words.append(f"{'up' if semitones > 0 else 'down'} {abs(semitones)} semitone{'s' * (abs(semitones) != 1)}")
    if tempo:
        words.append(f"{abs(tempo)}% {'faster' if tempo > 0 else 'slower'}")
    return ", ".join(words) or "same key and tempo"


def passages_between(originality: Mapping[str, Any] | None, song_id: str) -> list[dict[str, Any]]:
    """The passages of an output that stand in this song, in time order, with the seconds on both sides (`start`,
    `stop`; `song_start`, `song_stop`): linked stretches for two lanes."""
    found = (originality or {}).get("passages") or ()
    return [dict(passage) for passage in found if passage["song_id"] == song_id]


def shares_by_epoch(sidecars: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """[{epoch, share, num_outputs}], by epoch: the mean share of the outputs of each checkpoint that were compared."""
    shares: dict[int, list[float]] = {}
    for sidecar in sidecars:
        found, epoch = sidecar.get("originality") or {}, (sidecar.get("checkpoint") or {}).get("epoch")
        if found.get("share") is not None and epoch is not None:
            shares.setdefault(int(epoch), []).append(float(found["share"]))
    return [
        {"epoch": epoch, "share": sum(found) / len(found), "num_outputs": len(found)}
        for epoch, found in sorted(shares.items())
    ]


def epochs_words(shares: Sequence[Mapping[str, Any]]) -> str:
    """One sentence on the originality along the checkpoints of a run; "" for fewer than two epochs."""
    if len(shares) < 2:
        return ""
    first, last = shares[0], shares[-1]
    change = float(last["share"]) - float(first["share"])
    how = "about as much" if abs(change) < MARGIN else ("more" if change > 0 else "less")
    than = "as" if how == "about as much" else "than"
    return (
        f"Outputs of epoch {last['epoch']} borrow {how} {than} those of epoch {first['epoch']}: "
        f"{float(last['share']):.0%} of their time, against {float(first['share']):.0%}."
    )
