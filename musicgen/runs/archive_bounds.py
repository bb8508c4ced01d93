"""How large the archive of a run may be, and what may be in it. Checked from its directory and its few texts, before
anything is unpacked. Whatever `archives.export_run` writes passes; anything larger does not."""

from __future__ import annotations

import re
import zipfile
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from musicgen.clips.clip import AUDIO, SCORE
from musicgen.contract.parameters import TrainingParameters
from musicgen.errors import RejectedFile, sentence
from musicgen.runs.archived import ArchivedPrepared
from musicgen.runs.archives import CARD, RUN
from musicgen.runs.archiving_lapse import MAX_PIECE_MB
from musicgen.runs.archiving_outputs import MAX_OUTPUTS, MAX_OUTPUTS_MB, OUTPUT, OUTPUTS
from musicgen.runs.checkpoints import CODEC, MANIFEST, STATE
from musicgen.runs.folders import CHECKPOINTS, HISTORY, LAPSE, LOG, PREPARED
from musicgen.runs.lapse import MAX_PIECES, PIECE
from musicgen.storage.zips import open_zip

MB = 1_000_000
MAX_CHECKPOINTS = 2  # the best and the last
WEIGHTS = ("weights.npz", "weights.npy")
OPTIMIZER, TRAINING = "optimizer.npz", "training.json"
TEXT_MB = {RUN: 20, HISTORY: 20, LOG: 8, PREPARED: 5, CARD: 1}
CHECKPOINT_MB = {MANIFEST: 1, STATE: 2, CODEC: 20, TRAINING: 2}
NEEDED = (MANIFEST, STATE, CODEC)
CHECKPOINT = re.compile(rf"^{CHECKPOINTS}/(\d{{6}}(?:-partial)?)/([a-z]+\.[a-z]+)\Z")
OUTPUT_FILE = re.compile(rf"^({OUTPUTS}/\d{{4}})/([a-z]+\.[a-z]+)\Z")
LAPSE_FILE = re.compile(rf"^({LAPSE}/\d{{6}})/([a-z]+\.[a-z]+)\Z")
LAPSE_MB = {PIECE: 2, SCORE: 5, AUDIO: MAX_PIECE_MB}
OUTPUT_MB = {OUTPUT: 8, SCORE: 20, AUDIO: MAX_OUTPUTS_MB}
NUMBER_BYTES = 8  # of a weight, at most
MOMENTS = 2  # numbers that an optimiser keeps for each weight
OVERHEAD_BYTES = 4 * MB  # headers, counters, normalisation statistics
UNKNOWN_BYTES = 256 * MB  # if the archive does not tell how many weights there are
CLAIMED_TIMES, CLAIMED_MORE = 2, 10_000  # a run may claim this many more weights than its layers have


def open_archive(path: Path) -> zipfile.ZipFile:
    """Raises RejectedFile if there are more files than texts, manifest, checkpoints, outputs and time-lapse; see
    `open_zip`."""
    most = len(TEXT_MB) + 1 + MAX_CHECKPOINTS * (len(CHECKPOINT_MB) + 2) + 2 * (MAX_OUTPUTS + MAX_PIECES)
    return open_zip(path, most, f"The archive of a run may hold at most {most} files", "Export it again.")


def check_names(sizes: Mapping[str, int]) -> None:
    """`sizes`: name → bytes, without the manifest. Raises RejectedFile if a file is unknown, missing or too large;
    weights are checked by `check_weights`."""
    rule = "The archive of a run may hold its settings, history and log, its best and last weights, and its music"
    checkpoints: dict[str, set[str]] = defaultdict(set)
    for name, size in sizes.items():
        limit = TEXT_MB.get(name)
        if found := CHECKPOINT.match(name):
            checkpoints[found[1]].add(found[2])
            limit = CHECKPOINT_MB.get(found[2])
            if found[2] in (*WEIGHTS, OPTIMIZER):
                continue
        if found := OUTPUT_FILE.match(name):
            limit = OUTPUT_MB.get(found[2])
        if found := LAPSE_FILE.match(name):
            limit = LAPSE_MB.get(found[2])
        if limit is None:
            raise refused(rule, f"{name[:80]!r}")
        if size > limit * MB:
            raise refused(f"{name} may have at most {limit} MB", f"{size:,} bytes")
    if RUN not in sizes or not 1 <= len(checkpoints) <= MAX_CHECKPOINTS:
        raise refused(rule, f"no {RUN}" if RUN not in sizes else f"{len(checkpoints)} sets of weights")
    for folder, files in checkpoints.items():
        missing = [name for name in NEEDED if name not in files]
        if missing or len(files.intersection(WEIGHTS)) != 1:
            raise refused(
                rule, f"the weights {folder} without {' and '.join(missing) or 'exactly one file of numbers'}"
            )


