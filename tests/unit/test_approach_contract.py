"""Every approach keeps the contract: this walks the registry, so a newcomer's file is tested without an edit here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from musicgen.approaches import approach, approaches
from musicgen.audio.waveform import Waveform
from musicgen.contract.approach import Approach
from musicgen.contract.made import Made, Order
from musicgen.contract.monitor import EpochRow, SilentMonitor
from musicgen.contract.parameters import read_parameters
from musicgen.contract.prepared import TrainingSong
from musicgen.errors import Cancelled, InvalidInput, InvalidParameter, NotFound, TrainingFailed
from musicgen.symbolic.score import Score
from tests.makers_music import audio_song, melody, midi_song, song

pytestmark = pytest.mark.numeric

KEYS = sorted(approaches())


def songs_for(kind: Approach) -> list[TrainingSong]:
    make = audio_song if kind.medium == "audio" else midi_song
    size = 2_000 if kind.medium == "audio" else 12
    return [make(size, 0), make(size, 1)]


class Trained:
    """An approach after one epoch of its tiny preset, made once for all tests of it."""

    def __init__(self, key: str, folder: Path, **training: Any) -> None:
        self.kind = approach(key)
        self.training = read_parameters(self.kind.Training, {**self.kind.tiny.training, **training})
        self.generation = read_parameters(self.kind.Generation, self.kind.tiny.generation)
        self.songs = songs_for(self.kind)
        self.prepared = self.kind.prepare(self.songs, self.training, seed=1)
        self.networks = self.kind.build(self.prepared.codec, self.training, seed=1)
        self.rows: list[EpochRow] = []
        self.folder = folder
        self.kind.fit(self.networks, self.prepared, self.training, seed=1, monitor=self)

    def progress(self, phase: str, done: int, total: int, **details: float) -> None:
        assert phase == "training"
        assert 0 <= done <= total

    def epoch_ended(self, row: EpochRow, save: Any) -> None:
        self.rows.append(row)
        save(self.folder)

    def make(
        self, seeds: list[int], networks: Any = None, codec: Any = None, generation: Any = None, monitor: Any = None
    ) -> list[Made]:
        return list(
            self.kind.generate(
                networks or self.networks,
                codec or self.prepared.codec,
                self.training,
                Order(generation or self.generation, seeds, self.songs, None, monitor or SilentMonitor()),
            )
        )


# Programs that recall take half a gigabyte more.
RECALLING = [pytest.param(f"{key} recall", marks=pytest.mark.slow) for key in ("note_lstm", "note_wavenet")]


@pytest.fixture(scope="module", params=[*KEYS, *RECALLING])
def trained(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    key, *switches = request.param.split()
    return Trained(key, tmp_path_factory.mktemp(key), **dict.fromkeys(switches, True))


def content(made: Made) -> np.ndarray:
    return made.content.samples if isinstance(made.content, Waveform) else made.content.notes


@pytest.mark.parametrize("key", KEYS)
def test_description(key: str) -> None:
    kind = approach(key)
    assert kind.key == key == type(kind).__module__.rsplit(".", 1)[1]
    assert kind.title
    assert kind.summary.endswith(".")
    assert kind.reference
    assert kind.medium in ("audio", "midi")
    assert {"quick", "original", "best"} <= set(kind.presets)


@pytest.mark.parametrize("key", KEYS)
def test_every_parameter_explains_itself_in_the_schema(key: str) -> None:
    kind = approach(key)
    for model in (kind.Training, kind.Generation):
        schema = json.loads(json.dumps(model.model_json_schema()))
        for name, entry in schema["properties"].items():
            assert entry["title"], name
            assert len(entry["description"]) > 15, name
            assert entry["description"].endswith("."), name
            assert {"advanced", "unit"} <= set(entry), name
    assert "epochs" in kind.Training.model_fields


@pytest.mark.parametrize("key", KEYS)
def test_every_title_names_one_parameter_and_does_not_repeat_its_unit(key: str) -> None:
    kind = approach(key)
    entries = [
        entry
        for model in (kind.Training, kind.Generation)
        for entry in model.model_json_schema()["properties"].values()
    ]
    titles = [entry["title"] for entry in entries]
    assert len(set(titles)) == len(titles)
    for entry in entries:
        words = {word.rstrip("s") for word in entry["title"].lower().split()}
        unit = {"s": "second"}.get(entry["unit"], entry["unit"].lower().rstrip("s"))
        assert not unit or unit not in words, entry["title"]


@pytest.mark.parametrize("key", KEYS)
def test_the_fields_that_say_how_long_a_piece_is_are_declared(key: str) -> None:
    kind = approach(key)
    assert kind.lengths
    read = read_parameters(kind.Generation, kind.lengths)
    assert all(getattr(read, name) == value for name, value in kind.lengths.items())


@pytest.mark.parametrize("key", KEYS)
def test_presets_are_valid_and_reach_json_and_back(key: str) -> None:
    kind = approach(key)
    for preset in [*kind.presets.values(), kind.tiny]:
        assert preset.summary
        for model, values in ((kind.Training, preset.training), (kind.Generation, preset.generation)):
            read = read_parameters(model, values)
            stored = json.loads(read.model_dump_json())
            assert read_parameters(model, stored) == read


@pytest.mark.parametrize("key", KEYS)
def test_bad_values_are_refused_by_name(key: str) -> None:
    kind = approach(key)
    with pytest.raises(InvalidParameter, match="epochs"):
        read_parameters(kind.Training, {"epochs": 0})
    with pytest.raises(InvalidParameter, match="no_such_thing"):
        read_parameters(kind.Training, {"no_such_thing": 1})


@pytest.mark.parametrize("key", KEYS)
def test_nothing_to_learn_from_is_said(key: str) -> None:
    kind = approach(key)
    training = read_parameters(kind.Training, kind.tiny.training)
    with pytest.raises(InvalidInput):
        kind.prepare([], training)
    tiny = audio_song(3) if kind.medium == "audio" else song(melody([60, 62]))
    with pytest.raises(InvalidInput, match=r"[23]"):  # the message says how little there is
        kind.prepare([tiny], training)


def test_unknown_approach() -> None:
    with pytest.raises(NotFound, match="Known approaches"):
        approach("no_such_approach")


def test_prepared_is_complete_and_the_same_again(trained: Trained) -> None:
    prepared = trained.prepared
    facts = json.loads(json.dumps(prepared.facts, allow_nan=False))
    assert facts["n_songs"] == 2
    assert facts["n_windows"] > 0
    assert facts["inputs_shape"][0] > 0
    assert facts["targets_shape"][0] == facts["inputs_shape"][0]
    assert prepared.floors
    assert all(np.isfinite(value) and value >= 0 for value in prepared.floors.values())
    again = trained.kind.prepare(trained.songs, trained.training, seed=1)
    assert again.facts == prepared.facts
    assert again.codec.to_json() == prepared.codec.to_json()


def test_cost_is_what_is_built(trained: Trained) -> None:
    cost = trained.kind.cost(trained.prepared, trained.training)
    assert cost.networks == trained.networks.count
    assert [cost.parameters] * cost.networks == trained.networks.parameters
    assert cost.flops_per_epoch > 0
    assert cost.memory_bytes > 1e6


def test_the_drawing_is_of_what_is_built(trained: Trained) -> None:
    layers = trained.kind.layers(trained.training, trained.prepared.facts)
    drawn = sum((layer.parameters or 0) * layer.repeated for layer in layers)
    assert drawn == trained.kind.cost(trained.prepared, trained.training).parameters
    assert all(layer.parameters is not None for layer in layers)
    assert len(layers) >= 3


@pytest.mark.parametrize("key", KEYS)
def test_it_can_be_drawn_and_told_before_there_are_songs(key: str) -> None:
    kind = approach(key)
    for preset in kind.presets.values():
        training = read_parameters(kind.Training, preset.training)
        layers = kind.layers(training)
        assert layers
        assert all(layer.name and layer.repeated >= 1 for layer in layers)
        field = kind.receptive_field(training)
        assert field is None or field.steps >= 2
    for text in (kind.can_learn, kind.cannot_learn):
        assert len(text) > 40
        assert text.endswith(".")


def test_an_epoch_is_a_row(trained: Trained) -> None:
    (row,) = trained.rows
    assert row.epoch == 1
    assert np.isfinite(row.loss)
    assert (row.val_loss is None) == (trained.prepared.validation is None)
    assert row.learning_rate > 0


def test_the_codec_survives_json(trained: Trained) -> None:
    document = json.loads(json.dumps(trained.prepared.codec.to_json(), allow_nan=False))
    assert trained.kind.codec_from_json(document).to_json() == trained.prepared.codec.to_json()


def test_saved_and_loaded_it_makes_the_same(trained: Trained) -> None:
    codec = trained.kind.codec_from_json(json.loads(json.dumps(trained.prepared.codec.to_json())))
    networks = trained.kind.build(codec, trained.training, seed=99)
    networks.load(trained.folder)
    for mine, theirs in zip(networks.models.values(), trained.networks.models.values(), strict=True):
        for one, two in zip(mine.get_weights(), theirs.get_weights(), strict=True):
            np.testing.assert_array_equal(one, two)
    (one,), (two,) = trained.make([3], networks, codec), trained.make([3])
    np.testing.assert_array_equal(content(one), content(two))


def test_same_seed_same_music_other_seed_other_music(trained: Trained) -> None:
    first = trained.make([3, 4])
    again = trained.make([3, 4])
    for one, two in zip(first, again, strict=True):
        np.testing.assert_array_equal(content(one), content(two))
    assert [made.seed for made in first] == [3, 4]
    assert not np.array_equal(content(first[0]), content(first[1]))


def test_what_is_made_is_music_with_facts(trained: Trained) -> None:
    (made,) = trained.make([5])
    assert isinstance(made.content, Waveform if trained.kind.medium == "audio" else Score)
    assert made.content.seconds > 0
    json.dumps(made.facts, allow_nan=False)
    assert made.facts["steps_per_second"] > 0


def test_whoever_listens_meanwhile_hears_it_grow(trained: Trained) -> None:
    class Listening(SilentMonitor):
        def __init__(self) -> None:
            self.seconds: list[float] = []

        def so_far(self, make: Any, done: int, total: int) -> None:
            assert 0 < done <= total
            self.seconds.append(make().seconds)

    generation = trained.generation.model_copy(update=trained.kind.lengths)
    heard = Listening()
    listened_to, other = trained.make([5, 6], generation=generation, monitor=heard)
    assert heard.seconds == sorted(heard.seconds)
    assert 0 < heard.seconds[0] < heard.seconds[-1] <= listened_to.content.seconds + 1e-6
    undisturbed = trained.make([5, 6], generation=generation)
    for one, two in zip((listened_to, other), undisturbed, strict=True):
        np.testing.assert_array_equal(content(one), content(two))


def test_a_cancel_on_the_way_is_obeyed_at_the_next_look(trained: Trained) -> None:
    class StoppingLater(SilentMonitor):
        looks = 0

        def progress(self, phase: str, done: int, total: int, **details: float) -> None:
            self.looks += 1
            if self.looks >= 3:
                assert done < total
                raise Cancelled

    longer = trained.generation.model_copy(update=trained.kind.lengths)
    monitor = StoppingLater()
    with pytest.raises(Cancelled):
        trained.make([5, 6], generation=longer, monitor=monitor)
    # Where channels work side by side, each of them may look once more.
    assert monitor.looks <= 2 + trained.networks.count


def test_cancel_stops_training_and_generation(trained: Trained) -> None:
    class Stopping(SilentMonitor):
        def progress(self, phase: str, done: int, total: int, **details: float) -> None:
            raise Cancelled

    networks = trained.kind.build(trained.prepared.codec, trained.training, seed=1)
    with pytest.raises(Cancelled):
        trained.kind.fit(networks, trained.prepared, trained.training, seed=1, monitor=Stopping())
    with pytest.raises(Cancelled):
        list(
            trained.kind.generate(
                trained.networks,
                trained.prepared.codec,
                trained.training,
                Order(trained.generation, [1], trained.songs, None, Stopping()),
            )
        )


def test_a_loss_that_is_no_number_stops_the_training(trained: Trained) -> None:
    networks = trained.kind.build(trained.prepared.codec, trained.training, seed=1)
    for model in networks.models.values():
        model.set_weights([np.full_like(weights, np.nan) for weights in model.get_weights()])
    with pytest.raises(TrainingFailed) as caught:
        trained.kind.fit(networks, trained.prepared, trained.training, seed=1, monitor=SilentMonitor())
    assert caught.value.advice
    assert "finite" in str(caught.value)


def test_training_again_from_its_last_epoch_is_the_same_as_never_stopping(trained: Trained, tmp_path: Path) -> None:
    longer = trained.training.model_copy(update={"epochs": 2})
    whole = trained.kind.build(trained.prepared.codec, longer, seed=1)
    saved = tmp_path / "after-1"
    saved.mkdir()

    class Saving(SilentMonitor):
        def epoch_ended(self, row: EpochRow, save: Any) -> None:
            if row.epoch == 1:
                save(saved)

    trained.kind.fit(whole, trained.prepared, longer, seed=1, monitor=Saving())
    resumed = trained.kind.build(trained.prepared.codec, longer, seed=2)
    resumed.load(saved)
    trained.kind.fit(resumed, trained.prepared, longer, seed=1, monitor=SilentMonitor(), first_epoch=2)
    for mine, theirs in zip(resumed.models.values(), whole.models.values(), strict=True):
        for one, two in zip(mine.get_weights(), theirs.get_weights(), strict=True):
            np.testing.assert_array_equal(one, two)
