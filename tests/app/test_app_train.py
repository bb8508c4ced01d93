"""The Train page through the entry point: songs, approach, preset, parameters, the plan, the start."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import pytest
from stored_work import NASTY, add_song, code_blocks, is_clean, markup, nobody_works, said, tone, tune, until, visit
from streamlit.testing.v1 import AppTest

from musicgen.approaches import approaches
from musicgen.approaches.notes.events import FIELDS
from musicgen.errors import InvalidInput, sentence
from musicgen.runs import api, expecting
from musicgen.runs.api import Plan, list_runs
from musicgen.runs.starting import COMMON_PRACTICE
from musicgen.starters import card
from musicgen.starters.card import HeldOut, Source, Starter
from musicgen.wording import span
from pages.train.start_choice import STARTER

COUNTS = [400, 90, 40, 39, 12, 3, 1, 1]

pytestmark = pytest.mark.usefixtures("home")


@pytest.fixture
def planned(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """Immediate plans instead of a child process; the calls."""
    calls: list[tuple[Any, ...]] = []

    def plan(approach: str, choices: list[Any], training: dict[str, Any], **more: Any) -> Plan:
        calls.append((approach, choices, training, more))
        if training["epochs"] == 13:
            raise InvalidInput(sentence("Thirteen epochs are too many", 13, "Take twelve."))
        facts = {"n_windows": 4_321, "vocabulary_size": 97, "inputs_shape": [4_321, 100]}
        facts |= {"values_of_each_field": dict.fromkeys(FIELDS, 12)}
        if training.get("representation") == "tokens":
            facts |= {"frequency_histogram": {"counts": COUNTS}, "n_tokens": sum(COUNTS)}
            facts |= {"token_table": [{"token": "<b>C4</b>", "count": 400}], "token_table_rest": 0.25}
        return Plan(facts, {"unigram": 3.1}, ("One song is short.",), 2, 48_250, 2.0, 840_000_000)

    monkeypatch.setattr(api, "plan_training", plan)
    return calls


def is_planned(app: AppTest) -> bool:
    return "Working it out" not in said(app)


def preset(name: str) -> dict[str, Any]:
    known = approaches()["amplitude_lstm"]
    return known.Training(**known.presets[name].training).model_dump()


def audio_page(*songs: str) -> AppTest:
    app = visit("train")
    app.selectbox(key="approach").set_value("amplitude_lstm").run()
    return until(app, is_planned)


@pytest.mark.usefixtures("planned")
def test_without_songs_the_page_says_what_to_do() -> None:
    app = visit("train")
    assert is_clean(app)
    assert "yet" in said(app)
    assert app.button(key="train_start").disabled


@pytest.mark.usefixtures("planned")
def test_the_plan_is_shown_before_the_start() -> None:
    add_song("The original", tone(3))
    app = audio_page()
    assert is_clean(app)
    words = said(app)
    whole = span(2.0 * preset("quick")["epochs"])
    for shown in ("4,321", "2 × 48,250 weights", "840 MB", "2.0 s", whole, "One song is short.", "unigram"):
        assert shown in words
    assert not app.button(key="train_start").disabled


@pytest.mark.usefixtures("planned")
def test_choosing_a_preset_fills_the_form() -> None:
    add_song("The original", tone(3))
    app = audio_page()
    assert app.number_input(key="training.look_back").value == preset("quick")["look_back"]
    app.selectbox(key="preset").set_value("original").run()
    assert app.number_input(key="training.look_back").value == preset("original")["look_back"]
    usual = preset("original")["epochs"]
    app.number_input(key="training.epochs").set_value(5).run()
    assert f"Changed from original: Epochs {usual} → 5" in said(app)
    assert any(" train " in each and "--preset original --set epochs=5" in each for each in code_blocks(app))
    app.button(key="preset_again").click().run()
    assert app.number_input(key="training.epochs").value == usual


def test_a_run_starts_with_the_values_of_the_form(planned: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    expected: list[dict[str, Any]] = []
    monkeypatch.setattr(expecting, "expect_training", expected.append)
    song = add_song("The original", tone(3))
    with nobody_works():
        app = audio_page()
        app.number_input(key="training.epochs").set_value(5).run()
        app.text_input(key="train_name").set_value("First try").run()
        app.number_input(key="train_seed").set_value(9).run()
        until(app, is_planned).button(key="train_start").click().run()
        assert is_clean(app)
        (run,) = list_runs()
    assert run.name == "First try"
    assert run.request["training"]["epochs"] == 5
    assert run.request["seed"] == 9
    assert run.request["preset"] == "quick"
    assert [each["id"] for each in run.request["songs"]] == [song]
    assert app.query_params["run"] == run.id
    assert "First try" in said(app)
    assert planned[-1][2]["epochs"] == 5
    told, asked = expected[-1], run.request
    assert [(each["id"], each["tracks"]) for each in told["songs"]] == [(song, None)]
    assert {**told, "songs": []} == {name: asked[name] for name in asked if name in told} | {"songs": []}
    assert set(told) >= {"approach", "preset", "training", "seed", "hear_it_learn"}


@pytest.mark.usefixtures("planned")
def test_a_double_click_starts_one_run_and_other_settings_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "pages.ui.intent.SAME_CLICK_SECONDS", 600.0
    )  # a slow machine takes many seconds to draw the page
    add_song("The original", tone(3))
    with nobody_works():
        app = audio_page()
        app.button(key="train_start").click().run()
        app.switch_page("pages/workflow/train.py").run()
        until(app, is_planned).button(key="train_start").click().run()
        assert len(list_runs()) == 1
        app.switch_page("pages/workflow/train.py").run()
        app.number_input(key="train_seed").set_value(1).run()
        until(app, is_planned).button(key="train_start").click().run()
        assert len(list_runs()) == 2


@pytest.mark.usefixtures("planned")
def test_an_impossible_training_is_explained_and_cannot_be_started() -> None:
    add_song("The original", tone(3))
    app = audio_page()
    app.number_input(key="training.epochs").set_value(13).run()
    until(app, is_planned)
    assert app.button(key="train_start").disabled
    assert app.error[0].value.replace("\\", "").startswith("Thirteen epochs are too many. Received")


def test_values_that_do_not_fit_together_are_explained_without_a_plan(planned: list[Any]) -> None:
    add_song("The original", tone(3))
    app = audio_page()
    app.selectbox(key="preset").set_value("original").run()
    calls = len(planned)
    app.selectbox(key="training.activation").set_value("tanh").run()
    assert app.button(key="train_start").disabled
    assert "tanh output lies between" in app.error[0].value.replace("\\", "")
    assert len(planned) <= calls + 1


def test_a_real_plan_comes_from_a_child_process() -> None:
    add_song("The original", tone(3))
    app = visit("train")
    until(app, is_planned, times=600)
    assert is_clean(app)
    assert "Training windows" in said(app)
    assert "linear predictor" in said(app)


def drawn(app: AppTest) -> str:
    """The drawings that are HTML."""
    return " ".join(element.proto.body for element in app.get("html") if "<div" in element.proto.body)


def token_page() -> AppTest:
    add_song("A tune", tune(40))
    app = visit("train")
    app.selectbox(key="approach").set_value("note_lstm").run()
    app.selectbox(key="training.representation").set_value("tokens").run()
    return until(app, is_planned)


@pytest.mark.usefixtures("planned")
def test_the_histogram_the_slider_and_the_form_move_together() -> None:
    app = token_page()
    assert is_clean(app)
    assert "Vocabulary **8** of 8 tokens · **100 %** of the music" in said(app)
    app.select_slider(key="threshold_slider").set_value(40).run()
    assert is_clean(app)
    assert app.number_input(key="training.threshold").value == 40
    assert "Vocabulary **3** of 8 tokens · **90.4 %** of the music" in said(app)  # before the new plan is ready
    app.number_input(key="training.threshold").set_value(13).run()
    assert app.select_slider(key="threshold_slider").value == 13
    assert "Vocabulary **4** of 8 tokens" in said(app)
    app.selectbox(key="training.representation").set_value("events").run()
    until(app, is_planned)
    assert is_clean(app)
    assert "of 8 tokens" not in said(app)


@pytest.mark.usefixtures("planned")
def test_the_data_is_shown_with_its_floors_and_tokens() -> None:
    words = said(token_page())
    for shown in ("4,321 × 100", "As likely as it is frequent".lower(), "| <b>C4</b> | 400 | 68 % |", "all others"):
        assert shown in words.replace("As likely", "as likely"), shown
    assert "frequency" not in words


@pytest.mark.usefixtures("planned")
def test_the_network_is_drawn_with_the_sizes_of_the_form_and_of_the_songs() -> None:
    app = token_page()
    assert "Choice of the next word" in drawn(app)
    app.number_input(key="training.units").set_value(77).run()
    assert "77 units" in drawn(app)
    assert "97" in drawn(until(app, is_planned))  # the vocabulary of the plan


@pytest.mark.usefixtures("planned")
def test_the_receptive_field_follows_the_form_at_once() -> None:
    add_song("A tune", tune(40))
    app = visit("train")
    app.selectbox(key="approach").set_value("note_wavenet").run()
    app.selectbox(key="preset").set_value("original").run()
    assert "The receptive field is 50 notes; the window is 32 notes." in said(app)
    app.number_input(key="training.kernel_size").set_value(2).run()
    assert is_clean(app)
    known = approaches()["note_wavenet"]
    training = known.Training(**{**known.presets["original"].training, "kernel_size": 2})
    assert f"The receptive field is {known.receptive_field(training).steps} notes" in said(app)


@pytest.mark.usefixtures("planned")
def test_invalid_values_have_no_pictures() -> None:
    add_song("The original", tone(3))
    app = audio_page()
    app.selectbox(key="preset").set_value("original").run()
    app.selectbox(key="training.activation").set_value("tanh").run()
    assert "tanh output" in said(app)
    assert drawn(app) == ""


@pytest.mark.usefixtures("planned")
def test_the_linked_song_is_chosen() -> None:
    first, _ = add_song("First", tone(3)), add_song("Second", tone(2))
    app = visit("train", song=first)
    assert app.multiselect(key="songs.audio").value == [first]
    assert approaches()[app.selectbox(key="approach").value].medium == "audio"


@pytest.mark.usefixtures("planned")
def test_removing_all_songs_disables_the_start() -> None:
    add_song("The original", tone(3))
    app = audio_page()
    app.multiselect(key="songs.audio").set_value([]).run()
    assert "Choose at least one song" in said(app)
    assert app.button(key="train_start").disabled


def test_tracks_of_midi_songs_can_be_chosen(planned: list[Any]) -> None:
    first, second = add_song("First", tune(40)), add_song("Second", tune(40, seed=2, tracks=4))
    with nobody_works():
        app = visit("train", song=first)
        app.multiselect(key="songs.midi").set_value([first, second]).run()
        assert is_clean(app)
        app.multiselect(key=f"tracks.{second}").set_value([0, 2]).run()
        until(app, is_planned).button(key="train_start").click().run()
        (run,) = list_runs()
    assert {song["id"]: song["tracks"] for song in run.request["songs"]} == {first: None, second: [0, 2]}
    assert [choice.tracks for choice in planned[-1][1]] == [None, (0, 2)]


@pytest.mark.usefixtures("planned")
def test_the_form_is_still_there_after_a_visit_elsewhere() -> None:
    add_song("The original", tone(3))
    app = audio_page()
    app.number_input(key="training.epochs").set_value(7).run()
    app.switch_page("pages/workflow/runs.py").run()
    app.switch_page("pages/workflow/train.py").run()
    assert app.number_input(key="training.epochs").value == 7


@pytest.mark.usefixtures("planned")
def test_names_are_data() -> None:
    add_song(NASTY, tone(2))
    app = audio_page()
    assert is_clean(app)
    assert markup(app) == ""


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("training.epochs", 0, "Epochs must be between 1 and 10,000. Received: 0."),
        ("training.epochs", None, "Epochs needs a number: between 1 and 10,000."),
        ("train_seed", -1, "Seed must be between 0 and 2,147,483,647. Received: -1."),
    ],
)
@pytest.mark.usefixtures("planned")
def test_a_number_out_of_range_stops_the_start(field: str, value: int | None, words: str) -> None:
    """Not the number of before: nothing is trained until it is right."""
    add_song("The original", tone(3))
    with nobody_works():
        app = audio_page()
        app.number_input(key=field).set_value(value)
        app.button(key="train_start").click().run()
        assert is_clean(app)
        assert words in said(app)
        assert app.button(key="train_start").disabled
        assert not list_runs()
        app.number_input(key=field).set_value(5).run()
        assert not until(app, is_planned).button(key="train_start").disabled


def test_a_plan_is_made_from_the_songs_and_follows_the_form() -> None:
    """The real plan: nothing that is shown belongs to other settings."""
    add_song("The original", tone(3))
    app = audio_page()
    before = said(app)
    assert "From the plan before this one" not in before
    app.number_input(key="training.epochs").set_value(7).run()
    app = until(app, is_planned)
    assert is_clean(app)
    assert "All 7 epochs, about" in said(app)
    windows = planned_windows(app)
    app.number_input(key="training.look_back").set_value(64).run()
    app = until(app, is_planned)
    assert "From the plan before this one" not in said(app)
    look_back = preset("quick")["look_back"]
    assert look_back != 64
    assert "All 7 epochs, about" in said(app)
    assert windows
    app.number_input(key="training.look_back").set_value(look_back).run()
    assert is_planned(app), "this plan was made before"
    assert planned_windows(app) == windows


def planned_windows(app: AppTest) -> str:
    """What the plan says under "Training windows"."""
    words = said(app)
    return words[words.index("Training windows") :][:40]


@pytest.mark.usefixtures("planned")
def test_the_cluster_is_a_choice_only_where_it_is_configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add_song("Tone", tone())
    assert "The cluster" not in " ".join(audio_page().selectbox(key="train_device").options)
    token = tmp_path / "token"
    token.write_text("secret")
    token.chmod(0o600)
    monkeypatch.setenv("MUSICGEN_CLUSTER_ADDRESS", "http://127.0.0.1:8265")
    monkeypatch.setattr("musicgen.runs.cluster.configured.check_ray", lambda: None)
    assert "The cluster (not complete: see System)" in audio_page().selectbox(key="train_device").options
    monkeypatch.setenv("MUSICGEN_CLUSTER_FOLDER", str(tmp_path))
    monkeypatch.setenv("MUSICGEN_CLUSTER_TOKEN_FILE", str(token))
    app = audio_page()
    assert "The cluster" in app.selectbox(key="train_device").options
    app.selectbox(key="train_device").set_value("cluster").run()
    assert any("--on cluster" in block and "--device" not in block for block in code_blocks(app))
    assert is_clean(app)


def write_card(path: Path) -> None:
    """A starter as far as the page reads it: its card."""
    gain = HeldOut(songs="ten tunes", unit="nats per note", from_nothing=2.5, from_starter=2.0, floors={})
    starter = Starter(
        approach=path.stem, title="Common practice", training={}, codec={}, weights=9, minutes=1.0,
        sources=(Source(title="one", composer="Haydn"),), licence="Public domain.", held_out=(gain,),
    )  # fmt: skip
    path.parent.mkdir(exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("card.json", starter.model_dump_json())


@pytest.mark.usefixtures("planned")
def test_a_training_can_start_from_common_practice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(card, "FOLDER", tmp_path / "starters")
    write_card(tmp_path / "starters" / "note_lstm.zip")
    add_song("A tune", tune(40))
    with nobody_works():
        app = visit("train")
        app.selectbox(key="approach").set_value("note_wavenet").run()
        assert STARTER not in app.selectbox(key="train_from").options
        app.selectbox(key="approach").set_value("note_lstm").run()
        assert STARTER in app.selectbox(key="train_from").options
        assert "Held-out loss" not in said(app)
        app.selectbox(key="train_from").set_value(COMMON_PRACTICE).run()
        until(app, is_planned)
        assert is_clean(app)
        assert "1 piece in the public domain: Haydn." in said(app)
        assert "Held-out loss on ten tunes: 2 nats per note with it, 2.5 from nothing." in said(app)
        assert any(" --from common-practice" in each for each in code_blocks(app))
        app.button(key="train_start").click().run()
        (run,) = list_runs()
        assert run.request["train_from"] == {"starter": "note_lstm", "name": "common practice"}
        assert "Starts from common practice." in said(app)


@pytest.mark.usefixtures("planned")
def test_a_damaged_starter_is_told_and_not_offered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(card, "FOLDER", tmp_path)
    (tmp_path / "note_lstm.zip").write_bytes(b"weights")
    app = token_page()
    assert is_clean(app)
    assert STARTER not in app.selectbox(key="train_from").options
    assert "A starter must be complete" in said(app)
