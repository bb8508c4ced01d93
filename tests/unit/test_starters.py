"""Starters: a file is read or refused in one sentence, and a training starts from it; what weights of voices mean."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa
from runs_at_work import add_score, nobody_supervises, work_here

from musicgen.approaches import approach, approaches
from musicgen.contract.parameters import read_parameters
from musicgen.errors import DamagedFile, InvalidInput, NotFound
from musicgen.networks.starting import inherit
from musicgen.runs import api
from musicgen.runs.api import SongChoice
from musicgen.runs.cluster import giving
from musicgen.runs.starting import COMMON_PRACTICE, carried_over, of_starter, start_entry, start_pace, start_words
from musicgen.starters import card
from musicgen.starters.card import FOLDER, HeldOut, Source, Starter, has_starter, read_starter, starter_path
from musicgen.starters.weights import read_networks, write_starter
from musicgen.storage import database
from musicgen.storage.database import tasks
from tests.makers_midi import four_part_score
from tests.makers_music import chords, song

pytestmark = pytest.mark.numeric

GAIN = HeldOut(songs="two tunes", unit="nats per note", from_nothing=2.5, from_starter=2.0, floors={"unigram": 3.0})
MADE = tuple(path.stem for path in sorted(FOLDER.glob("*.zip")))


def make_starter(folder: Path, key: str = "note_lstm", seed: int = 3) -> Path:
    """A starter with untrained weights."""
    kind = approach(key)
    training = read_parameters(kind.Training, kind.tiny.training)
    codec = kind.prepare([song(chords(16, 0))], training).codec
    networks: Any = kind.build(codec, training, seed=seed)
    starter = Starter(
        approach=key, title="Common practice", training=training.model_dump(mode="json"), codec=codec.to_json(),
        weights=sum(networks.parameters), minutes=0.1, licence="Public domain.", held_out=(GAIN,),
        sources=(Source(title="one", composer="Haydn"), *[Source(title="more", composer="Bach")] * 2),
    )  # fmt: skip
    path = folder / f"{key}.zip"
    write_starter(path, starter, networks)
    return path


@pytest.fixture
def starter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only starter that there is."""
    monkeypatch.setattr(card, "FOLDER", tmp_path / "starters")
    return make_starter(tmp_path / "starters")


def test_a_starter_says_where_it_comes_from_and_what_it_is_worth(starter: Path) -> None:
    assert has_starter("note_lstm")
    assert not has_starter("voices")
    read = read_starter(starter_path("note_lstm"))
    assert read.origin == "Learned from 3 pieces in the public domain: Bach and Haydn."
    assert read.gain == "Held-out loss on two tunes: 2 nats per note with it, 2.5 from nothing."
    assert start_entry(approach("note_lstm"), COMMON_PRACTICE) == {"starter": "note_lstm", "name": "common practice"}
    with pytest.raises(NotFound, match=r"Received: no file assets/starters/voices\.zip\. Start from nothing\."):
        start_entry(approach("voices"), COMMON_PRACTICE)


def test_the_weights_come_back_nearly_as_they_were(starter: Path) -> None:
    kind = approach("note_lstm")
    networks, codec, training, _ = read_networks(starter, kind)
    made: Any = kind.build(codec, training, seed=3)
    for one, two in zip(made.models["notes"].weights, networks.models["notes"].weights, strict=True):
        np.testing.assert_allclose(one.numpy(), two.numpy(), rtol=0.005, atol=1e-5)
    anew: Any = kind.build(codec, training, seed=5)
    found = carried_over(of_starter(starter, kind), kind, anew, codec, training)
    assert found.share == 1.0


