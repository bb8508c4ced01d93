"""The Bach chorales on a grid of sixteenths: how well `voices` predicts the held-out ones, in nats per note.

The protocol of the published figures: 229 chorales to learn from, 76 to check, 77 to test (if the file has them); four
voices at each step, one after the other; the mean over all voices at all steps, rests too; nothing from the future;
no chord symbols; checked and tested in their own keys. Boulanger-Lewandowski et al., ICML 2012, for the split.

Mixtures stay valid predictions: several networks, each reading the piece transposed to several keys, say how likely
every value of a note is, each from the past alone; the logarithms are averaged and what they add up to is made one
(Hinton, Training products of experts by minimizing contrastive divergence, 2002). What followed in the training songs,
counted, has a fixed share of it (`counted_chorales`). No weight of the mixture is chosen on the held-out songs.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import product
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
from musicgen.benchmarks.counted_chorales import CountedChorales
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
SHARE_COUNTED = 0.1  # of a mixture
MANY_MINUTES, FEW_MINUTES = 30.0, 12.0  # from which time is shared by three networks, and by two
# Minutes for one network, from which on it would learn the songs by heart with the usual dropout. Measured on one core:
# after 12 minutes 0.351 with what is below and still falling, 0.357 with dropout 0.5 and recurrent dropout 0.35.
LONG = 6.0
AGAINST_HEART = {"dropout": 0.4, "recurrent_dropout": 0.3, "told_dropout": 0.15}
# Nats per note on the validation split, as published (see the module's protocol).
PUBLISHED = {
    "Coconet of the workshop, another split": 0.569, "n-gram, all keys": 0.485, "BachBot, its own split": 0.477,
    "Coconet, in order of time": 0.436, "Transformer decoder": 0.417, "with relative attention": 0.357,
    "Music Transformer": 0.335, "TonicNet, at most, told the chords": 0.275,
}  # fmt: skip

Pieces = list[NDArray[np.int16]]


def run(
    path: Path, minutes: float, *, preset: str = "", networks: int = 0, seed: int = 0,
    on_line: Callable[[dict[str, Any]], None] | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Train on the file's `train` for `minutes` and measure on `valid` and, if there is one, `test`; in a child.

    networks: how many share the minutes, each as much; 0 for as many as are worth it."""
    read_splits(path)  # a bad file is refused at once
    networks = networks or worthwhile(minutes)
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
    share = payload["minutes"] / payload["networks"]
    usual = AGAINST_HEART if share >= LONG else {}
    values = dict(kind.presets[payload["preset"]].training) if payload["preset"] else usual
    training = read_parameters(Training, {"key_memory": True, **values, "fill_in": False})
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
                "network": number + 1, "of": payload["networks"],
                "minutes": round(minutes, 2), "cpu_minutes": _cpu_minutes(), "epoch": epoch,
                "valid": round(nats, 4),
            }  # fmt: skip
            curve.append(line)
            send_line(line)

        train_for(
            60 * share, kind, networks, prepared, training,
            seed=payload["seed"] + number, looked_at=looked_at, began=began if not number else None,
        )  # fmt: skip
        trained.append(networks)
    minutes = (time.monotonic() - began) / 60
    result: dict[str, Any] = {
        "minutes": round(minutes, 2), "cpu_minutes": _cpu_minutes(), "preset": payload["preset"] or None
    }  # fmt: skip
    counted, keys = CountedChorales(songs["train"]), range(-TRANSPOSE, TRANSPOSE)
    ladder: dict[str, dict[str, float]] = {"counted": {}, "single": {}, "mixture": {}}
    for name in ("valid", "test"):
        if name in songs:
            found = ladder["counted"], ladder["single"], ladder["mixture"]
            found[0][name] = round(nats_of(songs[name], map(counted.log_probabilities, songs[name])), 4)
            found[1][name] = round(mean_nats(trained[:1], songs[name], codec, training), 4)
            found[2][name] = round(mean_nats(trained, songs[name], codec, training, keys, counted), 4)
            result |= {name: found[2][name], f"{name}_single": found[1][name]}
    floors = grid_floors(learned, held_out, codec)
    return {
        **result,
        **ladder,
        "valid_is": f"the mixture of {len(trained)} network(s), each in {len(keys)} keys, and of counts with a share "
        f"of {SHARE_COUNTED:g}; single is the first network alone",
        "unit": "nats per note",
        "networks": len(trained),
        "weights": trained[0].parameters[0],
        "pieces": {name: len(each) for name, each in songs.items()},
        "floors": {name: round(nats, 4) for name, nats in floors.items()},
        "published": PUBLISHED,
        "curve": curve,
    }


