"""Songs → units, their codes, windows to learn from, facts and floors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from musicgen.approaches.collage.codec import CollageCodec, SongUnits, stamp_of
from musicgen.approaches.collage.frames import Floats, read_frames
from musicgen.approaches.collage.grid import UNITS_PER_BEAT, Grid, cut_song
from musicgen.approaches.collage.parameters import Training
from musicgen.approaches.collage.unit_features import (
    edge_vectors,
    loudness_around,
    scaling,
    unit_vectors,
    usual_distance,
)
from musicgen.approaches.collage.windows import CodeRun, CodeWindows
from musicgen.codecs.clustering import typical
from musicgen.codecs.holding_out import held_out_parts
from musicgen.codecs.sounds import Sound, open_sounds, root_mean_square
from musicgen.contract.prepared import Prepared, TrainingSong
from musicgen.errors import InvalidInput, sentence
from musicgen.floors.floors import bigram_nats, uniform_nats, unigram_nats
from musicgen.wording import count

HEARD_RATE = 22_050  # Hz, at most: of the mono sound that units are found and compared in
LEAST_UNITS = 8
UNITS_PER_CODE = 20  # at least, on average
OVERLAPS = 8  # windows in which each unit occurs in an epoch: a song has only a few hundred units
CODES_SEED = 17
OWN_SOUND = (
    "What it makes is put together from the sound of the songs themselves: the network decides which pieces follow "
    "each other."
)


@dataclass(frozen=True)
class Analysed:
    """A song cut into units. `vectors`: (n, WIDTH); `edges`: (n + 1, 2, EDGE_WIDTH); see unit_features."""

    grid: Grid
    vectors: Floats
    edges: Floats
    loudness: Floats


def prepare_collage(songs: Sequence[TrainingSong], training: Training, seed: int) -> Prepared:
    """See Approach.prepare."""
    sounds, warnings = open_sounds(
        songs, sample_rate=training.sample_rate, max_songs=training.max_songs, seconds=training.seconds_per_song,
        keeps_stereo=True,
    )  # fmt: skip
    level = root_mean_square(sounds)
    analysed = [analyse(each.song, training) for each in sounds]
    lengths = [len(each.vectors) for each in analysed]
    _check_long_enough(sounds, lengths)
    parts = held_out_parts(lengths, training.validation_share, shortest=LEAST_UNITS, seed=seed)
    codec = _fitted(sounds, analysed, [part for part, _ in parts], training.codebook_size, level)
    learned = [_run(song, part) for song, (part, _) in zip(codec.songs, parts, strict=True)]
    checked = [_run(song, held, training.sequence_length) for song, (_, held) in zip(codec.songs, parts, strict=True)]
    stride = max(1, training.sequence_length // OVERLAPS)
    data = CodeWindows([run for run in learned if len(run)], training.sequence_length, codec.num_codes, stride=stride)
    held = CodeWindows(
        [run for run in checked if len(run)],
        training.sequence_length,
        codec.num_codes,
        context=training.sequence_length,
    )
    validation = held if held.n_examples else None
    facts = _facts(codec, data, held, len(songs))
    warnings = (OWN_SOUND, *warnings, *_told(codec, validation is None and training.validation_share > 0))
    return Prepared(codec, data, validation, facts, _floors(data, validation, codec.num_codes), warnings)


def analyse(song: TrainingSong, training: Training) -> Analysed:
    """A song cut into units, as it is heard in mono."""
    rate = song.clip.waveform(0.0, 0.0).sample_rate
    (sound,), _ = open_sounds(
        [song], sample_rate=min(HEARD_RATE, rate), seconds=training.seconds_per_song, keeps_stereo=True
    )
    frames = read_frames(sound)
    grid = cut_song(sound, frames, training)
    return Analysed(grid, unit_vectors(frames, grid), edge_vectors(frames, grid), loudness_around(frames, grid))


def _fitted(
    sounds: Sequence[Sound], analysed: Sequence[Analysed], parts: Sequence[slice], most: int, level: float
) -> CollageCodec:
    """The codec; codes come from the training parts alone."""
    vectors = np.concatenate([each.vectors[part] for each, part in zip(analysed, parts, strict=True)])
    mean, scale = scaling(vectors)
    size = max(2, min(most, len(vectors) // UNITS_PER_CODE))
    centres = typical((vectors - mean) * scale, size, np.random.default_rng(CODES_SEED))
    usual = usual_distance([each.edges for each in analysed])
    rate = sounds[0].sample_rate
    channels = max(sound.song.clip.waveform(0.0, 0.0).n_channels for sound in sounds)
    places = max(1, *(UNITS_PER_BEAT * each.grid.beats_per_bar for each in analysed))
    plain = CollageCodec(rate, channels, level, places, mean, scale, centres, usual, ())
    units = [_units(plain, sound, each) for sound, each in zip(sounds, analysed, strict=True)]
    return CollageCodec(rate, channels, level, places, mean, scale, centres, usual, tuple(units))


def _units(codec: CollageCodec, sound: Sound, found: Analysed) -> SongUnits:
    grid = found.grid
    return SongUnits(
        stamp_of(sound.song), sound.song.name, grid.cut_at, grid.tempo, grid.beats_per_bar,
        np.rint(grid.edges * codec.sample_rate).astype(np.int64), grid.places, codec.encode(found.vectors),
        np.asarray(found.edges / np.sqrt(codec.usual)[:, None], np.float32), found.loudness,
    )  # fmt: skip


def _run(song: SongUnits, part: slice, context: int = 0) -> CodeRun:
    """A part of a song, after at most `context` units that are only heard."""
    first = max(0, part.start - context)
    if part.stop <= part.start:
        first = part.start
    heard = slice(first, part.stop)
    return CodeRun(song.codes[heard], song.places[heard], part.start - first)


def _floors(data: CodeWindows, validation: CodeWindows | None, num_codes: int) -> dict[str, float]:
    """Nats per unit without a network."""
    known = [run.codes for run in data.runs]
    asked = [run.codes[run.first :] for run in (validation or data).runs]
    return {
        "uniform": uniform_nats(num_codes),
        "unigram": unigram_nats(known, asked, num_codes),
        "bigram": bigram_nats(known, asked, num_codes),
    }


def _facts(codec: CollageCodec, data: CodeWindows, held: CodeWindows, n_songs: int) -> dict[str, Any]:
    shape = [data.n_examples, data.length]
    with_beats = [song for song in codec.songs if song.cut_at == "beats"]
    lengths = np.concatenate([np.diff(song.edges) for song in codec.songs]) / codec.sample_rate
    return {
        "inputs_shape": shape,
        "targets_shape": shape,
        "n_windows": data.n_examples,
        "n_validation_windows": held.n_examples,
        "n_songs": n_songs,
        "n_songs_used": len(codec.songs),
        "n_songs_with_beats": len(with_beats),
        "n_units": sum(len(song) for song in codec.songs),
        "unit_ms": round(1000 * float(np.median(lengths)), 1),
        "vocabulary_size": codec.num_codes,
        "num_places": codec.num_places,
        "tempo": round(float(np.median([song.tempo for song in with_beats])), 2) if with_beats else None,
        "beats_per_bar": with_beats[0].beats_per_bar if with_beats else None,
        "sample_rate": codec.sample_rate,
        "n_channels": codec.n_channels,
        "level_db": round(20 * float(np.log10(codec.level)), 2),
        "loss_unit": "nats per unit",
    }


def _told(codec: CollageCodec, nothing_is_held_out: bool) -> list[str]:
    """Sentences about songs without beats, and about songs that do not go together."""
    free = [song.name for song in codec.songs if song.cut_at == "onsets"]
    told = []
    if free:
        named = f"“{free[0]}” has" if len(free) == 1 else f"{count(len(free), 'song')} have"
        it = "it is" if len(free) == 1 else "they are"
        told.append(
            f"{named} no steady beat, so {it} cut where notes begin instead of at half beats. This is usual for free "
            "tempo and for voices alone; the rhythm of a piece is then freer too."
        )
    if not all(song.goes_with(codec.songs[0]) for song in codec.songs):
        told.append("The songs have different tempos or bars. A piece only uses songs with the tempo of its first one.")
    if nothing_is_held_out:
        told.append("Too little music is left to hold out, so there is no validation loss: choose longer songs.")
    return told


def _check_long_enough(sounds: Sequence[Sound], lengths: Sequence[int]) -> None:
    if max(lengths) < LEAST_UNITS:
        longest = max(sound.n_samples for sound in sounds)
        raise InvalidInput(
            sentence(
                f"Training needs a song with at least {LEAST_UNITS} half beats or pieces between onsets",
                f"{max(lengths)} in {longest:,} samples, the longest of {count(len(sounds), 'song')}",
                "Choose a longer song.",
            ),
            code="too_short",
        )
