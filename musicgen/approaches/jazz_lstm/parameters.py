"""What can be set: how JazzLSTM trains, and what it makes."""

from __future__ import annotations

from typing import Literal

from pydantic import model_validator

from musicgen.contract.parameters import Parameters, parameter
from musicgen.contract.shared_parameters import Schedule, learning_rate


class Training(Schedule):
    melody_track: int | None = parameter(
        None, ge=0, le=10_000, widget="track", title="Melody track",
        help="The track whose melody is learned, counted from 0. Empty: the one that is most a melody.",
    )  # fmt: skip
    chord_track: int | None = parameter(
        None, ge=0, le=10_000, widget="track", title="Chord track",
        help="The track whose chords are played under it, counted from 0. Empty: the one with most chords, else chords "
        "are gathered from all other tracks.",
    )  # fmt: skip
    first_beat: float | None = parameter(
        None, ge=0, le=1e6, unit="beats", title="From beat",
        help="Where the solo begins; measures are counted from here. Empty: where melody and chords play together.",
    )  # fmt: skip
    last_beat: float | None = parameter(
        None, ge=0, le=1e6, unit="beats", title="To beat", help="Where the solo ends; empty: as far as both play."
    )
    sequence_length: int = parameter(
        32, ge=2, le=2048, unit="tokens", title="Window length",
        help="How many notes the network is shown at a time. Longer ones teach longer phrases.",
    )  # fmt: skip
    num_windows: int = parameter(
        0, ge=0, le=100_000, title="Windows",
        help="How many windows are drawn at random from the music, as the authors did (60). 0 uses all of it.",
    )  # fmt: skip
    epochs: int = parameter(100, ge=1, le=10_000, title="Epochs", help="How often the windows are gone through.")
    units: int = parameter(
        64, ge=1, le=4096, title="LSTM units",
        help="Size of the memory. A larger one learns finer habits, or the solo by heart.",
    )  # fmt: skip
    learning_rate: float = learning_rate(0.01)
    batch_size: int = parameter(
        32, ge=1, le=65_536, title="Batch size", help="Windows per step. Smaller ones learn in more, rougher steps."
    )
    dropout: float = parameter(
        0.0, ge=0, lt=1, title="Dropout",
        help="Share of the signals that are left out at random while learning. More keeps a short solo from being "
        "learned by heart.",
    )  # fmt: skip
    rests: bool = parameter(
        True, title="Rests",
        help="Silences are words of their own (R), so that phrases breathe. Without, the melody hardly pauses.",
    )  # fmt: skip
    exact_measures: bool = parameter(
        True, title="Exact measures",
        help="One note at a time, and notes and rests of a measure add up to it, so that the rhythm is that of the "
        "song. Without, only the length of each note is learned, as the authors did, and notes crowd together.",
    )  # fmt: skip
    hear_place: bool = parameter(
        True, title="Hear the beat",
        help="The network is told where in the measure and in the phrase of four measures each note begins. Without, "
        "accents wander.",
    )  # fmt: skip
    link_measures: bool = parameter(
        True, title="Link measures",
        help="The first note of a measure goes on from the note before. Without, each measure begins anywhere, as with "
        "the authors, and the line breaks at every barline.",
    )  # fmt: skip
    share_parts: bool = parameter(
        True, title="Words share their parts",
        help="A word is seen as its kind, its length and its step, so that what was learned of one helps all that are "
        "like it. Without, each word is a thing of its own, as with the authors, which a short solo cannot teach.",
    )  # fmt: skip
    decay: float = parameter(
        0.0, ge=0, le=10, advanced=True, title="Learning-rate decay",
        help="After n steps the learning rate is divided by 1 + decay · n; it ends finer. The authors had 0.01.",
    )  # fmt: skip
    interval_names: Literal["plain", "written"] = parameter(
        "plain", advanced=True, title="Interval names",
        help="written: as the notes would be spelled, so that one distance has several names, as with the authors. "
        "plain: one name for each distance, so that there is less to learn and phrases fit more chords.",
    )  # fmt: skip
    line: Literal["top", "single"] = parameter(
        "top", advanced=True, title="Melody notes",
        help="top: the highest note of each moment. single: only notes that sound alone, as the authors took them.",
    )  # fmt: skip
    grid: Literal["swing", "straight", "triplets"] = parameter(
        "swing", advanced=True, title="Grid",
        help="To what times are rounded: swing to quarters or thirds of a beat, straight to quarters, triplets to "
        "thirds.",
    )  # fmt: skip
    stretches: Literal["all", "longest"] = parameter(
        "all", advanced=True, title="Stretches",
        help="Without beats of your own: all stretches in which melody and chords play together, or the longest alone.",
    )  # fmt: skip
    window_seed: int = parameter(
        0, ge=0, lt=2**31, advanced=True, title="Seed of the windows", help="Which windows are drawn, where some are."
    )
    window_step: int = parameter(
        8, ge=1, le=2048, unit="tokens", advanced=True, title="Window step",
        help="Without drawn windows: how far apart they begin. Smaller shows the same notes more often in an epoch.",
    )  # fmt: skip
    num_layers: int = parameter(1, ge=1, le=8, advanced=True, title="LSTM layers", help="Memories above each other.")
    embedding: int = parameter(
        0, ge=0, le=2048, advanced=True, title="Embedding",
        help="Width of the learned vector that stands for each word; 0 for one-hot words, as the authors had them.",
    )  # fmt: skip
    smoothing: float = parameter(
        0.0, ge=0, lt=1, advanced=True, title="Label smoothing",
        help="How much doubt is kept about every word: it dares more afterwards, and recites less.",
    )  # fmt: skip
    validation_share: float = parameter(
        0.15, ge=0, le=0.5, advanced=True, title="Held-out share",
        help="How much of the music, whole songs or the last measures, is never learned from and only checks.",
    )  # fmt: skip

    @model_validator(mode="after")
    def _beats_in_order(self) -> Training:
        if self.first_beat is not None and self.last_beat is not None and self.last_beat <= self.first_beat:
            raise ValueError(
                "the solo ends after it begins, not with "
                f"first_beat = {self.first_beat:g} and last_beat = {self.last_beat:g}"
            )
        return self


