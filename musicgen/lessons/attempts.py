"""Attempts at lessons, in the record. An attempt survives a reload, another tab and a restart: it is a row, and its
work is ordinary runs in the queue.

    start_attempt("floor", answer="network", songs=[…])  →  a row; its runs are queued, and their pieces follow
    attempt_work(attempt)                                →  following.py: how far they are
    finish(attempt)                                      →  finishing.py: measured and kept
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import sqlalchemy as sa

from musicgen.approaches import approaches
from musicgen.errors import InvalidInput, sentence
from musicgen.lessons.judging import judged, values_of_result
from musicgen.lessons.lesson import Lesson, LessonRun, read_lesson
from musicgen.lessons.shelf import find_lesson
from musicgen.runs import api, rows
from musicgen.runs.submissions import find_submitted
from musicgen.storage import database
from musicgen.storage.database import attempts, check_id, new_id
from musicgen.wording import count

MEDIA = {"midi": "notes (MIDI songs)", "audio": "sound (WAV, MP3, FLAC, OGG or M4A)"}
HEAR = "`Hear the notes` on the page of a song makes a MIDI song of one that is sound."


@dataclass(frozen=True)
class Attempt:
    """One attempt at a lesson.

    Attributes:
        lesson_key: name of the lesson's file. document: the lesson as it was when the attempt began.
        answer: what was predicted. songs: [{id, name}].
        result: {values, seconds, pieces, …}, see `finish`; {} while its runs are not done.
    """

    id: str
    lesson_key: str
    document: Mapping[str, Any]
    answer: str
    work: Mapping[str, Any]
    result: Mapping[str, Any]
    created_at: float
    sequence: int = 0

    @cached_property
    def lesson(self) -> Lesson:
        """Raises InvalidInput if this version cannot read it any more."""
        return read_lesson(self.document)

    @property
    def is_readable(self) -> bool:
        """Whether this version can read its lesson: approaches and settings may have gone since."""
        try:
            return bool(self.lesson.title)
        except InvalidInput:
            return False

    @property
    def songs(self) -> list[dict[str, str]]:
        return list(self.work.get("songs") or ())

    @property
    def is_finished(self) -> bool:
        return bool(self.result)

    @property
    def values(self) -> dict[str, float | None]:
        """What was measured; {} before."""
        return values_of_result(self.result)

    @property
    def verdict(self) -> dict[str, Any]:
        """See `judging.judged`. Only of a finished attempt."""
        return judged(self.lesson, self.answer, self.values)

    def run_id(self, name: str) -> str | None:
        """The id of its run with this name, which may be deleted since; None if it is not queued yet."""
        noted = (self.work.get("runs") or {}).get(name)
        if noted is not None:
            return str(noted)
        found = find_submitted(_submit_key(self.id, name))
        return None if found is None else str(found["run_id"])


def start_attempt(
    key: str, answer: str, song_ids: Sequence[str] = (), *, submit_key: str = "", device: str = "auto"
) -> str:
    """Begin a lesson: the prediction is fixed, and its runs are queued. Returns the id of the attempt.

    Args:
        song_ids: songs of the library; none: those of the lesson's sample, which are added if they are not there.
        submit_key: the same key twice gives one attempt (a double click).

    Raises:
        NotFound: no such lesson or song. InvalidInput: an answer that the lesson does not have, or songs that it
        cannot use. ResourceUnavailable: no room.
    """
    lesson = find_lesson(key)
    lesson.answer(answer)
    if submit_key and (before := _find_started(submit_key)):
        return before
    songs = usable_songs(lesson, song_ids or sample_songs(lesson))
    attempt_id = new_id("attempt")
    row = {
        "id": attempt_id,
        "lesson": key,
        "document": lesson.model_dump(mode="json", exclude_defaults=True),
        "answer": answer,
        "work": {"songs": songs, "device": device, "submit_key": submit_key},
        "result": {},
        "created_at": database.now(),
    }
    database.change(sa.insert(attempts).values(**row))
    order_work(get_attempt(attempt_id))
    return attempt_id


def sample_songs(lesson: Lesson) -> list[str]:
    """The songs of the lesson's sample; added if they are not in the library yet."""
    from musicgen.songs.intake import add_sample

    return list(dict.fromkeys(str(file.id) for file in add_sample(lesson.sample).accepted))


