"""A comparison as one HTML file: nothing in it comes from outside, names are text, and it says what was measured."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from children_here import children_here

from musicgen.audio.encoding import encode_small_mp3
from musicgen.audio.waveform import Waveform
from musicgen.clips import write_audio_clip
from musicgen.clips.pictures import pack, unpack
from musicgen.comparison.report import report_bytes
from musicgen.comparison.report_page import report_page
from musicgen.comparison.reporting import LONGEST, _cut_roll
from tests.app.stored_work import add_output, add_run, add_song, tone, tune

pytestmark = pytest.mark.usefixtures("quick_children")

HOSTILE = "</script><script>window.__x=1</script><img src=x onerror=alert(1)> \"'&amp; ${x} \u202e"
ROOT = Path(__file__).resolve().parents[2]


class Read(HTMLParser):
    """What a browser would find: elements with their attributes, and the text of each script by id."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: dict[str, str] = {}
        self.styles: list[str] = []
        self.words = ""
        self._inside = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._inside = tag
        if tag == "script":
            self._name = dict(attrs).get("id") or "module"
            self.scripts[self._name] = ""

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside == "script":
            self.scripts[self._name] += data
        elif self._inside == "style":
            self.styles.append(data)
        else:
            self.words += data

    @property
    def told(self) -> dict:
        return json.loads(self.scripts["told"])


def make_pair() -> tuple[str, str]:
    """A song and an output of a run on it, both sound, with hostile names."""
    song = add_song(HOSTILE, tone(2.0))
    run = add_run([song], name=HOSTILE)
    return song, add_output(run, tone(3.0, frequency=440.0, level=0.1), name=f"Made {HOSTILE}")


@pytest.fixture
def pair(home: Path) -> tuple[str, str]:
    return make_pair()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Read, tuple[str, str], dict]:
    """The report of such a pair, the pair, and what `comparison` says of it."""
    from musicgen.comparison.comparison import comparison

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MUSICGEN_HOME", str(tmp_path_factory.mktemp("reports")))
        children_here(patch)
        pair = make_pair()
        return Read(report_bytes(*pair).decode()), pair, comparison(*pair)


Made = tuple[Read, tuple[str, str], dict]


def test_names_are_text_and_only_the_pages_own_script_may_run(made: Made) -> None:
    read, _, _ = made
    assert sorted(read.scripts) == [
        "generated-sound", "generated-spectrogram", "generated-waveform", "module", "reference-sound",
        "reference-spectrogram", "reference-waveform", "told",
    ]  # fmt: skip
    assert not [tag for tag, _ in read.elements if tag in ("img", "iframe", "link", "object", "a", "audio")]
    assert not [name for _, attributes in read.elements for name in attributes if name.startswith("on")]
    assert not [attributes for _, attributes in read.elements if {"src", "href", "style"} & set(attributes)]
    assert "window.__x=1" in read.words, "the name is there to be read"
    assert "window.__x=1" in read.told["lanes"][0]["title"]
    policy = next(each["content"] for tag, each in read.elements if tag == "meta" and "http-equiv" in each) or ""
    for kind, text in (("script", read.scripts["module"]), ("style", read.styles[0])):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    assert "http" not in policy


def test_sound_and_pictures_are_inside_and_whole(made: Made) -> None:
    import io

    import soundfile

    read, _, _ = made
    for lane, seconds in zip(read.told["lanes"], (2.0, 3.0), strict=True):
        sound = base64.b64decode(read.scripts[lane["sound"]["file"]])
        decoded, rate = soundfile.read(io.BytesIO(sound))
        assert rate == lane["sound"]["sample_rate"] == 8000
        assert decoded.shape[1] == lane["sound"]["n_channels"] == 2
        assert lane["sound"]["n_samples"] == seconds * 8000
        assert np.abs(decoded).max() > 0.05
        facts, arrays = unpack(gzip.decompress(base64.b64decode(read.scripts[lane["pictures"]["waveform"]])))
        assert facts["sample_rate"] == 8000
        assert arrays["high"].max() > 0
    gains = [lane["matched_db"] for lane in read.told["lanes"]]
    assert gains[1] - gains[0] > 6, "the generated piece is quieter"


def test_it_says_what_the_comparison_says(made: Made) -> None:
    from musicgen.evaluation.figures import metric_rows

    read, pair, measured = made
    both, between = metric_rows(measured)
    words = " ".join(read.words.split())
    for row in (*both, *between):
        for cell in row:
            assert " ".join(cell.split()) in words
    for verdict in measured["verdicts"]:
        assert verdict["title"] in words
        assert verdict["cause"] in words
    assert measured["training"]["text"].split("“")[0].strip() in words
    assert measured["stretch"]["text"] in words
    assert f"python -m musicgen compare {pair[0]} {pair[1]} --report report.html" in words
    assert "python -m musicgen generate run-" in words
    assert "Learning rate" in words