def _cut(content: bytes) -> bytes:
    return content[: len(content) // 2]


def _changed(change: Callable[[str, bytes], bytes | None]) -> Callable[[bytes], bytes]:
    """The archive with other entries."""

    def apply(content: bytes) -> bytes:
        out = io.BytesIO()
        with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w") as new:
            for name in old.namelist():
                if (entry := change(name, old.read(name))) is not None:
                    new.writestr(name, entry)
        return out.getvalue()

    return apply


def _huge_header(name: str, entry: bytes) -> bytes:
    if not name.endswith("/000.npy"):
        return entry
    out = io.BytesIO()
    np.lib.format.write_array_header_1_0(out, {"descr": "<f2", "fortran_order": False, "shape": (10**12,)})
    return out.getvalue() + entry[-8:]


def _pickled(name: str, entry: bytes) -> bytes:
    if not name.endswith("/000.npy"):
        return entry
    out = io.BytesIO()
    np.save(out, np.array([{}], dtype=object), allow_pickle=True)
    return out.getvalue()


DAMAGES = {
    "cut short": _cut,
    "no zip": lambda _content: b"weights",
    "too large": lambda content: content + bytes(card.MAX_BYTES),
    "no card": _changed(lambda name, entry: None if name == "card.json" else entry),
    "a card that is cut short": _changed(lambda name, entry: entry[:40] if name == "card.json" else entry),
    "another format": _changed(lambda name, entry: entry.replace(b'"format": 1', b'"format": 2')),
    "of another approach": _changed(lambda name, entry: entry.replace(b'"note_lstm"', b'"voices"')),
    "another network": _changed(lambda name, entry: entry.replace(b'"units": 4', b'"units": 5')),
    "settings out of bounds": _changed(lambda name, entry: entry.replace(b'"units": 4', b'"units": 0')),
    "a codec without parts": _changed(
        lambda name, entry: json.dumps({**json.loads(entry), "codec": {}}).encode() if name == "card.json" else entry
    ),
    "weights missing": _changed(lambda name, entry: None if name.endswith("/003.npy") else entry),
    "an array cut short": _changed(lambda name, entry: entry[:-2] if name.endswith("/000.npy") else entry),
    "an array that would be huge": _changed(_huge_header),
    "a pickled array": _changed(_pickled),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_one_sentence(starter: Path, damage: str) -> None:
    starter.write_bytes(DAMAGES[damage](starter.read_bytes()))
    with pytest.raises(
        DamagedFile, match=r"^A starter must be complete \(assets/starters/note_lstm\.zip\)\. Received: "
    ):
        read_networks(starter, approach("note_lstm"))


def test_a_byte_changed_in_the_weights_is_noticed(starter: Path) -> None:
    with zipfile.ZipFile(starter) as archive:
        place = archive.getinfo("weights/notes/000.npy")
    content = bytearray(starter.read_bytes())
    content[place.header_offset + 30 + len(place.filename) + place.compress_size // 2] ^= 0x10
    starter.write_bytes(bytes(content))
    with pytest.raises(DamagedFile):
        read_networks(starter, approach("note_lstm"))


def test_too_large_a_network_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("musicgen.starters.weights.MAX_BYTES", 1000)
    with pytest.raises(InvalidInput, match="at most 1,000 bytes"):
        make_starter(tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.slow  # a training
def test_a_run_starts_from_common_practice_and_says_so(home: Path, starter: Path) -> None:
    with nobody_supervises():
        asked = [SongChoice(add_score("Song", chords(16, 1)))]
        values = dict(approach("note_lstm").tiny.training)
        run = work_here(api.submit_training("note_lstm", asked, values, train_from=COMMON_PRACTICE))
        assert run.state == "succeeded", run.reason
        started = run.prepared["facts"]["started_from"]
        assert started["starter"] == "note_lstm"
        assert 0 < started["carried"] <= started["weights"]
        words = start_words(run.request, run.prepared["facts"])
        assert words.startswith("Started from common practice (learned from 3 pieces in the public domain), with ")
        starter.write_bytes(b"weights")
        with pytest.raises(DamagedFile, match="Install the program again"):
            api.submit_training("note_lstm", asked, values, train_from=COMMON_PRACTICE)


def test_a_run_that_waits_says_where_it_will_start() -> None:
    entry = {"starter": "note_lstm", "name": "common practice"}
    assert start_words({"train_from": entry}, {}) == "Starts from common practice."


def test_voices_go_slower_from_known_weights_and_say_so() -> None:
    request = {"train_from": {"starter": "voices", "name": "common practice"}}
    assert start_pace(VOICES, request, TINY).learning_rate == pytest.approx(0.3 * TINY.learning_rate)
    assert start_pace(VOICES, {}, TINY) == TINY
    note_lstm = approach("note_lstm")
    usual = read_parameters(note_lstm.Training, note_lstm.tiny.training)
    assert start_pace(note_lstm, request, usual) == usual
    started = {"run": "run-1", "name": "First", "epoch": 3, "weights": 4, "carried": 3}
    words = "Started from epoch 3 of “First”, with 75% of the weights; the others are new."
    assert start_words({}, {"started_from": started}) == words
    slower = start_words({}, {"started_from": {**started, "rate": 0.3}})
    assert slower == f"{words} The learning rate is 0.3 times the one that was set."


def test_a_cluster_is_sent_nothing_for_it(home: Path, tmp_path: Path, starter: Path) -> None:
    with nobody_supervises():
        asked = [SongChoice(add_score("Song", chords(16, 1)))]
        values = dict(approach("note_lstm").tiny.training)
        run_id = api.submit_training("note_lstm", asked, values, train_from=COMMON_PRACTICE)
        attempt: Any = SimpleNamespace(shared=tmp_path / "shared", number=1)
        (task,) = database.every(sa.select(tasks).where(tasks.c.run_id == run_id))
        order = giving.order_of(task, attempt, "cpu")
    assert [row["id"] for row in order["rows"]["runs"]] == [run_id]
    assert order["rows"]["runs"][0]["request"]["train_from"]["starter"] == "note_lstm"
    assert not any("runs/" in name for name in order["files"])


@pytest.mark.parametrize("key", MADE)
def test_every_starter_that_is_there_is_small_complete_and_fits(key: str) -> None:
    path = starter_path(key)
    assert path.stat().st_size <= 3_000_000
    networks, codec, training, read = read_networks(path, approaches()[key])
    assert sum(networks.parameters) == read.weights
    assert any(each.from_starter < each.from_nothing for each in read.held_out)
    assert all(each.floors for each in read.held_out)
    assert all(source.title and source.composer for source in read.sources)
    anew: Any = approaches()[key].build(codec, training, seed=1)
    kind = approaches()[key]
    assert carried_over(of_starter(path, kind), kind, anew, codec, training).share == 1.0


VOICES = approach("voices")
TINY = read_parameters(VOICES.Training, VOICES.tiny.training)


def _carry(now: Any, before: Any) -> tuple[Any, Any, Any]:
    """(new networks, those that they start from, what was carried) from one codec to another."""
    source, networks = VOICES.build(before, TINY, seed=1), VOICES.build(now, TINY, seed=2)
    # The tables of two voices begin as zeros: with numbers of their own, one sees where each of them goes.
    for variable in source.models["voices"].weights:
        variable.assign(np.random.default_rng(variable.shape[0]).normal(size=variable.shape))
    labels = VOICES.weight_labels(now, TINY, before), VOICES.weight_labels(before, TINY)
    return networks, source, inherit(networks, source, *labels)


def test_the_labels_of_voices_are_as_many_as_the_weights() -> None:
    codec = VOICES.prepare([song(four_part_score(8))], TINY).codec
    for each in (codec, replace(codec, ranges=codec.ranges[:2], programs=codec.programs[:2])):
        model = VOICES.build(each, TINY).models["voices"]
        shapes = {f"{layer.name}/{weight.name}": weight.shape for layer in model.layers for weight in layer.weights}
        for name, axes in VOICES.weight_labels(each, TINY).items():
            sizes = [shape if axis is None else len(axis) for axis, shape in zip(axes, shapes[name], strict=True)]
            assert tuple(sizes) == tuple(shapes[name]), name
            assert all(axis is None or len(set(axis)) == len(axis) for axis in axes), name


def test_voices_of_the_same_songs_carry_everything() -> None:
    codec = VOICES.prepare([song(four_part_score(8))], TINY).codec
    networks, source, found = _carry(codec, codec)
    assert found.share == 1.0
    for one, two in zip(networks.models["voices"].weights, source.models["voices"].weights, strict=True):
        np.testing.assert_array_equal(one.numpy(), two.numpy())


def test_voices_with_another_range_carry_pitches_and_intervals() -> None:
    before = VOICES.prepare([song(four_part_score(8))], TINY).codec
    now = replace(before, lowest=before.lowest - 5, highest=before.highest + 2)
    networks, source, found = _carry(now, before)
    assert 0.7 < found.share < 1.0
    pitch = before.lowest + 7

    def weights(each: Any, layer: str, name: str) -> Any:
        variables = each.models["voices"].get_layer(layer).weights
        return next(variable.numpy() for variable in variables if variable.name == name)

    ids = [pitch - codec.lowest + 1 for codec in (now, before)]
    for layer in ("decide", "filled"):
        kernels = [weights(each, layer, "kernel") for each in (networks, source)]
        np.testing.assert_array_equal(kernels[0][:, ids[0]], kernels[1][:, ids[1]])
        # A fifth up from the anchor: as many columns after that of no interval.
        fifths = [codec.values + codec.values - 1 + 7 for codec in (now, before)]
        np.testing.assert_array_equal(kernels[0][:, fifths[0]], kernels[1][:, fifths[1]])
        np.testing.assert_array_equal(kernels[0][:, -1], kernels[1][:, -1])  # struck again
    tables = [weights(each, "hear", "embeddings") for each in (networks, source)]
    for voice in range(4):
        rows = [voice * (codec.values + 1) + number for codec, number in zip((now, before), ids, strict=True)]
        np.testing.assert_array_equal(tables[0][rows[0]], tables[1][rows[1]])
    for layer in ("together", "filled_together"):
        motion = [weights(each, layer, "motion") for each in (networks, source)]
        np.testing.assert_array_equal(*motion)
        spacing = [weights(each, layer, "spacing") for each in (networks, source)]
        np.testing.assert_array_equal(spacing[0][:, 7], spacing[1][:, 7])
        np.testing.assert_array_equal(spacing[0][:, -7], spacing[1][:, -7])


def test_more_voices_and_another_grid_carry_what_is_the_same() -> None:
    before = VOICES.prepare([song(four_part_score(8))], TINY).codec
    fewer = replace(before, ranges=before.ranges[1:], programs=before.programs[1:])
    assert _carry(fewer, before)[2].share == 1.0
    networks, source, found = _carry(before, fewer)
    assert 0.5 < found.share < 1.0
    heads = [each.models["voices"].get_layer("views").kernel.numpy() for each in (networks, source)]
    np.testing.assert_array_equal(heads[0][:, :8], heads[1][:, :8])  # the top and the bottom are decided first
    finer = replace(before, steps_per_beat=12)
    networks, source, found = _carry(finer, before)
    assert 0.7 < found.share < 1.0
    around = [each.models["voices"].get_layer("around").embeddings.numpy() for each in (networks, source)]
    first = 2 * 9  # of the places, after the lengths of both kinds of match
    np.testing.assert_array_equal(around[0][first + 12], around[1][first + 4])  # the second beat
