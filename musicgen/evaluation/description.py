"""Metrics and verdicts of one clip: what can be said about an output without a reference. Children only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from musicgen.audio.wav import wav_info
from musicgen.audio.waveform import Waveform
from musicgen.clips import Clip
from musicgen.contract.prepared import TrainingSong
from musicgen.evaluation import audio, midi
from musicgen.evaluation.borrowing_words import MADE_OF_SONGS
from musicgen.evaluation.degeneracy import learned_from, verdicts
from musicgen.evaluation.given import NOTHING, Given
from musicgen.evaluation.glossary import Medium
from musicgen.evaluation.manners import Manners, manners_of
from musicgen.evaluation.note_copies import Copies, find_copies, score_of
from musicgen.evaluation.sound_copies import SoundCopies, find_sound_copies
from musicgen.symbolic.score import Score

LISTENED_SECONDS = 60.0  # measured of each training song, for the limits
LISTENED_SONGS = 4
READ_SONGS = 500  # scores are read in milliseconds
MAX_FRAMES = 30_000_000  # samples measured of each channel: 11 minutes at 44.1 kHz, 240 MB in stereo


def describe_clip(
    clip: Clip,
    *,
    training_clips: Sequence[Clip | TrainingSong] = (),
    learned: Mapping[str, float] | None = None,
    manners: Manners | None = None,
    given: Given = NOTHING,
) -> dict[str, Any]:
    """{medium, metrics, verdicts, copied} of a clip; with training songs, judged against them.

    Args:
        learned, manners: `describe_training` and `manners_of` of the songs, for a caller with many clips to describe.
        given: what the songs gave it on purpose; `copied` says so where it is made of their sound.

    Returns:
        JSON. `copied`: how much of it comes from which song, and where; None without songs, or if they led all of it.

    Raises InvalidInput if there is nothing to measure, CorruptArtifact if files are missing.
    """
    medium: Medium = "midi" if clip.medium == "midi" else "audio"
    songs = as_training_songs(training_clips)
    content = clip.score() if medium == "midi" else clip.waveform(0.0, longest_seconds(clip))
    metrics = midi.describe(content) if isinstance(content, Score) else audio.describe(content)
    copies = copies_of(content, songs, given)
    if copies is not None:
        metrics |= copies.metrics()
    if learned is None:
        learned, manners = describe_training(songs, medium), manners_of(songs)
    if manners is not None and isinstance(content, Score):
        metrics |= manners.metrics(content)
        learned = {**learned, **manners.learned()}
    return {
        "medium": medium,
        "metrics": rounded(metrics),
        "verdicts": [
            verdict.to_json() for verdict in verdicts(medium, metrics, learned, made_of_songs=given.made_of_songs)
        ],
        "copied": copies and told_copies(copies, made_of_songs=given.made_of_songs),
    }


def copies_of(
    content: Score | Waveform, songs: Sequence[TrainingSong], given: Given = NOTHING
) -> Copies | SoundCopies | None:
    """What it copies from songs of its medium, beside what they gave it; None without songs, or if they led all."""
    medium = "midi" if isinstance(content, Score) else "audio"
    known = [song for song in songs if song.clip.medium == medium]
    if not known or given.is_all_of(content.seconds):
        return None
    if isinstance(content, Score):
        return find_copies(given.own(content), known)
    return find_sound_copies(content, known, start_seconds=given.led_seconds)


def told_copies(copies: Copies | SoundCopies, *, made_of_songs: bool) -> dict[str, Any]:
    """Copies as JSON; of a piece that is made of its songs, they are said to be no fault."""
    document = copies.to_json()
    if made_of_songs:
        document |= {"made_of_songs": True, "text": f"{MADE_OF_SONGS} {document['text']}"}
    return document


def as_training_songs(clips: Sequence[Clip | TrainingSong]) -> list[TrainingSong]:
    """Clips without a name get one from their folder."""
    return [
        song if isinstance(song, TrainingSong) else TrainingSong(song.folder.name, song.folder.name, song)
        for song in clips
    ]


def describe_training(songs: Sequence[TrainingSong], medium: Medium) -> dict[str, float]:
    """The metrics of the training songs: the most extreme value of each; the mean of the levels."""
    known = [song for song in songs if song.clip.medium == medium]
    if medium == "midi":
        return learned_from(midi.describe(score_of(song)) for song in known[:READ_SONGS])
    found = learned_from(
        audio.describe(song.clip.waveform(0.0, min(LISTENED_SECONDS, longest_seconds(song.clip))))
        for song in known[:LISTENED_SONGS]
    )
    levels = [float(song.clip.facts["rms_db"]) for song in known]
    return found | ({"rms_db": sum(levels) / len(levels)} if levels else {})


def longest_seconds(*clips: Clip) -> float:
    """How many seconds of these sounds are measured at most; `MAX_FRAMES` bounds the memory."""
    return min(MAX_FRAMES / wav_info(clip.audio_path).sample_rate for clip in clips)


def rounded(metrics: Mapping[str, float]) -> dict[str, float]:
    """Rounded to six decimals, more than any metric is worth; whole numbers stay whole."""
    return {key: value if isinstance(value, int) else round(value, 6) + 0.0 for key, value in metrics.items()}
