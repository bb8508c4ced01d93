"""The Bach chorales on a grid of sixteenths: how well `voices` predicts the held-out ones, in nats per note.

The protocol of the published figures: 229 chorales to learn from, 76 to check, 77 to test (if the file has them); four
voices at each step, one after the other; the mean over all voices at all steps, rests too; nothing from the future;
no chord symbols; checked and tested in their own keys. Boulanger-Lewandowski et al., ICML 2012, for the split.

Mixtures stay valid predictions: several networks, each reading the piece transposed to several keys, say how likely
every value of a note is, each from the past alone; the logarithms are averaged and what they add up to is made one
(Hinton, Training products of experts by minimizing contrastive divergence, 2002).
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from musicgen.approaches import approach
from musicgen.approaches.voices.codec import GridCodec
from musicgen.approaches.voices.data import grid_floors, prepared_of
from musicgen.approaches.voices.examples import TRANSPOSE, GridSong, told
from musicgen.approaches.voices.grid import REST
from musicgen.approaches.voices.parameters import Training
from musicgen.benchmarks.timed_training import train_for
from musicgen.child import child_main, send_line
from musicgen.contract.parameters import read_parameters
from musicgen.errors import InvalidInput, sentence
from musicgen.processes import run_child

if TYPE_CHECKING:
    from musicgen.networks.bundle import Networks

N_VOICES, STEPS_PER_BEAT, BAR = 4, 4, 16
SPLITS = ("train", "valid", "test")
AT_ONCE = 16  # pieces
OUTSIDE = float(np.log(1e-6))  # the logarithm for a pitch that a network cannot sing in another key
SPARE_SECONDS = 1800.0  # for measuring, besides the training
# Nats per note on the validation split, as published (see the module's protocol).
PUBLISHED = {
    "Transformer decoder": 0.417, "with relative attention": 0.357, "Music Transformer": 0.335,
    "Coconet, in order of time": 0.436,
}  # fmt: skip

Pieces = list[NDArray[np.int16]]


def run(
    path: Path, minutes: float, *, preset: str = "", networks: int = 1, seed: int = 0,
    on_line: Callable[[dict[str, Any]], None] | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Train on the file's `train` for `minutes` and measure on `valid` and, if there is one, `test`; in a child."""
    read_splits(path)  # a bad file is refused at once
    payload = {
        "path": str(path.resolve()), "minutes": minutes, "preset": preset, "networks": networks, "seed": seed
    }  # fmt: skip
    result = run_child(__name__, payload, seconds=60 * minutes + SPARE_SECONDS, on_line=on_line)
    return dict(result)


def read_splits(path: Path) -> dict[str, Pieces]:
    """{"train": pieces, "valid": pieces} and perhaps "test"; a piece is an array (steps, 4) of MIDI pitches, -1 for a
    rest. Raises InvalidInput."""
    try:
        document = json.loads(path.read_text())
        found = {
            name: [np.array(piece, dtype=np.int16).reshape(-1, N_VOICES) for piece in document[name]]
            for name in SPLITS
            if name in document
        }
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise InvalidInput(
            sentence("The file must be JSON with lists of pieces, each a list of steps of four pitches", error)
        ) from error
    if not (found.get("train") and found.get("valid")):
        raise InvalidInput(sentence("The file needs pieces under “train” and “valid”", ", ".join(found) or "neither"))
    every = np.concatenate([piece for split in found.values() for piece in split])
    if every.min() < REST or every.max() > 127:
        raise InvalidInput(sentence("Pitches must be 0 to 127, or -1 for a rest", f"{every.min()} … {every.max()}"))
    return found


def codec_of(splits: dict[str, Pieces]) -> GridCodec:
    """Of the pitches in `train`, with room to transpose; any pitch beyond has probability 0."""
    learned = np.concatenate(splits["train"])
    lines = [learned[learned[:, voice] != REST, voice] for voice in range(N_VOICES)]
    ranges = tuple((int(line.min()), int(line.max())) for line in lines)
    return GridCodec.spanning(learned, ranges=ranges, programs=(0,) * N_VOICES, strikes=False)


def songs_of(pieces: Pieces, codec: GridCodec) -> list[GridSong]:
    """The pieces as ids. Whether a note is struck again is not known: it is held as long as its pitch stays."""
    songs = []
    for piece in pieces:
        ids = codec.to_ids(piece)
        struck = np.ones(ids.shape, dtype=bool)
        struck[1:] = ids[1:] != ids[:-1]
        songs.append(GridSong.of(ids, struck & (ids > 0), start=0, bar=BAR, beat=STEPS_PER_BEAT, values=codec.values))
    return songs


