"""Pieces: the units are chosen one after the other, and stretches of them are joined to one sound."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from musicgen.approaches.collage.bank import UnitBank
from musicgen.approaches.collage.beginnings import KnownSongs, Start, known_songs, start_of
from musicgen.approaches.collage.choosing import CodeSampler, UnitChooser
from musicgen.approaches.collage.codec import CollageCodec
from musicgen.approaches.collage.grid import UNITS_PER_BEAT
from musicgen.approaches.collage.network import CodeStepper
from musicgen.approaches.collage.parameters import Generation, Training
from musicgen.approaches.collage.splicing import Splicer, Stretch
from musicgen.audio.waveform import Waveform
from musicgen.contract.made import Made, Order
from musicgen.sampling.level_facts import level_facts
from musicgen.sampling.pace import Pace

LOUDEST = 0.98  # of full scale
MOST_GAIN_DB = 6.0
TOLD_EVERY = 8  # units
SIMPLE = 1 << 10  # progress is counted in so many parts of a piece


def collage_pieces(
    stepper: CodeStepper, codec: CollageCodec, training: Training, order: Order[Generation]
) -> Iterator[Made]:
    """One piece for each seed, one after the other: each is the same, whatever is made with it."""
    known = known_songs(codec, order)
    order.monitor.progress("generating", 0, 2 * SIMPLE * len(order.seeds))
    for number, seed in enumerate(order.seeds):
        yield _Piece(known, training, order, number, seed).make(stepper)


class _Piece:
    """One piece on its way."""

    def __init__(self, known: KnownSongs, training: Training, order: Order[Generation], number: int, seed: int) -> None:
        self.codec, self.order, self.number, self.seed = known.codec, order, number, seed
        self.start: Start = start_of(known, training, order, seed)
        self.wanted = max(1, round(order.generation.seconds * self.codec.sample_rate))

    def make(self, stepper: CodeStepper) -> Made:
        pace, generation, bank = Pace(), self.order.generation, self.start.bank
        units = self._units(UnitChooser(bank, CodeSampler(stepper, generation), generation, self.seed), pace)
        stretches = as_stretches(bank, units, even_loudness=generation.even_loudness)
        splicer = Splicer(
            self.codec.sample_rate, self.codec.n_channels, sum(each.n_samples for each in stretches),
            generation.overlap_ms / 1000,
        )  # fmt: skip
        for number, stretch in enumerate(stretches, start=1):
            splicer.add(stretch)
            self._tell(SIMPLE * (len(stretches) + number) / len(stretches))
            if self.number == 0:
                self.order.monitor.so_far(lambda: self._content(splicer)[0], number, len(stretches))
        content, gain = self._content(splicer)
        facts = {
            "steps": len(units),
            **pace.facts(),
            **self.start.facts,
            **_facts(bank, units, splicer),
            **level_facts(content, self.codec.level, gain=gain),
        }
        return Made(content, self.seed, facts, self.start.reference(content.seconds))

    def _units(self, chooser: UnitChooser, pace: Pace) -> list[int]:
        """As many as are about as long as the piece."""
        made, n_samples = list[int](), 0
        for unit in chooser.choose(self.start.begin, self.start.per_bar):
            first, stop = self.start.bank.edges(unit)
            if made and n_samples + (stop - first) / 2 > self.wanted:
                break
            made.append(unit)
            n_samples += stop - first
            if len(made) % TOLD_EVERY == 0:
                pace.note(len(made))
                self._tell(SIMPLE * min(1.0, n_samples / self.wanted))
        pace.note(len(made))
        return made

    def _content(self, splicer: Splicer) -> tuple[Waveform, float]:
        """(the piece so far, the gain that keeps it from clipping)."""
        samples = splicer.finished()
        gain = min(1.0, LOUDEST / max(float(np.abs(samples).max(initial=0.0)), 1e-9))
        return Waveform(np.clip(samples * np.float32(gain), -1.0, 1.0), self.codec.sample_rate), gain

    def _tell(self, done: float) -> None:
        whole = 2 * SIMPLE
        self.order.monitor.progress(
            "generating", whole * self.number + min(int(done), whole), whole * len(self.order.seeds)
        )


def as_stretches(bank: UnitBank, units: Sequence[int], *, even_loudness: bool) -> list[Stretch]:
    """Units that follow each other in a song as one stretch each; with `even_loudness`, at the gain that gives it the
    usual loudness of the songs."""
    made = []
    for run in runs_of(bank, units):
        gain_db = 0.0
        if even_loudness:
            gain_db = float(np.clip(bank.usual_loudness - bank.loudness[run].mean(), -MOST_GAIN_DB, MOST_GAIN_DB))
        (start, _), (_, stop) = bank.edges(run[0]), bank.edges(run[-1])
        made.append(Stretch(bank.sounds[int(bank.songs[run[0]])], start, stop, 10 ** (gain_db / 20)))
    return made


def runs_of(bank: UnitBank, units: Sequence[int]) -> list[list[int]]:
    """The units in runs, in each of which every one follows the one before it in its song."""
    runs: list[list[int]] = []
    for unit in units:
        if runs and bank.following[runs[-1][-1]] == unit:
            runs[-1].append(unit)
        else:
            runs.append([unit])
    return runs


def _facts(bank: UnitBank, units: Sequence[int], splicer: Splicer) -> dict[str, Any]:
    runs = runs_of(bank, units)
    tempos = [bank.parts[int(bank.songs[unit])].tempo for unit in units]
    return {
        "made_of_songs": True,
        "cut_at": bank.parts[0].cut_at,
        "tempo": round(float(np.mean(tempos)), 2) if all(tempos) else None,
        "stretches": len(runs),
        "longest_stretch_beats": max(map(len, runs)) / UNITS_PER_BEAT,
        "distinct_units": len(set(units)),
        "joint_seconds": [round(joint / splicer.sample_rate, 4) for joint in splicer.joints],
    }
