"""The parameters of Collage: how songs are cut, what the network learns, and how a piece is put together."""

from __future__ import annotations

from typing import Literal

from musicgen.contract.applicability import Other
from musicgen.contract.parameters import Parameters, parameter
from musicgen.contract.shared_parameters import (
    Schedule,
    batch_size,
    dropout,
    embedding,
    epochs,
    learning_rate,
    length,
    num_layers,
    prompt_length,
    prompt_start,
    sample_rate,
    seconds_per_song,
    sequence_length,
    song_limit,
    temperature,
    top_k,
    top_p,
    units,
    validation_share,
)

MAX_RUN_BEATS = 8.0


class Training(Schedule):
    cut_at: Literal["auto", "beats", "onsets"] = parameter(
        "auto", title="Cut at",
        help="beats: a song is cut into half beats. onsets: it is cut where notes begin, for music without a steady "
        "beat. auto: beats if a song has a steady beat, else onsets.",
    )  # fmt: skip
    codebook_size: int = parameter(
        48, ge=2, le=1024, unit="sounds", title="Codebook size",
        help="How many kinds of sound the network tells apart, at most. More of them follow the harmony more closely "
        "and need more music.",
    )  # fmt: skip
    epochs: int = epochs(60)
    units: int = units(64, le=2048)
    num_layers: int = num_layers(1)
    batch_size: int = batch_size(8)
    learning_rate: float = learning_rate(4e-3)
    sample_rate: int = sample_rate(0, le=96_000)
    seconds_per_song: float = seconds_per_song(600.0, le=1800)
    max_songs: int = song_limit(0)
    sequence_length: int = sequence_length(32, ge=2, le=512, unit="half beats")
    beats_per_bar: int = parameter(
        0, ge=0, le=12, unit="beats", title="Bar length",
        help="The network knows the place in the bar. 0: 3 or 4 beats, as found in the song.",
        applies_when={"cut_at": Other("onsets")},
    )  # fmt: skip
    longest_unit: float = parameter(
        0.5, gt=0, le=4, unit="s", advanced=True, title="Longest piece between onsets",
        help="Music without a steady beat is cut at onsets, and where there is none for this long.",
        applies_when={"cut_at": Other("beats")},
    )  # fmt: skip
    embedding: int = embedding(24, ge=1)
    dropout: float = dropout(0.3, advanced=True)
    validation_share: float = validation_share(
        0.15, part="the last part of each song, or whole songs if there are many"
    )


class Generation(Parameters):
    seconds: float = length(20.0, gt=0, le=300, unit="s")
    temperature: float = temperature()
    continuity: float = parameter(
        3.0, ge=0, le=10, title="Continuity",
        help="How much it prefers the half beat that follows in the song. 0: each one is chosen anew. More: longer "
        "stretches of the song, with fewer joints.",
    )  # fmt: skip
    longest_run: float = parameter(
        MAX_RUN_BEATS, ge=0.5, le=MAX_RUN_BEATS, unit="beats", title="Longest stretch",
        help="No stretch of the song is longer than this; then it jumps to another place. Without a steady beat, two "
        "pieces between onsets count as a beat.",
    )  # fmt: skip
    even_loudness: bool = parameter(
        True, title="Even loudness",
        help="Turn soft parts of the song up and loud parts down, so that the level does not jump at a joint.",
    )  # fmt: skip
    prompt_seconds: float = prompt_length(8.0, le=120, unit="s", more="0: it starts anywhere.")
    start_seconds: float | None = prompt_start()
    overlap_ms: float = parameter(
        25.0, gt=0, le=200, unit="ms", advanced=True, title="Overlap",
        help="How long two stretches overlap at a joint. A longer overlap is smoother, and blurs the start of notes.",
    )  # fmt: skip
    top_k: int = top_k(advanced=True)
    top_p: float = top_p(advanced=True)
