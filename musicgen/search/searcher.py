"""The process that goes on with every study: proposes trials, puts their runs into the queue, watches their curves.

`python -m musicgen.search.searcher [--idle-seconds N]`: one per storage folder (ensured by a lock). Started when a
study is submitted, or found without it by a page, the command line or the supervisor; ends when there is nothing to do.
It holds no state: if it is killed, the next one reads the record and goes on.
"""

from __future__ import annotations

import argparse
import logging
import time
from collections import Counter

from musicgen.errors import MusicgenError
from musicgen.faults import in_words
from musicgen.machine import give_way
from musicgen.runs.folders import searcher_lock
from musicgen.runs.locks import FileLock
from musicgen.runs.rounds import in_rounds
from musicgen.search import changes, preferences, records, trial
from musicgen.search.records import FAILED, FINISHED, PROPOSED, Study
from musicgen.settings import settings

POLL_SECONDS = 0.3
IDLE_SECONDS = 15.0
LOCK_PATIENCE = 3.0
MAX_TROUBLES = 5  # in a row, before a study ends with the reason
TROUBLE_SECONDS = 5.0
MAX_FAILED = 10  # trials in a row
WAITS = "The search is waiting for you: some pieces have not been compared yet."

log = logging.getLogger("musicgen.searcher")


class Searcher:
    """Each `round` takes every study one step further."""

    def __init__(self) -> None:
        self.troubles: Counter[str] = Counter()  # of each study, since its last step
        self.waits_until: dict[str, float] = {}

    def round(self) -> bool:
        """False if there is nothing to do."""
        at_work = records.studies_at_work()
        for study in at_work:
            if time.monotonic() >= self.waits_until.get(study.id, 0.0):
                self._advance(study)
        return bool(at_work)

    def _advance(self, study: Study) -> None:
        try:
            remark = step(study)
        except trial.CannotGoOn as error:
            self._end(study, str(error))
        except (MusicgenError, OSError) as error:
            self.troubles[study.id] += 1
            self.waits_until[study.id] = time.monotonic() + TROUBLE_SECONDS
            said = str(in_words(error) or error)
            if self.troubles[study.id] >= MAX_TROUBLES:
                self._end(study, said)
            else:
                changes.remark(study.id, said)
        # A process boundary: a bug in one study must not keep the others from going on.
        except Exception as error:
            log.exception("%s", study.id)
            self.waits_until[study.id] = time.monotonic() + TROUBLE_SECONDS
            self._end(study, f"An error in the program: {type(error).__name__}: {str(error)[:500]}")
        else:
            self.troubles.pop(study.id, None)
            if remark != study.reason and study.is_active:
                changes.remark(study.id, remark)

    def _end(self, study: Study, reason: str) -> None:
        changes.end_study(study.id, FAILED, reason)
        for each in study.trials:
            if each.state == PROPOSED:
                changes.take_back(each)


def step(study: Study) -> str:
    """Take a study one step further; returns what its user has to do, or ""."""
    current = next((each for each in study.trials if each.is_open), None)
    if current is None:
        return _next(study)
    if current.state != PROPOSED:
        return trial.watch(study, current)
    if study.is_active:
        trial.put_in_queue(study, current)
    else:
        changes.take_back(current)
    return ""


def _next(study: Study) -> str:
    last = study.trials[-MAX_FAILED:]
    if len(last) == MAX_FAILED and all(each.state == FAILED for each in last):
        raise trial.CannotGoOn(f"The last {MAX_FAILED} trials failed. {last[-1].reason}")
    is_used_up = trial.is_used_up(study, study.trials)
    if study.by_ear and not is_used_up and preferences.waits(study.pieces, study.judgements):
        return WAITS
    trial.propose(study, wants_trial=not is_used_up)
    if is_used_up:
        changes.end_study(study.id, FINISHED)
    return ""


def search(lock: FileLock, idle_seconds: float) -> None:
    """Run rounds until there was nothing to do for `idle_seconds`, or the storage folder is gone."""
    in_rounds(
        lock, Searcher().round, records.studies_at_work, idle_seconds=idle_seconds, poll_seconds=POLL_SECONDS, log=log
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m musicgen.search.searcher", description=__doc__)
    parser.add_argument("--idle-seconds", type=float, default=IDLE_SECONDS)
    idle_seconds = parser.parse_args().idle_seconds
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    give_way(settings().niceness)
    lock = FileLock(searcher_lock())
    if lock.take(patience=LOCK_PATIENCE):
        search(lock, idle_seconds)


if __name__ == "__main__":
    main()
