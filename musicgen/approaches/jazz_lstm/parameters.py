"""The parameters of JazzLSTM: how it trains and what it generates."""

from __future__ import annotations

from typing import Literal

from pydantic import model_validator

from musicgen.contract.applicability import Other
from musicgen.contract.parameters import Parameters, parameter
from musicgen.contract.searching import Between
from musicgen.contract.shared_parameters import (
    Schedule,
    batch_size,
    dropout,
    embedding,
    epochs,
    greedy,
    learning_rate,
    length,
    num_layers,
    sequence_length,
    temperature,
    tempo,
    top_k,
    top_p,
    units,
    validation_share,
)


class Training(Schedule):
    melody_track: int | None = parameter(
        None, ge=0, le=10_000, widget="track", title="Melody track",
        help="The track whose melody is learned, counted from 0. Empty: the track that is most like a melody.",
    )  # fmt: skip
    chord_track: int | None = parameter(
        None, ge=0, le=10_000, widget="track", title="Chord track",
        help="The track whose chords accompany the melody, counted from 0. Empty: the track with the most chords; if "
        "there is none, chords are gathered from all other tracks.",
    )  # fmt: skip
    first_beat: float | None = parameter(
        None, ge=0, le=1e6, unit="beats", title="Solo start",
        help="Where the solo starts; measures are counted from here. Empty: where melody and chords play together.",
    )  # fmt: skip
    last_beat: float | None = parameter(
        None, ge=0, le=1e6, unit="beats", title="Solo end",
        help="Where the solo ends. Empty: where melody and chords stop playing together.",
    )  # fmt: skip
    sequence_length: int = sequence_length(32, ge=2, unit="tokens")
    num_windows: int = parameter(
        0, ge=0, le=100_000, title="Random windows",
        help="How many windows to choose at random from the music, as the authors did (60). 0 uses all of the music.",
    )  # fmt: skip
    epochs: int = epochs(100)
    units: int = units(64)
    learning_rate: float = learning_rate(0.01)
    batch_size: int = batch_size(32)
    dropout: float = dropout(0.0)
    rests: bool = parameter(
        True, title="Rests", help="Rests are words of their own (R), so that phrases breathe. Off: it hardly pauses."
    )
    exact_measures: bool = parameter(
        True, title="Exact measures",
        help="One note at a time, and the notes and rests of each measure fill it exactly, so the rhythm is that of "
        "the song. Off, as in the authors' code: only note lengths are learned, and notes crowd together.",
    )  # fmt: skip
    hear_place: bool = parameter(
        True, title="Position in the measure",
        help="Condition the network on where each note starts in the measure and in the four-measure phrase. Off: "
        "accents wander.",
    )  # fmt: skip
    link_measures: bool = parameter(
        True, title="Link measures",
        help="The first note of a measure continues from the note before. Off, as in the authors' code: each measure "
        "starts anywhere, and the line breaks at every barline.",
    )  # fmt: skip
    share_parts: bool = parameter(
        True, title="Words share their parts",
        help="A word is represented by its kind, its length and its interval, so that what is learned of one word "
        "helps all similar words. Off, as in the authors' code: every word is learned separately, and a short solo is "
        "too little for that.",
    )  # fmt: skip
    decay: float = parameter(
        0.0, ge=0, le=10, advanced=True, title="Learning-rate decay",
        help="After n steps the learning rate is divided by 1 + decay · n. The authors used 0.01.",
    )  # fmt: skip
    interval_names: Literal["plain", "written"] = parameter(
        "plain", advanced=True, title="Interval names",
        help="written, as in the authors' code: named as the notes would be spelled, so one distance can have several "
        "names. plain: one name for each distance, so there is less to learn and phrases fit more chords.",
    )  # fmt: skip
    line: Literal["top", "single"] = parameter(
        "top", advanced=True, title="Melody notes",
        help="top: the highest note at each moment. single: only notes that sound alone, as in the authors' code.",
    )  # fmt: skip
    grid: Literal["swing", "straight", "triplets"] = parameter(
        "swing", advanced=True, title="Rhythm grid",
        help="What times are rounded to: swing to quarters or thirds of a beat, straight to quarters, triplets to "
        "thirds.",
    )  # fmt: skip
    stretches: Literal["all", "longest"] = parameter(
        "all", advanced=True, title="Passages",
        help="Without a solo start or end: learn from all passages in which melody and chords play together, or only "
        "from the longest.",
    )  # fmt: skip
    window_seed: int = parameter(
        0, ge=0, lt=2**31, advanced=True, title="Seed of the windows",
        help="With random windows: another seed chooses other windows.",
        applies_when={"num_windows": Other(0)},
    )  # fmt: skip
    window_step: int = parameter(
        8, ge=1, le=2048, unit="tokens", advanced=True, title="Window spacing",
        help="Without random windows: the distance from the start of one window to the next. A smaller distance shows "
        "the same notes more often in an epoch.",
        applies_when={"num_windows": 0},
    )  # fmt: skip
    num_layers: int = num_layers(1, advanced=True)
    embedding: int = embedding(0, more="0: one-hot vectors, as in the authors' code.")
    smoothing: float = parameter(
        0.0, ge=0, lt=1, advanced=True, title="Label smoothing", search=Between(0, 0.4),
        help="How much probability is spread over the other words in training: the network is bolder afterwards and "
        "recites less.",
    )  # fmt: skip
    validation_share: float = validation_share(0.15, part="whole songs or the last measures")

    @model_validator(mode="after")
    def _beats_in_order(self) -> Training:
        if self.first_beat is not None and self.last_beat is not None and self.last_beat <= self.first_beat:
            raise ValueError(
                "the solo ends after it starts, not with "
                f"first_beat = {self.first_beat:g} and last_beat = {self.last_beat:g}"
            )
        return self