def check_outputs(sizes: Mapping[str, int]) -> dict[str, str]:
    """folder of an output → the name of its music, in the order of the archive. Raises RejectedFile if an output lacks
    its description or its music, or if all of them are too large."""
    outputs = _in_folders(sizes, OUTPUT_FILE, OUTPUT, "An output")
    total = sum(size for name, size in sizes.items() if OUTPUT_FILE.match(name))
    if len(outputs) > MAX_OUTPUTS or total > MAX_OUTPUTS_MB * MB * 1.1:
        rule = f"The archive of a run may hold {MAX_OUTPUTS} outputs of {MAX_OUTPUTS_MB:,} MB in all"
        raise refused(rule, f"{len(outputs)} of {total / MB:,.0f} MB")
    return outputs


def check_lapse(sizes: Mapping[str, int]) -> dict[str, str]:
    """folder of a short piece → the name of its music, by epoch. Raises RejectedFile as `check_outputs` does."""
    pieces = _in_folders(sizes, LAPSE_FILE, PIECE, "A short piece")
    if len(pieces) > MAX_PIECES:
        raise refused(f"The time-lapse in the archive of a run may have {MAX_PIECES} pieces", f"{len(pieces)}")
    return pieces


def _in_folders(sizes: Mapping[str, int], form: re.Pattern[str], about: str, what: str) -> dict[str, str]:
    """folder → the name of its music, in order. Each has a description with the name `about` and one file more."""
    folders: dict[str, list[str]] = defaultdict(list)
    for name in sorted(sizes):
        if found := form.match(name):
            folders[found[1]].append(found[2])
    for files in folders.values():
        if len(files) != 2 or about not in files:
            raise refused(f"{what} in an archive has a description and one file of music", f"{', '.join(files)}")
    return {folder: next(f"{folder}/{name}" for name in files if name != about) for folder, files in folders.items()}


def check_weights(sizes: Mapping[str, int], prepared: ArchivedPrepared | None, num_drawn: int | None) -> None:
    """Raises RejectedFile if a file of weights is larger than the network can need.

    Args:
        num_drawn: weights of one network, counted from its layers; None if unknown.
    """
    most = _most_numbers(prepared, num_drawn)
    for name, size in sizes.items():
        if (found := CHECKPOINT.match(name)) and found[2] in (*WEIGHTS, OPTIMIZER):
            times = MOMENTS if found[2] == OPTIMIZER else 1
            limit = UNKNOWN_BYTES if most is None else most * NUMBER_BYTES * times + OVERHEAD_BYTES
            if size > limit:
                what = f"{size / MB:,.1f} MB in {name}"
                raise refused(f"Weights of this network may take at most {limit / MB:,.1f} MB", what)


def _most_numbers(prepared: ArchivedPrepared | None, num_drawn: int | None) -> int | None:
    if prepared is None or not prepared.parameters:
        return None
    if num_drawn:
        most = max(CLAIMED_TIMES * num_drawn, num_drawn + CLAIMED_MORE)
        if prepared.parameters > most:
            raise refused(
                f"A network with these settings has about {num_drawn:,} weights", f"{prepared.parameters:,} of them"
            )
    return prepared.parameters * max(prepared.networks, 1)


def drawn_weights(approach: Any, training: TrainingParameters, prepared: ArchivedPrepared | None) -> int | None:
    """Number of weights of one network, from the settings alone; None if the archive does not tell enough."""
    if prepared is None:
        return None
    try:
        layers = approach.layers(training, prepared.facts)
        return sum((layer.parameters or 0) * layer.repeated for layer in layers) or None
    except Exception:  # facts from an unknown source: any error means that they do not tell
        return None


def refused(rule: str, received: object, remedy: str = "Export it again.") -> RejectedFile:
    """The error for an archive that breaks a rule."""
    return RejectedFile(sentence(rule, received, remedy), code="bad_archive")