class Generation(Parameters):
    temperature: float = parameter(
        1.0, ge=0.05, le=4, title="Temperature",
        help="How much is dared: below 1 safer and closer to the song, above 1 wilder and sooner wrong.",
    )  # fmt: skip
    choruses: int = parameter(
        1, ge=1, le=32, title="Choruses", help="How often the chords of the song are played through."
    )
    num_measures: int = parameter(
        0, ge=0, le=2000, unit="measures", title="Measures",
        help="Length of the piece; 0 for whole choruses.",
    )  # fmt: skip
    tempo: float | None = parameter(
        None, ge=10, le=400, unit="BPM", title="Tempo", help="Empty: that of the song. The authors had 130."
    )
    accompaniment: bool = parameter(
        False, title="Bass and drums", help="The other tracks of the song play along, as they do there."
    )
    nearness: float | None = parameter(
        1.0, ge=0, le=24, unit="semitones", title="Nearness",
        help="A word leaves several pitches open: one so far from the middle of them is chosen half as often. Small "
        "values follow the song's own steps; empty takes any, as the authors did, with wide leaps.",
    )  # fmt: skip
    max_tries: int = parameter(
        4, ge=1, le=32, title="Tries",
        help="A melody that recites the songs or sits on one note is made again, up to so often.",
    )  # fmt: skip
    greedy: bool = parameter(
        False, title="Always the likeliest",
        help="No chance at all (argmax), as the authors had it: the same words every time, and soon in a circle.",
    )  # fmt: skip
    top_k: int = parameter(
        0, ge=0, le=10_000, advanced=True, title="Top k", help="Choose among the k likeliest only; 0 for all."
    )
    top_p: float = parameter(
        1.0, gt=0, le=1, advanced=True, title="Top p",
        help="Choose among the likeliest that together have this probability.",
    )  # fmt: skip
    measures: Literal["fitted", "overlapping"] = parameter(
        "fitted", advanced=True, title="Measures",
        help="fitted: every chord set gets one measure of melody, and no note crosses into the next. overlapping: as "
        "with the authors, the first third of the chord sets gets a phrase of 12 to 22 beats each, which all sound at "
        "once.",
    )  # fmt: skip
    steps_per_set: int = parameter(
        50, ge=1, le=1000, unit="tokens", advanced=True, title="Steps per chord set",
        help="With overlapping measures: how many notes and rests are made for each.",
    )  # fmt: skip
    begin_with_note: bool = parameter(
        True, advanced=True, title="Begin with a note",
        help="With fitted measures: none begins with a rest before its first note.",
    )  # fmt: skip
    round_durations: bool = parameter(
        False, advanced=True, title="Round lengths by chance",
        help="Each length to a quarter of a beat, up or down by chance, as the authors did: it takes the swing out.",
    )  # fmt: skip
    chord_tones_only: bool = parameter(
        False, advanced=True, title="Approach tones as chord tones",
        help="Approach tones and foreign tones become chord tones, as with the authors: smoother and blander.",
    )  # fmt: skip
    drop_repeats: bool = parameter(
        False, advanced=True, title="Leave out repeated notes",
        help="Of two equal neighbours, pair by pair, the second is left out, as the authors did.",
    )  # fmt: skip
