"""Networks from a checkpoint: verified bytes, with settings and codec stored beside the weights; nothing pickled."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from musicgen.contract.approach import Approach
from musicgen.contract.parameters import TrainingParameters
from musicgen.errors import CorruptArtifact, MusicgenError, sentence
from musicgen.runs.checkpoints import Checkpoint, first_intact
from musicgen.storage.files import read_json, write_json

if TYPE_CHECKING:
    from musicgen.contract.networks import TrainableNetworks

_kept: dict[tuple[Any, ...], tuple[TrainableNetworks, Any]] = {}  # the last ones, for a worker that stays

DEADLY_LOADS = 2  # a checkpoint that has killed this many processes while loading is skipped


def load(
    approach: Approach,
    training: TrainingParameters,
    candidates: Sequence[Checkpoint],
    *,
    seed: int,
    folder: Path,
    on_damaged: Callable[[str], None],
    keep: bool = False,
) -> tuple[TrainableNetworks, Any, Checkpoint]:
    """(networks, codec, checkpoint) of the first candidate that is intact and loads.

    Args:
        folder: of the task; records a load that killed its process.
        on_damaged: called with one sentence for every candidate skipped.
        keep: for generation, which changes no network: if this process loaded the same weights last, these networks
            are returned again. The files are verified all the same.

    Raises:
        NotFound: there are no candidates. CorruptArtifact: none can be loaded.
    """
    remaining = [each for each in candidates if not _kills(folder, each)]
    for each in candidates:
        if each not in remaining:
            on_damaged(f"Loading the weights of epoch {each.epoch} ended the process {DEADLY_LOADS} times.")
    if candidates and not remaining:
        remaining = list(candidates)
    while True:
        checkpoint = first_intact(remaining, on_damaged)
        remaining = remaining[remaining.index(checkpoint) + 1 :]
        name = checkpoint.folder, checkpoint.sha256, approach.key, training.model_dump_json(), seed
        if keep and name in _kept:
            return (*_kept[name], checkpoint)
        _kept.clear()
        try:
            with _survived(folder, checkpoint):
                codec = approach.codec_from_json(checkpoint.codec())
                networks = approach.build(codec, training, seed=seed)
                networks.load(checkpoint.folder)
        except (MusicgenError, OSError, ValueError, KeyError, TypeError) as error:
            received = f"{type(error).__name__}: {error}"
            message = sentence(f"The weights of epoch {checkpoint.epoch} must fit the network", received[:300])
            on_damaged(message)
            if not remaining:
                raise CorruptArtifact(message, code="unloadable") from error
            continue
        if keep:
            _kept[name] = networks, codec
        return networks, codec, checkpoint


def _marker(folder: Path) -> Path:
    return folder / "loading.json"


def _kills(folder: Path, checkpoint: Checkpoint) -> bool:
    try:
        marked = read_json(_marker(folder), {})
        return bool(marked["folder"] == checkpoint.folder.name and int(marked["deaths"]) >= DEADLY_LOADS)
    except (OSError, ValueError, KeyError, TypeError):
        return False


@contextmanager
def _survived(folder: Path, checkpoint: Checkpoint) -> Iterator[None]:
    """Leaves a mark that stays only if the process dies before removing it."""
    try:
        marked = read_json(_marker(folder), {})
        deaths = int(marked["deaths"]) if marked["folder"] == checkpoint.folder.name else 0
    except (OSError, ValueError, KeyError, TypeError):
        deaths = 0
    write_json(_marker(folder), {"folder": checkpoint.folder.name, "deaths": deaths + 1})
    try:
        yield
    finally:
        _marker(folder).unlink(missing_ok=True)
