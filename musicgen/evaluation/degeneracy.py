"""Verdicts: what is wrong with an output, why, and what to do about it, from its metrics alone.

Each rule compares one metric with a limit. Where the music that was learned from already goes further (a drone, a
techno loop, a quiet piece), its own value is the limit: a network is not blamed for what it was taught. Light: pages
import it. The limits are those that the project's own presets are held to.

Verdicts
    silent      nothing is heard                     clipped     cut off at full scale
    faint       far below the level of the songs     loud        far above it
    looping     the same stretch over and over       stuck       the same note or chord over and over
    monotonous  one note or chord dominates          copied      large parts stand in the training songs
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from musicgen.evaluation.glossary import Medium

SILENT_PEAK_DB = -60.0
SILENT_SHARE = 0.95
CLIPPED_SHARE = 0.001
LEVEL_DB = 12.0
LOOP = 0.9
RUN = 8
TOP_SHARE = 0.35
COPIED_SHARE = 0.5


@dataclass(frozen=True)
class Remedy:
    """What to do, in words and as one click.

    Attributes:
        text: a sentence for people.
        action: `generate` again or `train` on, with changed parameters; `songs`: bring other music.
        factors: parameter → factor to multiply its value by, where the approach has such a parameter.
    """

    text: str
    action: Literal["generate", "train", "songs"]
    factors: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Verdict:
    """One thing that is wrong.

    Attributes:
        code: a stable word, see the module. title: for a badge.
        metric, value, limit: the evidence. cause: one sentence, the likely one.
    """

    code: str
    title: str
    metric: str
    value: float
    limit: float
    cause: str
    remedies: tuple[Remedy, ...]

    def to_json(self) -> dict[str, Any]:
        """JSON for the sidecar and the command line."""
        return asdict(self) | {"remedies": [asdict(remedy) for remedy in self.remedies]}


_WARMER = Remedy("Generate again with a higher temperature.", "generate", {"temperature": 1.25})
_COOLER = Remedy("Generate again with a lower temperature.", "generate", {"temperature": 0.8})
_LONGER = Remedy("Train for more epochs.", "train", {"epochs": 2.0})
_SLOWER = Remedy("Train on with a lower learning rate.", "train", {"learning_rate": 0.3})
_LOOK_BACK = Remedy(
    "Train with a longer look-back, so that the network hears more than an instant.", "train", {"look_back": 4.0}
)
_MORE_SONGS = Remedy("Train on more songs, so that there is more to choose from than to repeat.", "songs")
_DROPOUT = Remedy("Train with more dropout, so that less is learned by heart.", "train", {"dropout": 1.5})

Metrics = Mapping[str, float]
_Rule = Callable[[Metrics, Metrics], Verdict | None]


def verdicts(medium: Medium, metrics: Metrics, learned: Metrics | None = None) -> list[Verdict]:
    """What is wrong with a piece; the gravest first, nothing where it is sound.

    Args:
        metrics: `describe` of the piece, and for MIDI `copied_ngram_share_training` where it is known.
        learned: the same metrics of the music it was learned from (or is compared with); limits rise to its values.
    """
    if medium == "midi" and not metrics["num_notes"]:
        return [_no_notes()]
    rules = _AUDIO_RULES if medium == "audio" else _MIDI_RULES
    found = [verdict for rule in rules if (verdict := rule(metrics, learned or {})) is not None]
    return found[:1] if found and found[0].code == "silent" else found


def possible_remedies(verdict: Verdict, training: Collection[str], generation: Collection[str]) -> list[Remedy]:
    """The remedies that an approach with these parameters offers (names of its two parameter models' fields)."""
    offered = {"train": training, "generate": generation, "songs": ()}
    return [remedy for remedy in verdict.remedies if all(name in offered[remedy.action] for name in remedy.factors)]


def _no_notes() -> Verdict:
    cause = "The network wrote no notes: only pauses, or tokens that mean none."
    return Verdict("silent", "No notes", "num_notes", 0, 1, cause, (_WARMER, _LONGER))


def _silent(metrics: Metrics, learned: Metrics) -> Verdict | None:
    cause = (
        "A network that is trained on squared errors settles on the mean of all it heard, and the mean of sound is "
        "silence; fed with its own output it gets there sooner."
    )
    remedies = (_LONGER, _LOOK_BACK, _WARMER)
    if metrics["peak_db"] < SILENT_PEAK_DB:
        return Verdict("silent", "Silent", "peak_db", metrics["peak_db"], SILENT_PEAK_DB, cause, remedies)
    limit = max(SILENT_SHARE, learned.get("silence_share", 0.0))
    if metrics["silence_share"] > limit:
        return Verdict("silent", "Almost silent", "silence_share", metrics["silence_share"], limit, cause, remedies)
    return None


def _faint(metrics: Metrics, learned: Metrics) -> Verdict | None:
    if "rms_db" not in learned or metrics["rms_db"] >= learned["rms_db"] - LEVEL_DB:
        return None
    cause = "The level has collapsed towards the mean: the network is unsure, and small values cost it least."
    limit = learned["rms_db"] - LEVEL_DB
    return Verdict("faint", "Faint", "rms_db", metrics["rms_db"], limit, cause, (_LONGER, _WARMER))


def _loud(metrics: Metrics, learned: Metrics) -> Verdict | None:
    known = learned.get("rms_db", 0.0)
    if known < SILENT_PEAK_DB or metrics["rms_db"] <= known + LEVEL_DB:
        return None  # beside silence everything would be loud
    cause = "The level has run away: each sample is predicted a little larger than the last one."
    return Verdict("loud", "Too loud", "rms_db", metrics["rms_db"], known + LEVEL_DB, cause, (_SLOWER, _COOLER))


def _clipped(metrics: Metrics, learned: Metrics) -> Verdict | None:
    limit = max(CLIPPED_SHARE, learned.get("clipping_share", 0.0))
    if metrics["clipping_share"] <= limit:
        return None
    cause = "The network predicts beyond full scale, where the sound is cut off; that is heard as distortion."
    value = metrics["clipping_share"]
    return Verdict("clipped", "Clipped", "clipping_share", value, limit, cause, (_SLOWER, _COOLER))


def _sound_loops(metrics: Metrics, learned: Metrics) -> Verdict | None:
    limit = max(LOOP, learned.get("loop_correlation", 0.0))
    if metrics["loop_correlation"] <= limit:
        return None
    cause = f"The same {metrics['loop_seconds']:.2f} s repeat: fed with its own output, the network fell into a cycle."
    remedies = (_WARMER, _LOOK_BACK, _LONGER)
    return Verdict("looping", "Looping", "loop_correlation", metrics["loop_correlation"], limit, cause, remedies)


def _notes_loop(metrics: Metrics, learned: Metrics) -> Verdict | None:
    limit = max(LOOP, learned.get("loop_share", 0.0))
    if metrics["loop_share"] <= limit or metrics["longest_run"] > RUN:
        return None  # a run of one note is the shortest loop, and has a verdict of its own
    cause = "The same figure repeats: the network takes the likeliest way each time, and that way leads in a circle."
    return Verdict("looping", "Looping", "loop_share", metrics["loop_share"], limit, cause, (_WARMER, _LONGER))


def _stuck(metrics: Metrics, learned: Metrics) -> Verdict | None:
    limit = max(RUN, learned.get("longest_run", 0))
    if metrics["longest_run"] <= limit:
        return None
    cause = (
        f"The same note or chord comes {metrics['longest_run']:.0f} times in a row: after itself it is the likeliest, "
        "and a low temperature takes no other."
    )
    return Verdict("stuck", "Stuck", "longest_run", metrics["longest_run"], limit, cause, (_WARMER, _LONGER))


def _monotonous(metrics: Metrics, learned: Metrics) -> Verdict | None:
    limit = max(TOP_SHARE, learned.get("top_note_share", 0.0))
    if metrics["top_note_share"] <= limit:
        return None
    value = metrics["top_note_share"]
    cause = f"One note or chord makes up {value:.0%}: the network has learned what is frequent, not what follows."
    return Verdict("monotonous", "Monotonous", "top_note_share", value, limit, cause, (_WARMER, _LONGER))


def _copied(metrics: Metrics, learned: Metrics) -> Verdict | None:
    value = metrics.get("copied_ngram_share_training", 0.0)
    if value <= COPIED_SHARE:
        return None
    cause = f"{value:.0%} of the passages of eight notes stand in the training songs: the network recites them."
    remedies = (_WARMER, _MORE_SONGS, _DROPOUT)
    return Verdict("copied", "Copied", "copied_ngram_share_training", value, COPIED_SHARE, cause, remedies)


_AUDIO_RULES: tuple[_Rule, ...] = (_silent, _faint, _loud, _clipped, _sound_loops)
_MIDI_RULES: tuple[_Rule, ...] = (_stuck, _notes_loop, _monotonous, _copied)
