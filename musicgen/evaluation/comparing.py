"""Compares two scores, or two sounds. Children only: decodes, renders and computes for seconds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from musicgen.audio.waveform import Waveform
from musicgen.clips import Clip, ensure_audio
from musicgen.contract.prepared import TrainingSong
from musicgen.evaluation import audio, midi, originality
from musicgen.evaluation.degeneracy import learned_from, verdicts
from musicgen.evaluation.description import copies_of, describe_training, longest_seconds, rounded, told_copies
from musicgen.evaluation.given import NOTHING, Given
from musicgen.evaluation.glossary import Medium
from musicgen.evaluation.manners import Manners, manners_of
from musicgen.evaluation.note_events import between_seconds
from musicgen.evaluation.note_passages import note_passages
from musicgen.evaluation.passages import BorrowedPassage
from musicgen.evaluation.sound_passages import sound_passages
from musicgen.evaluation.stretches import Seconds, Stretches, Wish, choose_stretches
from musicgen.symbolic.score import Score

SEARCHED_SECONDS = 240.0  # of each sound, for passages that both have


def compare_scores(
    reference: Clip,
    generated: Clip,
    wish: Wish,
    songs: Sequence[TrainingSong],
    given: Given = NOTHING,
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
    manners = manners_of(songs)
    found["between"] |= {} if manners is None else manners.metrics(second)
    copied = _copied(second, songs, found, given)  # notes in an excerpt keep their times
    passages = [_placed(each, 0.0, 0.0) for each in note_passages(second, one)]
    return copied | {"passages": passages} | _result("midi", stretches, found, songs, given, manners)


def compare_sounds(
    reference: Clip,
    generated: Clip,
    wish: Wish,
    songs: Sequence[TrainingSong],
    given: Given = NOTHING,
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
    led = max(given.led_seconds - stretches.generated[0], 0.0)
    copied = _copied(other, songs, found, replace(given, led_seconds=led))
    searched = (each.between(0, round(SEARCHED_SECONDS * each.sample_rate)) for each in (other, one))
    passages = [_placed(each, stretches.generated[0], stretches.reference[0]) for each in sound_passages(*searched)]
    return copied | {"passages": passages} | _result("audio", stretches, found, songs, given)


def _placed(passage: BorrowedPassage, here: float, there: float) -> dict[str, Any]:
    """As JSON, with seconds of the whole clips: the excerpts begin at `here` and `there`."""
    document = passage.to_json()
    moved = {name: round(document[name] + here, 3) for name in ("start", "stop")}
    moved |= {name: round(document[name] + there, 3) for name in ("song_start", "song_stop")}
    return {name: value for name, value in (document | moved).items() if name not in ("song", "song_id")}


def _copied(
    generated: Score | Waveform,
    songs: Sequence[TrainingSong],
    found: dict[str, dict[str, float]],
    given: Given,
) -> dict[str, Any]:
    """What it copies from the training songs: the metrics go into `found`, the places into the result."""
    copies = copies_of(generated, songs, given)
    if copies is None:
        return {}
    found["between"] |= copies.metrics()
    return {"training": told_copies(copies, made_of_songs=given.made_of_songs)}


def _cut(score: Score, stretch: Seconds) -> Score:
    return between_seconds(score, *stretch)


def _result(
    medium: Medium,
    stretches: Stretches,
    found: dict[str, dict[str, float]],
    songs: Sequence[TrainingSong],
    given: Given,
    manners: Manners | None = None,
) -> dict[str, Any]:
    trained_on = describe_training(songs, medium)
    if manners is not None:
        trained_on |= manners.learned()
    judged = verdicts(
        medium,
        found["generated"] | found["between"],
        trained_on or learned_from([found["reference"]]),
        is_trained_on=bool(trained_on),
        made_of_songs=given.made_of_songs,
    )
    return {
        "medium": medium,
        "stretch": stretches.to_json(),
        **{part: rounded(metrics) for part, metrics in found.items()},
        "verdicts": [verdict.to_json() for verdict in judged],
    }