def worthwhile(minutes: float) -> int:
    """How many networks share the minutes: a mixture predicts better, as soon as each has enough of them."""
    return 3 if minutes >= MANY_MINUTES else 2 if minutes >= FEW_MINUTES else 1


def with_counts(logs: NDArray[np.floating], counted: NDArray[np.floating]) -> NDArray[np.floating]:
    """The logarithm of the weighted mean of two predictions."""
    return np.logaddexp(logs + np.log(1.0 - SHARE_COUNTED), counted + np.log(SHARE_COUNTED))


def _cpu_minutes() -> float:
    """Of all cores together: on a machine that does other things, the fairer clock."""
    return round(time.process_time() / 60, 2)


def mean_nats(
    networks: Sequence[Networks], songs: Sequence[GridSong], codec: GridCodec, training: Any,
    keys: Sequence[int] = (0,), counted: CountedChorales | None = None,
) -> float:  # fmt: skip
    """The mean over all notes of the pieces, of the mixture of the networks over the keys, and of the counts."""
    return nats_of(songs, mixed(networks, songs, codec, training, keys, counted))


def nats_of(songs: Sequence[GridSong], said: Iterable[NDArray[np.floating]]) -> float:
    """The mean over all notes of what was said of each piece, see `mixed`."""
    total, count = 0.0, 0
    for song, logs in zip(songs, said, strict=True):
        chosen = np.take_along_axis(logs, song.ids[..., None], axis=-1)
        total, count = total - float(chosen.sum(dtype=np.float64)), count + chosen.size
    return total / count


def mixed(
    networks: Sequence[Networks], songs: Sequence[GridSong], codec: GridCodec, training: Any, keys: Sequence[int],
    counted: CountedChorales | None = None,
) -> Iterator[NDArray[np.floating]]:  # fmt: skip
    """The logarithm of the probability of every value of each note, for piece after piece: (steps, voices, values)."""
    longest = max(len(song) for song in songs)
    for first in range(0, len(songs), AT_ONCE):
        part = list(songs[first : first + AT_ONCE])
        pool = np.zeros((len(part), longest, codec.n_voices, codec.values), dtype=np.float32)
        for each, key in product(networks, keys):
            pool += _read(each, part, longest, codec, training, key) / np.float32(len(networks) * len(keys))
        pool -= np.logaddexp.reduce(pool, axis=-1, keepdims=True)
        for song, logs in zip(part, pool, strict=True):
            alone = logs[: len(song)]
            yield alone if counted is None else with_counts(alone, counted.log_probabilities(song))


def _read(
    networks: Networks, songs: Sequence[GridSong], longest: int, codec: GridCodec, training: Any, key: int
) -> NDArray[np.float32]:
    """What one network says of the pieces `key` semitones higher, told of the pieces as they are; padded: (pieces,
    longest, voices, values)."""
    from musicgen.approaches.voices.network import log_probabilities
    from musicgen.networks.backend import compiled

    model, sizes = networks.models["voices"], _sizes(codec, training)
    windows = [
        told(song, 0, len(song), key, counts_tones=sizes.counts_tones)
        for song in [*songs, *[songs[0]] * AT_ONCE][:AT_ONCE]
    ]
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