def measure(payload: dict[str, Any]) -> dict[str, Any]:
    """Train and measure, in this process."""
    began = time.monotonic()
    kind, splits = approach("voices"), read_splits(Path(payload["path"]))
    values = dict(kind.presets[payload["preset"]].training) if payload["preset"] else {}
    training = read_parameters(Training, {**values, "fill_in": False})
    codec = codec_of(splits)
    songs = {name: songs_of(pieces, codec) for name, pieces in splits.items()}
    learned = [(song, 0, len(song)) for song in songs["train"]]
    held_out = [(song, 0, len(song)) for song in songs["valid"]]
    prepared = prepared_of(codec, learned, [], training, {})
    prepared = replace(prepared, training=replace(prepared.training, tells_end=False))  # that would be the future
    curve: list[dict[str, float]] = []
    trained: list[Any] = []
    for number in range(payload["networks"]):
        networks: Any = kind.build(codec, training, seed=payload["seed"] + number)

        def looked_at(minutes: float, epoch: int, networks: Any = networks, number: int = number) -> None:
            nats = float(mean_nats([networks], songs["valid"], codec, training))
            line = {
                "network": number + 1, "minutes": round(minutes, 2), "cpu_minutes": _cpu_minutes(), "epoch": epoch,
                "valid": round(nats, 4),
            }  # fmt: skip
            curve.append(line)
            send_line(line)

        train_for(
            60 * payload["minutes"] / payload["networks"], kind, networks, prepared, training,
            seed=payload["seed"] + number, looked_at=looked_at, began=began if not number else None,
        )  # fmt: skip
        trained.append(networks)
    minutes = (time.monotonic() - began) / 60
    result: dict[str, Any] = {
        "minutes": round(minutes, 2), "cpu_minutes": _cpu_minutes(), "preset": payload["preset"] or None
    }  # fmt: skip
    for name in ("valid", "test"):
        if name in songs:
            result[f"{name}_single"] = round(mean_nats(trained[:1], songs[name], codec, training), 4)
            keys = range(-TRANSPOSE, TRANSPOSE)
            result[name] = round(mean_nats(trained, songs[name], codec, training, keys=keys), 4)
    floors = grid_floors(learned, held_out, codec)
    return {
        **result,
        "unit": "nats per note",
        "networks": len(trained),
        "weights": trained[0].parameters[0],
        "pieces": {name: len(each) for name, each in songs.items()},
        "floors": {name: round(nats, 4) for name, nats in floors.items()},
        "published": PUBLISHED,
        "curve": curve,
    }


def _cpu_minutes() -> float:
    """Of all cores together: on a machine that does other things, the fairer clock."""
    return round(time.process_time() / 60, 2)


def mean_nats(
    networks: Sequence[Networks], songs: Sequence[GridSong], codec: GridCodec, training: Any, keys: Sequence[int] = (0,)
) -> float:
    """The mean over all notes of the pieces, of the mixture of the networks over the keys."""
    total, count = 0.0, 0
    for song, logs in zip(songs, mixed(networks, songs, codec, training, keys), strict=True):
        chosen = np.take_along_axis(logs, song.ids[..., None], axis=-1)
        total, count = total - float(chosen.sum(dtype=np.float64)), count + chosen.size
    return total / count


def mixed(
    networks: Sequence[Networks], songs: Sequence[GridSong], codec: GridCodec, training: Any, keys: Sequence[int]
) -> Iterator[NDArray[np.float32]]:
    """The logarithm of the probability of every value of each note, for piece after piece: (steps, voices, values)."""
    longest = max(len(song) for song in songs)
    for first in range(0, len(songs), AT_ONCE):
        part = list(songs[first : first + AT_ONCE])
        read = [_read(each, part, longest, codec, training, key) for each in networks for key in keys]
        pool = np.mean(read, axis=0)
        pool -= np.logaddexp.reduce(pool, axis=-1, keepdims=True)
        for song, logs in zip(part, pool, strict=True):
            yield logs[: len(song)]


def _read(
    networks: Networks, songs: Sequence[GridSong], longest: int, codec: GridCodec, training: Any, key: int
) -> NDArray[np.float32]:
    """What one network says of the pieces `key` semitones higher, told of the pieces as they are; padded: (pieces,
    longest, voices, values)."""
    from musicgen.approaches.voices.network import log_probabilities
    from musicgen.networks.backend import compiled

    model, sizes = networks.models["voices"], _sizes(codec, training)
    windows = [told(song, 0, len(song), key) for song in [*songs, *[songs[0]] * AT_ONCE][:AT_ONCE]]
    batch = {name: np.stack([_padded(w[name], longest) for w in windows]) for name in windows[0] if name != "near"}
    logs = np.asarray(compiled(lambda batch: log_probabilities(model, sizes, batch), model)(batch))[: len(songs)]
    moved = np.full_like(logs, OUTSIDE)
    moved[..., 0] = logs[..., 0]
    low, high = max(1, 1 - key), min(codec.values, codec.values - key)
    moved[..., low:high] = logs[..., low + key : high + key]
    return moved


def _padded(array: NDArray[Any], length: int) -> NDArray[Any]:
    return np.pad(array, [(0, length - len(array)), *[(0, 0)] * (array.ndim - 1)])


def _sizes(codec: GridCodec, training: Any) -> Any:
    from musicgen.approaches.voices.drawing import sizes_of

    return sizes_of(training, codec.values, codec.n_voices, strikes=codec.strikes)


if __name__ == "__main__":
    child_main(measure)
