"""Compares two scores, or two sounds. Children only: decodes, renders and computes for seconds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from musicgen.audio.waveform import Waveform
from musicgen.clips import Clip, ensure_audio
from musicgen.contract.prepared import TrainingSong
from musicgen.evaluation import audio, midi, originality
from musicgen.evaluation.degeneracy import learned_from, verdicts
from musicgen.evaluation.description import copies_of, describe_training, longest_seconds, rounded
from musicgen.evaluation.glossary import Medium
from musicgen.evaluation.note_events import between_seconds
from musicgen.evaluation.stretches import Seconds, Stretches, Wish, choose_stretches
from musicgen.symbolic.score import Score


def compare_scores(
    reference: Clip, generated: Clip, wish: Wish, songs: Sequence[TrainingSong], *, led_seconds: float = 0.0
) -> dict[str, Any]:
    """Two scores. Counts and shares cover the excerpts; copies are searched for in the whole reference."""
    one, other = reference.score(), generated.score()
    stretches = choose_stretches(wish, reference.seconds, generated.seconds, is_sound=False)
    if stretches.kind == "whole":
        first, second = one, other
        found = midi.evaluate(one, other)
    else:
        first, second = _cut(one, stretches.reference), _cut(other, stretches.generated)
        lengths = [stop - start for start, stop in (stretches.reference, stretches.generated)]
        found = midi.evaluate(first, second, reference_seconds=lengths[0], generated_seconds=lengths[1])
    found["between"] |= originality.evaluate(one, second)
    copied = _copied(second, songs, found, led_seconds)  # notes in an excerpt keep their times
    return copied | _result("midi", stretches, found, songs)


def compare_sounds(
    reference: Clip, generated: Clip, wish: Wish, songs: Sequence[TrainingSong], *, led_seconds: float = 0.0
) -> dict[str, Any]:
    """Two sounds; scores are rendered. Of very long excerpts, only as much is measured as memory allows."""
    for clip in (reference, generated):
        if not clip.has_audio:
            ensure_audio(clip)
    stretches = choose_stretches(
        wish, reference.seconds, generated.seconds, is_sound=True, longest=longest_seconds(reference, generated)
    )
    one, other = reference.waveform(*stretches.reference), generated.waveform(*stretches.generated)
    found = audio.evaluate(one, other)
    copied = _copied(other, songs, found, max(led_seconds - stretches.generated[0], 0.0))
    return copied | _result("audio", stretches, found, songs)


def _copied(
    generated: Score | Waveform, songs: Sequence[TrainingSong], found: dict[str, dict[str, float]], led_seconds: float
) -> dict[str, Any]:
    """What it copies from the training songs: the metrics go into `found`, the places into the result."""
    copies = copies_of(generated, songs, led_seconds)
    if copies is None:
        return {}
    found["between"] |= copies.metrics()
    return {"training": copies.to_json()}


def _cut(score: Score, stretch: Seconds) -> Score:
    return between_seconds(score, *stretch)


def _result(
    medium: Medium, stretches: Stretches, found: dict[str, dict[str, float]], songs: Sequence[TrainingSong]
) -> dict[str, Any]:
    learned = describe_training(songs, medium) or learned_from([found["reference"]])
    judged = verdicts(medium, found["generated"] | found["between"], learned)
    return {
        "medium": medium,
        "stretch": stretches.to_json(),
        **{part: rounded(metrics) for part, metrics in found.items()},
        "verdicts": [verdict.to_json() for verdict in judged],
    }