def usable_songs(lesson: Lesson, song_ids: Sequence[str]) -> list[dict[str, str]]:
    """{id, name} of the songs that this lesson can use. Songs of the other medium are an error, not left out.

    Raises NotFound, InvalidInput with what the lesson needs."""
    from musicgen.songs.library import get_song

    songs = [get_song(song_id) for song_id in dict.fromkeys(song_ids)]
    needs = f"This lesson needs {MEDIA[lesson.medium]}"
    for song in songs:
        if song.medium != lesson.medium:
            is_sound = song.medium == "audio"
            raise InvalidInput(sentence(needs, f"“{song.name}”, which is {song.medium}", HEAR if is_sound else ""))
    if len(songs) < lesson.min_songs:
        rule = f"This lesson needs {count(lesson.min_songs, 'song')} or more"
        raise InvalidInput(sentence(rule, count(len(songs), "song"), "Add some, or use the sample."))
    return [{"id": song.id, "name": song.name} for song in songs]


def order_work(attempt: Attempt) -> None:
    """Queue the runs that are not queued yet: all of them at first, or the rest after a crash in between. A run that
    was deleted is not made again."""
    songs = [api.SongChoice(song["id"]) for song in attempt.songs]
    noted = dict(attempt.work.get("runs") or {})
    for run in attempt.lesson.runs:
        if run.name not in noted:
            noted[run.name] = api.submit_training(
                run.approach, songs, run.training, seed=run.seed, name=run_name(attempt.lesson, run),
                device=str(attempt.work.get("device") or "auto"), submit_key=_submit_key(attempt.id, run.name),
                leave_out=len(songs) > 1,
                then=[
                    {**each.model_dump(include={"generation", "seed", "count"}), "checkpoint": str(each.checkpoint)}
                    for each in run.pieces
                ],
            )  # fmt: skip
    if noted != (attempt.work.get("runs") or {}):
        change = sa.update(attempts).where(attempts.c.id == attempt.id)
        database.change(change.values(work={**attempt.work, "runs": noted}))


def run_name(lesson: Lesson, run: LessonRun) -> str:
    """`Lesson 1, what a floor is: a small network`: how the Runs page shows it."""
    known = approaches()[run.approach].title
    return f"Lesson {lesson.number}: {run.title[:1].lower()}{run.title[1:]} ({known})"


def get_attempt(attempt_id: str) -> Attempt:
    """The attempt. Raises NotFound."""
    return rows.only(_read(attempts.c.id == check_id("attempt", attempt_id)), "attempt", attempt_id)


def list_attempts(key: str | None = None, *, limit: int | None = None) -> list[Attempt]:
    """Newest first; `key`: only of this lesson."""
    return _read(*([attempts.c.lesson == key] if key else []), limit=limit)


def newest_attempts() -> dict[str, Attempt]:
    """Lesson key → its newest attempt that can be read."""
    newest: dict[str, Attempt] = {}
    for attempt in list_attempts():
        if attempt.lesson_key not in newest and attempt.is_readable:
            newest[attempt.lesson_key] = attempt
    return newest


def newest_finished() -> list[Attempt]:
    """The newest finished attempt of each lesson that can be read, in the order of the lessons."""
    newest: dict[str, Attempt] = {}
    for attempt in list_attempts():
        if attempt.is_finished and attempt.lesson_key not in newest and attempt.is_readable:
            newest[attempt.lesson_key] = attempt
    return sorted(newest.values(), key=lambda each: (int(each.document.get("number") or 0), each.lesson_key))


def _submit_key(attempt_id: str, name: str) -> str:
    return f"{attempt_id} {name}"[:64]


def _find_started(submit_key: str) -> str | None:
    newest = list_attempts(limit=20)  # a double click is among the last
    return next((each.id for each in newest if each.work.get("submit_key") == submit_key), None)


def _read(*conditions: Any, limit: int | None = None) -> list[Attempt]:
    ordered = sa.select(attempts).where(*conditions).order_by(attempts.c.sequence.desc(), attempts.c.id).limit(limit)
    return [
        Attempt(
            row["id"], row["lesson"], row["document"], row["answer"], row["work"], row["result"], row["created_at"],
            row["sequence"],
        )
        for row in database.every(ordered)
    ]  # fmt: skip
