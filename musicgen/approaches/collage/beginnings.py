"""Where a piece begins: after a prompt, or at a place in the songs that the seed chooses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from musicgen.approaches.collage.bank import UnitBank
from musicgen.approaches.collage.choosing import Beginning
from musicgen.approaches.collage.codec import CollageCodec, SongUnits, stamp_of
from musicgen.approaches.collage.data import analyse
from musicgen.approaches.collage.grid import UNITS_PER_BEAT
from musicgen.approaches.collage.parameters import Generation, Training
from musicgen.codecs.sounds import Sound, open_sounds
from musicgen.contract.made import Order, Reference
from musicgen.contract.prepared import TrainingSong
from musicgen.errors import InvalidInput, sentence
from musicgen.sampling.prompts import prompt_start


@dataclass(frozen=True)
class KnownSongs:
    """The songs of the codec whose sound is still there. `sounds`: stamp → sound; `songs`: stamp → song."""

    codec: CollageCodec
    sounds: Mapping[str, Sound]
    songs: Mapping[str, TrainingSong]

    @property
    def units(self) -> list[SongUnits]:
        return [song for song in self.codec.songs if song.stamp in self.sounds and len(song)]


def known_songs(codec: CollageCodec, order: Order[Generation]) -> KnownSongs:
    """Finds the songs of the codec by their sound. Raises InvalidInput if none of them is there."""
    there = {stamp_of(song): song for song in [*order.songs, *([order.prompt] if order.prompt else [])]}
    songs = {stamp: song for stamp, song in there.items() if stamp in codec.by_stamp}
    if not songs:
        named = "”, “".join(song.name for song in codec.songs[:3])
        raise InvalidInput(
            sentence(
                "A collage is made of the sound of its songs, and needs one of them",
                f"none of “{named}” in the library",
                "Add the song again.",
            ),
            code="missing_songs",
        )
    opened, _ = open_sounds(list(songs.values()), sample_rate=codec.sample_rate, keeps_stereo=True)
    return KnownSongs(codec, dict(zip(songs, opened, strict=True)), songs)


@dataclass(frozen=True)
class Start:
    """How one piece begins. `bank`: the units that it may use. `per_bar`: units in a bar, 0 without beats.
    `reference`: how the song goes on; None for none."""

    bank: UnitBank
    begin: Beginning
    per_bar: int
    facts: dict[str, Any]
    song: TrainingSong | None
    seconds: float

    def reference(self, seconds: float) -> Reference | None:
        return Reference.following(self.song, self.seconds, seconds) if self.song else None


def start_of(known: KnownSongs, training: Training, order: Order[Generation], seed: int) -> Start:
    """The start of the piece with this seed."""
    prompt = order.prompt
    stamp = stamp_of(prompt) if prompt else ""
    if prompt and stamp not in known.sounds:
        return _after_another(known, training, order, prompt, seed)
    units = known.units
    lead = known.codec.by_stamp[stamp] if prompt else units[_drawn(units, seed)]
    song = known.songs[lead.stamp]
    bank = _bank(known, lead)
    own, rate = [each.stamp for each in bank.parts].index(lead.stamp), known.codec.sample_rate
    begin = prompt_start(song, order.generation, seed)
    unit = bank.unit_of(own, begin + order.generation.prompt_seconds, rate)
    if not prompt and order.generation.start_seconds is None:
        unit = _at_bar(bank, unit)
    first = bank.unit_of(own, max(0.0, bank.edges(unit)[0] / rate - order.generation.prompt_seconds), rate)
    heard = slice(first, unit if order.generation.prompt_seconds else first)
    found = Beginning(
        bank.codes[heard], bank.places[heard], int(bank.places[unit]), unit, (bank.before[unit], bank.after[unit])
    )
    seconds = bank.edges(unit)[0] / rate
    return Start(bank, found, _per_bar(lead), _facts(song, seconds, order.generation), song, seconds)


def _after_another(
    known: KnownSongs, training: Training, order: Order[Generation], prompt: TrainingSong, seed: int
) -> Start:
    """After a song that the network has not learned from: its codes are heard, and its end joins on."""
    found, generation, units = analyse(prompt, training), order.generation, known.units
    begin = prompt_start(prompt, generation, seed)
    edges = found.grid.edges
    first, stop = np.searchsorted(edges, [begin - 1e-6, begin + generation.prompt_seconds + 1e-6])
    stop = int(min(max(stop - 1, first), len(edges) - 1))
    alike = [song for song in units if song.cut_at == found.grid.cut_at] or units
    lead = min(alike, key=lambda song: abs(song.tempo - found.grid.tempo))
    around = found.edges[stop] / np.sqrt(known.codec.usual)[:, None]
    per_bar, heard = _per_bar(lead), slice(int(first), stop)
    places = found.grid.places[heard] % max(1, per_bar)
    place = (int(places[-1]) + 1) % per_bar if places.size and per_bar else 0
    beginning = Beginning(known.codec.encode(found.vectors)[heard], places, place, -1, (around[0], around[1]))
    seconds = begin + generation.prompt_seconds
    return Start(_bank(known, lead), beginning, per_bar, _facts(prompt, seconds, generation), prompt, seconds)


def _bank(known: KnownSongs, lead: SongUnits) -> UnitBank:
    return UnitBank([song for song in known.units if song.goes_with(lead) or song is lead], known.sounds)


def _drawn(units: Sequence[SongUnits], seed: int) -> int:
    share = np.array([len(song) for song in units], dtype=np.float64)
    return int(np.random.default_rng([seed, 7]).choice(len(units), p=share / share.sum()))


def _at_bar(bank: UnitBank, unit: int) -> int:
    """The nearest unit of the same song that begins a bar and is not an intro; the unit itself if there is none."""
    near = np.flatnonzero((bank.songs == bank.songs[unit]) & (bank.places == 0) & bank.is_usable)
    return int(near[np.argmin(np.abs(near - unit))]) if near.size else unit


def _per_bar(song: SongUnits) -> int:
    return UNITS_PER_BEAT * song.beats_per_bar


def _facts(song: TrainingSong, seconds: float, generation: Generation) -> dict[str, Any]:
    return {
        "prompt_song": song.name,
        "prompt_seconds": generation.prompt_seconds,
        "prompt_start_seconds": round(max(0.0, seconds - generation.prompt_seconds), 6),
    }