class Generation(Parameters):
    temperature: float = temperature(applies_when={"greedy": False})
    choruses: int = parameter(
        1,
        ge=1,
        le=32,
        title="Choruses",
        help="How many times to play through the chords of the song.",
        applies_when={"measures": "fitted", "num_measures": 0},
    )
    num_measures: int = length(
        0, ge=0, le=2000, unit="measures", more="0: whole choruses.", applies_when={"measures": "fitted"}
    )
    tempo: float | None = tempo()
    accompaniment: bool = parameter(
        False, title="Bass and drums", help="Keep the other tracks of the song as an accompaniment."
    )
    nearness: float | None = parameter(
        1.0, ge=0, le=24, unit="semitones", title="Pitch spread",
        help="A word allows several pitches. One this far from the middle of them is chosen half as often. Small "
        "values follow the steps of the song. Empty, as in the authors' code: any pitch, with wide leaps.",
    )  # fmt: skip
    harmony_fit: float = parameter(
        1.0, ge=0, le=4, title="Fit to the harmony",
        help="How strongly to prefer, among the pitches that a word allows, those that the songs' melodies use over "
        "such a chord, after such a note and in their key. 0, as in the authors' code: all alike, so more notes clash.",
    )  # fmt: skip
    max_tries: int = parameter(
        4, ge=1, le=32, title="Tries",
        help="How many times at most to try again when a melody recites the songs or stays on one note.",
        applies_when={"measures": "fitted", "greedy": False},
    )  # fmt: skip
    greedy: bool = greedy()
    top_k: int = top_k(advanced=True, applies_when={"greedy": False})
    top_p: float = top_p(advanced=True, applies_when={"greedy": False})
    measures: Literal["fitted", "overlapping"] = parameter(
        "fitted", advanced=True, title="Phrasing",
        help="fitted: every chord set gets one measure of melody, and no note crosses into the next. overlapping, as "
        "in the authors' code: the first third of the chord sets get a phrase of 12 to 22 beats each, and these all "
        "sound at once.",
    )  # fmt: skip
    steps_per_set: int = parameter(
        50, ge=1, le=1000, unit="tokens", advanced=True, title="Steps per chord set",
        help="With overlapping phrases: how many notes and rests to generate for each chord set.",
        applies_when={"measures": "overlapping"},
    )  # fmt: skip
    begin_with_note: bool = parameter(
        True, advanced=True, title="Begin with a note",
        help="With fitted phrases: no measure starts with a rest before its first note.",
        applies_when={"measures": "fitted"},
    )  # fmt: skip
    round_durations: bool = parameter(
        False, advanced=True, title="Round lengths at random",
        help="Round each length to a quarter of a beat, up or down at random, as in the authors' code. It takes the "
        "swing out.",
    )  # fmt: skip
    chord_tones_only: bool = parameter(
        False, advanced=True, title="Approach tones as chord tones",
        help="Approach tones and foreign tones become chord tones, as in the authors' code: smoother and blander.",
    )  # fmt: skip
    drop_repeats: bool = parameter(
        False, advanced=True, title="Leave out repeated notes",
        help="The second of two equal notes in a row is left out, pair by pair, as in the authors' code.",
    )  # fmt: skip
