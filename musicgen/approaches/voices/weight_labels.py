"""What the rows and columns of the weights of both networks stand for, so that a run can start from another whose songs
have another range, number of voices or grid. Arithmetic only: no framework is loaded."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from fractions import Fraction
from itertools import product

from musicgen.approaches.voices.codec import GridCodec
from musicgen.approaches.voices.matches import HELD, KINDS, LENGTHS
from musicgen.approaches.voices.sizes import (
    LEAPS,
    LEFT,
    MOMENTS,
    MOMENTS_AROUND,
    PLACES,
    STRETCHES,
    TONES,
    VoiceSizes,
)

Axes = tuple[Sequence[Hashable] | None, ...]
Rows = list[Hashable]


def voice_weight_labels(codec: GridCodec, sizes: VoiceSizes) -> dict[str, Axes]:
    """The labels of the axes of each weight, by "layer/weight"."""
    return _VoiceLabels(codec, sizes).all()


class _VoiceLabels:
    """Pitches are labelled as pitches, lengths and places in beats, and voices from the outer ones: the top is the top
    and the bottom is the bottom, however many there are."""

    def __init__(self, codec: GridCodec, sizes: VoiceSizes) -> None:
        self.codec, self.sizes = codec, sizes
        last = sizes.voices - 1
        self.voices: Rows = ["top", *range(1, last), "bottom"]
        self.ordered: Rows = [self.voices[voice] for voice in sizes.order]
        self.values: Rows = ["rest", *range(codec.lowest, codec.highest + 1)]
        self.notes: Rows = [*self.values, "nothing"]
        self.leaps: Rows = [*range(-LEAPS, LEAPS + 1), "none"]
        self.held: Rows = ["nothing", *self._beats(HELD)]
        places = self._beats(range(PLACES))
        lengths: Rows = ["none", *self._beats(LENGTHS)]
        self.place: Rows = [*_named("place", places), *_named("bar", places), *_named("left", range(LEFT))]
        self.around: Rows = [*(("length", *each) for each in product(range(KINDS), lengths)), *self.place]

    def all(self) -> dict[str, Axes]:
        sizes, each_voice = self.sizes, list(product(self.ordered, range(self.sizes.head)))
        labels: dict[str, Axes] = {
            "hear/embeddings": (self._heard(), None),
            "views/kernel": (None, each_voice),
            "views/bias": (each_voice,),
            "around/embeddings": (self.around, None),
            "told/embeddings": (self._told(), None),
            **self._said("decide", ["own", "other"], range(KINDS), strikes=sizes.strikes),
            **self._together("together", MOMENTS, self._pairs_decided()),
        }
        if sizes.counts_tones:
            labels |= {"hear_tones/kernel": (self._tones(), None), "key/kernel": (None, self.ordered)}
        if sizes.depth:
            cells = list(product(self.voices, range(sizes.head)))
            labels |= {
                "see/embeddings": (self._seen(), None),
                "filled_views/kernel": (None, cells),
                "filled_views/bias": (cells,),
                "filled_told/embeddings": (self._told_filled(), None),
                **self._said("filled", ["before", "after"], ("before", "after"), strikes=False),
                **self._together("filled_together", MOMENTS_AROUND, self._pairs_filled()),
            }
        if sizes.depth and sizes.counts_tones:
            labels |= {"see_tones/kernel": (self._tones(), None), "filled_key/kernel": (None, self.voices)}
        return labels

    def _beats(self, steps: Sequence[int]) -> Rows:
        return [Fraction(each, self.codec.steps_per_beat) for each in steps]

    def _heard(self) -> Rows:
        """As in sizes.heard."""
        rows: Rows = [("last", *each) for each in product(self.voices, self.notes)]
        rows += [("held", *each) for each in product(self.voices, self.held)]
        rows += [("match", *each) for each in product(range(KINDS), self.voices, self.notes)]
        rows += [("chord", *each) for each in product(self.voices[:-1], self.leaps)]
        return rows + self.around

    def _tones(self) -> Rows:
        """As in shared_network.ToneShares, by the pitch class."""
        classes = [(self.codec.lowest - 1 + tone) % TONES for tone in range(TONES)]
        return list(product(("share", "logarithm"), range(STRETCHES), classes))

    def _told(self) -> Rows:
        """As in sizes.told_own, and sizes.told_decided of each voice that may be decided before."""
        rows: Rows = [*_named("voice", self.ordered), *_named("own", self.notes), *_named("held", self.held)]
        rows += [("match", *each) for each in product(range(KINDS), self.notes)]
        for other in self.ordered[:-1]:
            rows += [("note", other, each) for each in self.notes]
            rows += [("leap", other, *each) for each in product(range(3), self.leaps)]
            rows += [("struck", other, each) for each in range(2)] if self.sizes.strikes else []
        return rows

    def _seen(self) -> Rows:
        """As in sizes.seen."""
        cells: Rows = [*product(self.values, range(2)), "hidden"]
        rows: Rows = [("cell", *each) for each in product(self.voices, cells)]
        rows += [("near", *each) for each in product(("before", "after"), self.voices, self.notes)]
        return rows + self.place

    def _told_filled(self) -> Rows:
        """As in sizes.filled_own, and sizes.filled_others of each other voice, the next lower one first."""
        rows: Rows = [*_named("voice", self.voices), *_named("before", self.notes), *_named("after", self.notes)]
        for other in range(self.sizes.voices - 1):
            rows += [("note", other, each) for each in self.notes]
            rows += [("leap", other, *each) for each in product(range(3), self.leaps)]
        return rows

    def _said(
        self, layer: str, anchors: Sequence[str], guesses: Sequence[Hashable], *, strikes: bool
    ) -> dict[str, Axes]:
        """The last layer: of each pitch, of each interval from the anchors, of the guesses, of being struck again."""
        used = 2 * self.sizes.values - 1
        intervals: Rows = [
            number - self.sizes.values + 1 if number < used else ("unused", number)
            for number in range(self.sizes.shifted)
        ]
        columns: Rows = [*_named("pitch", self.values), *product(anchors, intervals), *_named("guess", guesses)]
        columns += ["again"] if strikes else []
        return {f"{layer}/kernel": (None, columns), f"{layer}/bias": (columns,)}

    def _together(self, layer: str, moments: int, pairs: Rows) -> dict[str, Axes]:
        """Of PairTables."""
        rows: Rows = list(product(range(moments), pairs, range(2), range(2), range(TONES + 1)))
        values = self.sizes.values
        intervals = [number if number < values else number - (2 * values - 1) for number in range(2 * values - 1)]
        return {f"{layer}/motion": (rows, None), f"{layer}/spacing": (pairs, intervals)}

    def _pairs_decided(self) -> Rows:
        return list(product(self.ordered, self.ordered[:-1]))

    def _pairs_filled(self) -> Rows:
        n = self.sizes.voices
        return [(self.voices[v], self.voices[(v + k) % n]) for v in range(n) for k in range(1, n)]


def _named(name: str, values: Sequence[Hashable]) -> Rows:
    return [(name, value) for value in values]
