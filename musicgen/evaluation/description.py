"""One clip in numbers, with verdicts: what a worker can say about an output without a reference. Children only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from musicgen.approaches.base import TrainingSong
from musicgen.audio.wav import wav_info
from musicgen.clips import Clip
from musicgen.evaluation import audio, midi, originality
from musicgen.evaluation.degeneracy import verdicts
from musicgen.evaluation.glossary import Medium
from musicgen.symbolic.score import Score

LISTENED_SECONDS = 60.0  # of each training song, to know how music of this kind measures
LISTENED_SONGS = 4
MAX_FRAMES = 30_000_000  # samples of each channel that are measured: 11 minutes at 44.1 kHz, 240 MB in stereo


@dataclass(frozen=True)
class Copies:
    """What of a score stands in the songs it was learned from, for the JSON of a comparison."""

    longest: originality.Passage
    share: float
    name: str
    num_songs: int

    def metrics(self) -> dict[str, float]:
        return {
            "longest_copied_notes_training": self.longest.num_events,
            "copied_ngram_share_training": self.share,
        }

    def to_json(self) -> dict[str, Any]:
        """Where the longest passage is: song, seconds there and seconds in the generated score."""
        return {
            "num_songs": self.num_songs,
            "text": self._text(),
            "longest_copied_notes_song": self.name,
            "longest_copied_notes_song_seconds": self.longest.song_seconds,
            "longest_copied_notes_generated_seconds": self.longest.generated_seconds,
        }

    def _text(self) -> str:
        if not self.longest.num_events:
            return f"Nothing in it stands in the {self.num_songs} training songs."
        return (
            f"The longest passage that stands in a training song has {self.longest.num_events} notes or chords: "
            f"at {self.longest.generated_seconds:.1f} s here, at {self.longest.song_seconds:.1f} s of “{self.name}”."
        )


def describe_clip(
    clip: Clip,
    *,
    training_clips: Sequence[Clip | TrainingSong] = (),
    learned: Mapping[str, float] | None = None,
) -> dict[str, Any]:
    """{medium, metrics, verdicts} of a clip; with training songs, measured against them.

    Args:
        learned: `describe_training` of the songs, for a caller that has many clips to describe.

    Raises InvalidInput where there is nothing to measure, CorruptArtifact where files are missing.
    """
    medium: Medium = "midi" if clip.medium == "midi" else "audio"
    songs = as_training_songs(training_clips)
    metrics: dict[str, float]
    if medium == "midi":
        score = clip.score()
        metrics = midi.describe(score)
        if songs:
            metrics |= find_copies(score, songs).metrics()
    else:
        metrics = audio.describe(clip.waveform(0.0, longest_seconds(clip)))
    if learned is None:
        learned = describe_training(songs, medium)
    return {
        "medium": medium,
        "metrics": rounded(metrics),
        "verdicts": [verdict.to_json() for verdict in verdicts(medium, metrics, learned)],
    }


def as_training_songs(clips: Sequence[Clip | TrainingSong]) -> list[TrainingSong]:
    """Clips without a name get one from their folder."""
    return [
        song if isinstance(song, TrainingSong) else TrainingSong(song.folder.name, song.folder.name, song)
        for song in clips
    ]


def score_of(song: TrainingSong) -> Score:
    """The notes that were learned from: of the chosen tracks only."""
    score = song.clip.score()
    return score if song.tracks is None else score.only_tracks(song.tracks)


def find_copies(generated: Score, songs: Sequence[TrainingSong]) -> Copies:
    """The longest passage and the share of eight-note passages that stand in any of the training songs."""
    scores = [score_of(song) for song in songs]
    longest = originality.longest_copied_passage(scores, generated)
    name = songs[longest.song].name if longest.num_events else ""
    return Copies(longest, originality.copied_ngram_share(scores, generated), name, len(songs))


def describe_training(songs: Sequence[TrainingSong], medium: Medium) -> dict[str, float]:
    """The metrics of the music that was learned from: the largest of each over some songs; of the levels the mean."""
    known = [song for song in songs if song.clip.medium == medium]
    if medium == "midi":
        described = [midi.describe(score_of(song)) for song in known]
    else:
        described = [
            audio.describe(song.clip.waveform(0.0, min(LISTENED_SECONDS, longest_seconds(song.clip))))
            for song in known[:LISTENED_SONGS]
        ]
    if not described:
        return {}
    highest = {key: max(metrics[key] for metrics in described) for key in described[0]}
    levels = [float(song.clip.facts["rms_db"]) for song in known] if medium == "audio" else []
    return highest | ({"rms_db": sum(levels) / len(levels)} if levels else {})


def longest_seconds(*clips: Clip) -> float:
    """How much of these sounds is measured at most; `MAX_FRAMES` bounds the memory."""
    return min(MAX_FRAMES / wav_info(clip.audio_path).sample_rate for clip in clips)


def rounded(metrics: Mapping[str, float]) -> dict[str, float]:
    """Six digits behind the point are more than any of them means; whole numbers stay whole."""
    return {key: value if isinstance(value, int) else round(value, 6) + 0.0 for key, value in metrics.items()}
