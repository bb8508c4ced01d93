"""Makes the short pieces of a training between its epochs, from the weights that were just saved. Only in workers.

The process that trains makes them: its weights are in memory, its library is loaded, and the loops that make music are
compiled once. What is learned stays the same to the bit, and a piece that fails never fails the training.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from musicgen.audio.waveform import Waveform
from musicgen.clips import Clip, write_audio_clip, write_score_clip
from musicgen.contract.approach import Approach
from musicgen.contract.made import Made
from musicgen.contract.parameters import TrainingParameters
from musicgen.contract.prepared import TrainingSong
from musicgen.errors import Cancelled, MusicgenError
from musicgen.faults import in_words
from musicgen.networks.randomness import unchanged_randomness
from musicgen.runs.jobs import Job
from musicgen.runs.lapse import Lapse, lapse_of
from musicgen.runs.lapse_budget import LapseBudget
from musicgen.runs.lapse_seconds import expected_seconds, remember_seconds
from musicgen.runs.learning import verdicts_on_weights
from musicgen.runs.short_pieces import ShortPieces
from musicgen.runs.versions import versions

if TYPE_CHECKING:
    from musicgen.contract.networks import TrainableNetworks

MAX_FAILURES = 3  # then this training makes no more


class LapseMaker:
    """`after_saving` is called at the end of each epoch whose weights were saved."""

    def __init__(
        self,
        job: Job,
        approach: Approach[Any, Any],
        training: TrainingParameters,
        networks: TrainableNetworks,
        codec: Any,
        songs: Sequence[TrainingSong],
        *,
        budget: LapseBudget | None = None,
    ) -> None:
        self.job, self.approach = job, approach
        self.pieces = ShortPieces(approach, training, networks, codec, songs, job.run["request"])
        self.were_compiled = self.pieces.are_compiled  # by a rehearsal
        self.lapse: Lapse = lapse_of(job.run["id"])
        expected = expected_seconds(approach.key, job.device)
        self.budget = budget or LapseBudget(expected.once_compiled() if self.were_compiled else expected)
        self.failures = 0

    def after_saving(self, row: Mapping[str, Any], seconds_left: float | None) -> float:
        """Make a piece if it fits the budget; returns the seconds that were spent. Raises Cancelled."""
        if self.failures >= MAX_FAILURES or not self.budget.may_begin(seconds_left):
            return 0.0
        before = self.budget.spent
        with self.budget.spending():
            try:
                with unchanged_randomness():
                    self._make(row)
            except Cancelled:
                raise
            except Exception as error:  # whatever it is: the training goes on without the piece
                self._failed(int(row["epoch"]), error)
        return self.budget.spent - before

    def _make(self, row: Mapping[str, Any]) -> None:
        epoch = int(row["epoch"])
        self.job.progress.update(phase="making a short piece")
        made = self.pieces.make(_PieceMonitor(self.job))
        about = {
            "seed": made.seed,
            "loss": row["loss"],
            "val_loss": row["val_loss"],
            "facts": made.facts,
            "reference": None if made.reference is None else asdict(made.reference),
            "generation": self.pieces.generation.model_dump(mode="json"),
            "versions": versions(),
        }

        def write(folder: Path) -> dict[str, Any]:
            clip = _written(made, folder)
            weak = verdicts_on_weights(self.job.run["id"], epoch, medium=self.approach.medium)
            return {**about, "verdicts": weak + self._judged(clip, epoch)}

        self.lapse.publish(epoch, write)
        self.job.log.line(f"Made a short piece after epoch {epoch}.")

    def _judged(self, clip: Clip, epoch: int) -> list[dict[str, Any]]:
        """What is wrong with the piece, as far as that can be told without its songs."""
        from musicgen.evaluation.description import describe_clip

        try:
            found: list[dict[str, Any]] = describe_clip(clip, learned={})["verdicts"]
        except (MusicgenError, ArithmeticError, ValueError) as error:  # it can be heard all the same
            self.job.log.line(f"The short piece after epoch {epoch} could not be checked. {error}")
            return []
        return found

    def _failed(self, epoch: int, error: Exception) -> None:
        self.failures += 1
        told = str(in_words(error) or f"{type(error).__name__}: {str(error)[:300]}")
        more = " No more are made." if self.failures == MAX_FAILURES else ""
        line = f"The short piece after epoch {epoch} could not be made. {told} The training goes on.{more}"
        (self.job.notice if self.failures == 1 else self.job.log.line)(line)

    def remember(self) -> None:
        """Keep what pieces took, for the next training."""
        if not self.failures:
            with suppress(MusicgenError, OSError):  # an estimate for next time must not fail the run
                took = self.budget.took
                remember_seconds(self.approach.key, self.job.device, took, were_compiled=self.were_compiled)


class _PieceMonitor:
    """Implements contract.monitor.Monitor for a piece inside a training."""

    def __init__(self, job: Job) -> None:
        self.job = job

    def progress(self, phase: str, done: int, total: int, **details: float) -> None:
        self.job.progress.update()
        self.job.control.check()

    def so_far(self, make: Callable[[], Any], done: int, total: int) -> None:
        """Nobody listens before it is whole."""

    def epoch_ended(self, row: Any, save: Any) -> None:
        """Never called: a piece has no epochs."""

    def notice(self, text: str) -> None:
        self.job.log.line(text)


def _written(made: Made, folder: Path) -> Clip:
    content = made.content
    return write_audio_clip(folder, content) if isinstance(content, Waveform) else write_score_clip(folder, content)
