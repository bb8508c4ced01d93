"""Drafts: what is shown of a piece that is still being made; they cost next to nothing and leave nothing behind."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from runs_at_work import add_song, add_task, nobody_supervises, start, ticking, work_here

from musicgen import clips
from musicgen.audio.wav import wav_bytes
from musicgen.audio.waveform import Waveform
from musicgen.clips import Clip, write_audio_clip
from musicgen.runs import api, drafts, housekeeping, liveness, outputs, states
from musicgen.runs.drafts import KEPT, SHARE, DraftWriter, draft_sound, latest_draft
from musicgen.runs.folders import DRAFTS, task_folder
from musicgen.symbolic.score import Score
from tests.makers_music import melody, song

pytestmark = pytest.mark.record(slow=True)

SECOND = 8_000


def sound(seconds: float) -> Waveform:
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, size=(1, int(SECOND * seconds))).astype(np.float32)
    return Waveform(noise, SECOND)


def score() -> Score:
    return song(melody([60, 62, 64])).clip.score()


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Maker:
    """A piece of `total` steps, one a second, in the making. Each draft of it costs `cost` seconds."""

    def __init__(self, folder: Path, *, total: int = 1_000, cost: float = 0.0) -> None:
        self.clock, self.total, self.cost = Clock(), total, cost
        self.writer = DraftWriter(folder, "abc", clock=self.clock)
        self.made_at: list[int] = []

    def until(self, last: int, first: int = 1) -> list[int]:
        """At which steps somebody looked."""
        for done in range(first, last + 1):
            self.clock.now += 1.0
            self.writer.offer(lambda done=done: self._make(done), done, self.total)
        return self.made_at

    def _make(self, done: int) -> Waveform:
        self.made_at.append(done)
        self.clock.now += self.cost
        return sound(done / 10)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "task"


class TestPace:
    def test_the_first_comes_after_two_seconds_and_the_others_every_two(self, folder: Path) -> None:
        assert Maker(folder).until(10) == [3, 5, 7, 9]

    def test_what_is_short_is_left_in_peace(self, folder: Path) -> None:
        assert Maker(folder, total=4).until(4) == []
        assert latest_draft(folder) is None

    def test_drafts_take_a_small_share_of_the_time(self, folder: Path) -> None:
        maker = Maker(folder, cost=2.0)
        made_at = maker.until(400)
        assert 2 <= len(made_at) <= 1 + SHARE * 400 / 2.0
        assert np.diff(made_at).min() >= 2.0 / SHARE - 1

    def test_a_new_piece_is_a_new_beginning(self, folder: Path) -> None:
        maker = Maker(folder)
        maker.until(5)
        maker.writer.published()
        assert latest_draft(folder) is None
        maker.made_at.clear()
        assert maker.until(6) == [3, 5]


class TestWhatIsThere:
    def test_the_newest_is_a_clip_that_can_be_drawn_and_played(self, folder: Path) -> None:
        Maker(folder).until(9)
        draft = latest_draft(folder)
        assert draft is not None
        assert (draft.done, draft.total) == (9, 1_000)
        assert draft.clip.seconds == pytest.approx(0.9)
        assert draft.clip.envelope().low.shape[1] > 10
        assert draft_sound(draft) == wav_bytes(draft.clip.waveform())

    def test_few_are_kept_and_no_two_share_a_name(self, folder: Path) -> None:
        Maker(folder).until(30)
        names = {path.name for path in (folder / DRAFTS).iterdir()}
        assert len(names) == KEPT
        drafts.remove_drafts(folder)
        other = Maker(folder)
        other.writer.mark = "def"
        other.until(30)
        assert not names & {path.name for path in (folder / DRAFTS).iterdir()}

    def test_written_music_is_drawn_and_rendered_in_a_copy(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        clock = Clock()
        writer = DraftWriter(folder, "abc", clock=clock)
        for done in (1, 2, 3):
            writer.offer(score, done, 100)
            clock.now += 2.0
        draft = latest_draft(folder)
        assert draft is not None
        assert draft.clip.roll().pitch.tolist() == [60, 62, 64]

        def render(clip: Clip) -> None:
            assert clip.folder != draft.folder
            assert clip.score_path.read_bytes() == draft.clip.score_path.read_bytes()
            write_audio_clip(clip.folder, sound(0.5))

        monkeypatch.setattr(clips, "ensure_audio", render)
        assert draft_sound(draft) == wav_bytes(write_audio_clip(folder / "again", sound(0.5)).waveform())
        assert not draft.clip.has_audio

    def test_a_full_disk_is_no_reason_to_stop(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def full(*args: Any, **more: Any) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(clips, "write_audio_clip", full)
        assert len(Maker(folder).until(10)) == 4
        assert latest_draft(folder) is None
        assert list((folder / DRAFTS).iterdir()) == []


class TestAWorker:
    @pytest.fixture(autouse=True)
    def quick(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        monkeypatch.setattr(drafts, "SECONDS_BETWEEN", 0.02)
        monkeypatch.setattr(drafts, "SHARE", 1.0)
        with ticking(monkeypatch), nobody_supervises():
            yield

    @pytest.fixture
    def run_id(self) -> str:
        made = start(add_song("A song"), epochs=1, epoch_ms=5)
        assert work_here(made).state == "succeeded"
        return made

    def test_what_is_there_can_be_seen_until_the_piece_itself_is(
        self, run_id: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        seen: list[Any] = []
        publish = outputs.publish_output

        def publish_and_look(task: Any, *rest: Any) -> Any:
            draft = api.get_task(task["id"]).draft
            seen.append(draft and (draft.clip.seconds, draft.done / draft.total))
            return publish(task, *rest)

        monkeypatch.setattr(outputs, "publish_output", publish_and_look)
        task = work_here(api.submit_generation(run_id, {"seconds": 2.0, "piece_ms": 1_000}, count=2))
        assert (task.state, len(task.output_ids)) == ("succeeded", 2)
        assert len(seen) == 2
        for seconds, share in seen:
            assert 0.2 <= seconds < 2.0
            assert share == pytest.approx(seconds / 2.0)
        assert task.draft is None
        assert not (task.folder / DRAFTS).exists()

    def test_a_cancel_leaves_nothing_that_is_not_whole(self, run_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
        offer = DraftWriter.offer

        def offer_and_cancel(writer: DraftWriter, *what: Any) -> None:
            offer(writer, *what)
            if latest_draft(writer.folder.parent):
                states.express(writer.folder.parent.name, states.CANCEL)

        monkeypatch.setattr(DraftWriter, "offer", offer_and_cancel)
        task = work_here(api.submit_generation(run_id, {"seconds": 2.0, "piece_ms": 3_000}))
        assert (task.state, task.output_ids) == ("cancelled", [])
        assert not (task.folder / DRAFTS).exists()

    def test_a_worker_that_was_killed_leaves_none_either(self) -> None:
        row = add_task("running", kind="generate", fence="f")
        folder = task_folder("generate", row["run_id"], row["id"])
        Maker(folder).until(5)
        assert api.get_task(row["id"]).draft is not None
        assert liveness.settle(row, -9)
        assert not (folder / DRAFTS).exists()

    def test_nor_does_a_machine_that_was_switched_off(self) -> None:
        row = add_task("succeeded", kind="generate")
        folder = task_folder("generate", row["run_id"], row["id"])
        Maker(folder).until(5)
        assert api.get_task(row["id"]).draft is None, "a task at rest is making nothing"
        assert folder / DRAFTS in housekeeping.tidy(old_seconds=-1.0)
        assert not (folder / DRAFTS).exists()
