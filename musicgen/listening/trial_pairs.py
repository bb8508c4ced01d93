"""Pairs of trials of a search that are compared by ear: which pair is next, and how the two sound. Light to import.

Which of them is A is a function of the study and the pair; it is told to nobody before the pair is judged.
"""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass
from pathlib import Path

from musicgen.clips import ensure_audio
from musicgen.errors import InvalidParameter, NotFound, WrongState, sentence
from musicgen.processes import run_child
from musicgen.runs.records import get_output
from musicgen.search.api import Study, get_study, judge
from musicgen.search.preferences import ONE, OTHER, SAME, next_pair
from musicgen.storage.files import publishing

MODULE = "musicgen.listening.pairing"
SECONDS, MEMORY_MB = 120.0, 4096
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
POSITIONS = ("a", "b")
ANSWERS = (*POSITIONS, SAME)


@dataclass(frozen=True)
class TrialPair:
    """Two trials, by number, of which nobody has said yet which sounds better. `outputs`: their pieces."""

    study_id: str
    one: int
    other: int
    outputs: tuple[str, str]
    folder: Path

    @property
    def name(self) -> str:
        """Such as `3-7`."""
        return f"{self.one}-{self.other}"

    @property
    def first_is_a(self) -> bool:
        """Whether A is `one`. Not for the browser."""
        low, high = sorted((self.one, self.other))
        coin = hashlib.sha256(f"{self.study_id} {low} {high}".encode()).digest()[0] % 2
        return (coin == 0) == (self.one == low)


def next_trial_pair(study: Study) -> TrialPair | None:
    """The pair whose comparison tells most; None if there is none to compare. Trials whose piece was deleted are left
    out."""
    pieces = study.pieces if study.by_ear else {}
    while (found := next_pair(pieces, study.judgements)) is not None:
        gone = [number for number in found if not _is_there(pieces[number])]
        if not gone:
            one, other = found
            folder = study.folder / "pairs" / f"{min(found)}-{max(found)}"
            return TrialPair(study.id, one, other, (pieces[one], pieces[other]), folder)
        pieces = {number: piece for number, piece in pieces.items() if number not in gone}
    return None


def _is_there(output_id: str) -> bool:
    try:
        get_output(output_id)
    except NotFound:
        return False
    return True


def pair_sounds(pair: TrialPair) -> dict[str, bytes]:
    """{a: bytes of a WAV file, b: …}, made once. Takes seconds. Raises MusicgenError."""
    paths = pair_paths(pair)
    try:
        return {position: path.read_bytes() for position, path in paths.items()}
    except OSError as error:
        rule = "The pieces of a comparison must be readable"
        raise WrongState(sentence(rule, "files that have just gone", "Load the page again.")) from error


def pair_paths(pair: TrialPair) -> dict[str, Path]:
    """{a: path of a WAV file, b: …}, made once."""
    paths = {position: pair.folder / f"{position}.wav" for position in POSITIONS}
    if not all(path.is_file() for path in paths.values()):
        clips = [get_output(output_id).clip for output_id in pair.outputs]
        for clip in clips:
            ensure_audio(clip)
        first, second = clips if pair.first_is_a else clips[::-1]
        with publishing(pair.folder) as folder:
            payload = {
                "clips": {"a": str(first.folder.resolve()), "b": str(second.folder.resolve())},
                "folder": str(folder.resolve()),
            }
            run_child(MODULE, payload, seconds=SECONDS, memory_mb=MEMORY_MB, environment=dict(ONE_THREAD))
    return paths


def judge_pair(study_id: str, name: str, answer: str) -> None:
    """Record which sounds better: a, b or same. `name`: of the pair that was heard.

    Raises:
        InvalidParameter: another answer. WrongState: that pair is not the next one any more: it was judged elsewhere.
    """
    if answer not in ANSWERS:
        raise InvalidParameter(sentence(f"An answer is one of {', '.join(ANSWERS)}", repr(answer)))
    study = get_study(study_id)
    pair = next_trial_pair(study)
    if pair is None or pair.name != name:
        rule = "A comparison is answered once"
        raise WrongState(sentence(rule, f"the pair {name}, which was answered or is gone", "Listen to the next pair."))
    better = SAME if answer == SAME else ONE if (answer == "a") == pair.first_is_a else OTHER
    judge(study_id, pair.one, pair.other, better)
    shutil.rmtree(pair.folder, ignore_errors=True)
