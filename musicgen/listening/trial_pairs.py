"""Pairs of trials of a search that are compared by ear: which pair is next, and how the two sound. Light to import.

Which of them is A is a function of the study and the pair; it is told to nobody before the pair is judged.
"""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass
from pathlib import Path

from musicgen.clips import ensure_audio
from musicgen.clips.alone import alone
from musicgen.errors import DamagedFile, InvalidParameter, RejectedFile, WrongState, sentence
from musicgen.processes import run_child
from musicgen.runs.records import get_output
from musicgen.search.api import Study, get_study, judge
from musicgen.search.preferences import ONE, OTHER, SAME, next_pair
from musicgen.storage.files import publishing

MODULE = "musicgen.listening.pairing"
SECONDS, MEMORY_MB = 120.0, 4096
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
PAIRS = "pairs"  # in the folder of the study
POSITIONS = ("a", "b")
ANSWERS = (*POSITIONS, SAME)


@dataclass(frozen=True)
class TrialPair:
    """Two trials of which nobody has said yet which sounds better. `one`: the lower number. `outputs`: their pieces."""

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
        return _first_is_a(self.study_id, self.name)


def next_trial_pair(study: Study) -> TrialPair | None:
    """The pair whose comparison tells most; None if there is none to compare."""
    found = next_pair(study.pieces, study.judgements) if study.by_ear else None
    return None if found is None else _pair(study, *found)


def _pair(study: Study, one: int, other: int) -> TrialPair:
    outputs = (study.pieces[one], study.pieces[other])
    return TrialPair(study.id, one, other, outputs, study.folder / PAIRS / f"{one}-{other}")


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
    pair.folder.parent.mkdir(parents=True, exist_ok=True)
    lock = pair.folder.parent / f".{pair.name}.lock"
    with alone(lock, f"Two pieces must be made equally loud within {SECONDS:g} s", patience=SECONDS):
        if not all(path.is_file() for path in paths.values()):
            sides = [_sounding(output_id) for output_id in pair.outputs]
            first, second = sides if pair.first_is_a else sides[::-1]
            with publishing(pair.folder) as folder:
                payload = {"clips": {"a": first, "b": second}, "folder": str(folder.resolve())}
                run_child(MODULE, payload, seconds=SECONDS, memory_mb=MEMORY_MB, environment=dict(ONE_THREAD))
    return paths


def _sounding(output_id: str) -> str:
    """The folder of a piece that has sound; "" for one that can have none, such as a piece without notes: it is judged
    as silence. Raises ResourceUnavailable if it could not be rendered now."""
    clip = get_output(output_id).clip
    try:
        ensure_audio(clip)
    except (RejectedFile, DamagedFile):
        return ""
    return str(clip.folder.resolve())


def judge_pair(study_id: str, name: str, answer: str) -> None:
    """Record which sounds better: a, b or same. `name`: of the pair that was heard. While it was heard, another may
    have become the next one.

    Raises:
        InvalidParameter: another answer, or no name of a pair. NotFound: no such trials with a piece. WrongState: the
        pair was judged before, or the study is led by the loss.
    """
    if answer not in ANSWERS:
        raise InvalidParameter(sentence(f"An answer is one of {', '.join(ANSWERS)}", repr(answer)))
    numbers = [int(part) for part in name.split("-") if part.isdecimal()]
    if len(numbers) != 2:
        raise InvalidParameter(sentence("A pair looks like 3-7", repr(name[:80])))
    one, other = sorted(numbers)
    first_is_a = _first_is_a(study_id, f"{one}-{other}")
    judge(study_id, one, other, SAME if answer == SAME else ONE if (answer == "a") == first_is_a else OTHER)
    shutil.rmtree(get_study(study_id).folder / PAIRS / f"{one}-{other}", ignore_errors=True)


def _first_is_a(study_id: str, name: str) -> bool:
    return hashlib.sha256(f"{study_id} {name}".encode()).digest()[0] % 2 == 0