def test_finished_blind_tests_are_in_it(made: Made) -> None:
    read, _, measured = made
    assert "Blind tests" not in read.words
    facts = {
        "version": "1", "made_at": "today", "window": [0, 2], "measured": measured, "made": [], "songs": [],
        "commands": [], "can_match": False, "sound_text": "",
        "sides": [{"name": "a", "heading": "b", "summary": "c"}] * 2,
        "listening": ["“<b>” was taken for real in 7 of 16 rounds."],
    }  # fmt: skip
    words = Read(report_page(facts, [], [], {})).words
    assert "Blind tests“<b>” was taken for real in 7 of 16 rounds." in words


def test_what_came_out_of_blind_tests(home: Path) -> None:
    import sqlalchemy as sa

    from musicgen.comparison.report_facts import _listening
    from musicgen.runs.api import get_output
    from musicgen.storage import database

    run = add_run([add_song("A song", tone())])
    one, other = (get_output(add_output(run, tone(), name=name)) for name in ("One", "Other"))
    assert _listening([one, other]) == []
    rounds = [{"right": "a", "sides": {"a": "song", "b": "output"}}] * 10
    for kind, other_id, answers in (("real", "", "aaaaaaabbb"), ("abx", other.id, "aaaaaaaaab")):
        row = {
            "id": database.new_id("test"), "kind": kind, "output_id": one.id, "other_id": other_id, "n_rounds": 10,
            "state": "finished", "answers": {"given": list(answers)}, "facts": {}, "sealed": {"rounds": rounds},
            "created_at": 1.0, "finished_at": 2.0,
        }  # fmt: skip
        database.change(sa.insert(database.blind_tests).values(**row))
    real, abx = _listening([one, other])
    assert real.startswith("“One” in “Which one is real?”: Taken for real in 3 of 10 rounds (30")
    assert abx.startswith("The two outputs (ABX): 9 of 10 right")


def test_notes_have_a_roll_and_passages_in_both_are_marked_and_linked(home: Path) -> None:
    song = add_song("A tune", tune(48, seed=1))
    output = add_output(add_run([song], approach="note_lstm"), tune(48, seed=1), name="The same tune")
    read = Read(report_bytes(song, output).decode())
    lanes, regions = read.told["lanes"], read.told["regions"]
    assert [lane["picture"] for lane in lanes] == ["roll", "roll"]
    assert {region["lane"] for region in regions} == {"reference", "generated"}
    assert len({region["group"] for region in regions}) == len(regions) / 2
    assert "These passages occur in both" in read.words
    assert "same key and tempo" in read.words


def test_the_command_line_writes_the_same_file(pair: tuple[str, str], tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    command = [
        sys.executable,
        "-m",
        "musicgen",
        "compare",
        *pair,
        "--original-excerpt",
        "0.5-1.5",
        "--report",
        str(path),
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert path.read_bytes() == report_bytes(*pair, excerpts=((0.5, 1.5), None))
    assert "--original-excerpt 0.500-1.500" in path.read_text()


def test_an_excerpt_that_is_no_span_gets_a_sentence(pair: tuple[str, str]) -> None:
    command = [sys.executable, "-m", "musicgen", "compare", *pair, "--original-excerpt", "soon"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode != 0
    assert "two numbers of seconds" in " ".join(done.stderr.split())


def test_two_files_can_be_compared_that_are_not_in_the_library(home: Path, tmp_path: Path) -> None:
    paths = [write_audio_clip(tmp_path / name, tone()).audio_path.rename(tmp_path / f"{name}.wav") for name in "ab"]
    read = Read(report_bytes(*paths).decode())
    assert [lane["title"] for lane in read.told["lanes"]] == ["Original: a", "Generated: b"]
    assert "How it was made" not in read.words


def test_of_a_long_piece_the_part_around_the_excerpt_is_in_it() -> None:
    onset = np.arange(0, 600, 0.5, dtype=np.float32)
    same = np.full(onset.size, 60, np.uint8)
    notes = {"onset": onset, "offset": onset + np.float32(0.4), "pitch": same, "velocity": same, "track": same}
    _, kept = unpack(_cut_roll(pack({}, notes), 100.2))
    assert kept["onset"].min() == 0.0
    assert kept["offset"].max() <= LONGEST
    assert kept["onset"].size == pytest.approx(LONGEST / 0.5, abs=1)
    assert kept["onset"][1] == pytest.approx(0.3, abs=1e-4)


@pytest.mark.parametrize(
    ("rate", "channels", "kbps"), [(44_100, 2, 80), (22_050, 1, 48), (8_000, 2, 32), (11_025, 1, 24)]
)
def test_small_mp3_has_about_the_rate_that_was_asked_for(tmp_path: Path, rate: int, channels: int, kbps: int) -> None:
    rng = np.random.default_rng(0)
    clip = write_audio_clip(tmp_path / "clip", Waveform(rng.uniform(-0.5, 0.5, (channels, 20 * rate)), rate))
    encode_small_mp3(clip.audio_path, tmp_path / "clip.mp3", kbps)
    assert (tmp_path / "clip.mp3").stat().st_size * 8 / 20 / 1000 == pytest.approx(kbps, rel=0.2)
