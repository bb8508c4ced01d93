"""Scores → what the networks of voices learn from: codec, examples, facts and floors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicgen.approaches.voices.assigning import LEFT_OUT, MIN_VOICES, count_voices
from musicgen.approaches.voices.codec import GridCodec
from musicgen.approaches.voices.examples import GridExamples, GridSong
from musicgen.approaches.voices.faults import faults_per_beat
from musicgen.approaches.voices.grid import REST, VoiceGrid, score_to_grid
from musicgen.approaches.voices.matches import longest_silence, longest_steps
from musicgen.approaches.voices.parameters import Training
from musicgen.codecs.holding_out import held_out_parts
from musicgen.contract.prepared import Prepared, TrainingSong
from musicgen.contract.refusals import require_songs
from musicgen.errors import InvalidInput, sentence
from musicgen.floors.floors import bigram_nats, uniform_nats, unigram_nats
from musicgen.symbolic.metre import usual_metre
from musicgen.symbolic.score import Score

MIN_STEPS = 16  # of a song to learn from
MIN_HELD_OUT = 32  # steps: less is no use
CHECKED = 512  # steps of a held-out window
MUCH_MOVED, MUCH_LEFT_OUT = 0.05, 0.02  # shares of the notes that are worth a warning
MIN_WINDOWS, MAX_PASSES = 256, 16  # in an epoch; little music is repeated more often
NOTHING_HELD_OUT = (
    "No music is left to hold out, so there is no validation loss to tell learning from memorising. Choose more or "
    "longer songs."
)


def prepare_grids(songs: Sequence[TrainingSong], training: Training, seed: int) -> Prepared:
    """Songs on a grid of voices; the end of some, or whole songs, held out."""
    require_songs(songs)
    scores = [(song.clip.score(), song.tracks) for song in songs]
    n_voices = _count(scores, training.voices)
    usual = usual_metre(score for score, _ in scores)
    grids = [
        score_to_grid(score, tracks, n_voices, steps_per_beat=training.steps_per_beat, usual=usual)
        for score, tracks in scores
    ]
    _raise_if_too_short(grids)
    pairs = [(grid, score) for grid, (score, _) in zip(grids, scores, strict=True) if (grid.pitches != REST).any()]
    used = [grid for grid, _ in pairs]
    codec = _codec(pairs, training)
    read = [codec.song(grid) for grid in used]
    codec = replace(
        codec,
        faults=faults_per_beat([song.ids for song in read], codec.steps_per_beat),
        longest=longest_steps([(song.ids, song.struck) for song in read], max(song.bar for song in read)),
        silence=longest_silence([song.ids for song in read]),
    )
    parts = held_out_parts([len(song) for song in read], training.validation_share, shortest=MIN_HELD_OUT, seed=seed)
    learned, held_out = (_stretches(read, [part[side] for part in parts]) for side in (0, 1))
    facts = {"n_songs": len(songs), **_facts(used)}
    return prepared_of(codec, learned, held_out, training, facts, _warnings(grids))


def prepared_of(
    codec: GridCodec,
    learned: Sequence[tuple[GridSong, int, int]],
    held_out: Sequence[tuple[GridSong, int, int]],
    training: Training,
    facts: dict[str, Any],
    warnings: tuple[str, ...] = (),
) -> Prepared:
    """Examples, facts and floors of stretches (song, first step, step after the last) for training and for checking."""
    steps, n_steps = training.sequence_length, sum(stop - start for _, start, stop in learned)
    passes = max(1, min(MAX_PASSES, MIN_WINDOWS * steps // max(1, n_steps)))
    data = GridExamples(
        learned, steps, transpose=training.transpose, fills=training.fill_in, tells_end=True, passes=passes,
        counts_tones=training.key_memory,
    )  # fmt: skip
    longest = max((stop - start for _, start, stop in held_out), default=0)
    checked = (
        GridExamples(held_out, min(longest, CHECKED), fills=training.fill_in, counts_tones=training.key_memory)
        if held_out
        else None
    )
    facts = {
        "inputs_shape": [data.n_examples, steps, codec.n_voices],
        "targets_shape": [data.n_examples, steps, codec.n_voices],
        "n_windows": data.n_examples,
        "n_validation_windows": checked.n_examples if checked else 0,
        "n_voices": codec.n_voices,
        "voices": list(codec.names),
        "n_tokens": codec.n_voices * sum(stop - start for _, start, stop in [*learned, *held_out]),
        "n_training_tokens": codec.n_voices * n_steps,
        "n_validation_tokens": codec.n_voices * sum(stop - start for _, start, stop in held_out),
        "vocabulary_size": codec.values,
        "loss_unit": "nats per note",
        **facts,
    }
    warnings = warnings if checked else (*warnings, NOTHING_HELD_OUT)
    return Prepared(codec, data, checked, facts, grid_floors(learned, held_out or learned, codec), warnings)


def grid_floors(
    learned: Sequence[tuple[GridSong, int, int]], measured: Sequence[tuple[GridSong, int, int]], codec: GridCodec
) -> dict[str, float]:
    """Nats per note: the mean over the voices, each counted by itself; for bigram, from its own note a step before."""
    floors = {"uniform": uniform_nats(codec.values), "unigram": 0.0, "bigram": 0.0}
    for voice in range(codec.n_voices):
        seen, asked = ([song.ids[start:stop, voice] for song, start, stop in side] for side in (learned, measured))
        floors["unigram"] += unigram_nats(seen, asked, codec.values) / codec.n_voices
        floors["bigram"] += bigram_nats(seen, asked, codec.values) / codec.n_voices
    return floors


def _count(scores: Sequence[tuple[Score, Sequence[int] | None]], wanted: int) -> int:
    """The number of voices: as wanted, or that of most songs. Raises InvalidInput if there is only one."""
    if wanted >= MIN_VOICES:
        return wanted
    found = Counter(count_voices(score, tracks) for score, tracks in scores)
    n_voices = max(found, key=lambda count: (found[count], count))
    several = max(found)
    if several < MIN_VOICES:
        notes = sum(score.num_notes for score, _ in scores)
        raise InvalidInput(
            sentence(
                f"Voices need songs in which at least {MIN_VOICES} notes sound together",
                f"1 voice with {notes} notes in {len(scores)} song(s)",
                "Choose other songs or tracks, or another approach for a single line.",
            ),
            code="one_voice",
        )
    return max(n_voices, MIN_VOICES)


def _raise_if_too_short(grids: Sequence[VoiceGrid]) -> None:
    longest = max(len(grid) for grid in grids)
    if longest < MIN_STEPS:
        raise InvalidInput(
            sentence(
                f"Training needs a song of at least {MIN_STEPS} steps of the grid",
                f"{longest} at most in {len(grids)} song(s)",
                "Choose other songs or tracks.",
            ),
            code="too_short",
        )


def _codec(pairs: Sequence[tuple[VoiceGrid, Score]], training: Training) -> GridCodec:
    grids = [grid for grid, _ in pairs]
    n_voices = grids[0].pitches.shape[1]
    sung = [np.concatenate([grid.pitches[grid.pitches[:, v] != REST, v] for grid in grids]) for v in range(n_voices)]
    every = np.concatenate(sung)
    ranges = tuple((int(each.min()), int(each.max())) for each in (line if line.size else every for line in sung))
    programs: list[Counter[int]] = [Counter() for _ in range(n_voices)]
    for grid, score in pairs:
        for voice, track in zip(grid.voices.tolist(), score.notes["track"][grid.numbers].tolist(), strict=True):
            if voice != LEFT_OUT:
                programs[voice][score.tracks[track].program] += 1
    tempos = [float(score.tempos[0].tempo) if score.tempos else 120.0 for _, score in pairs]
    metre = usual_metre(score for _, score in pairs)
    beginnings = Counter(
        round(grid.metre.upbeat * training.steps_per_beat)
        for grid in grids
        if (grid.metre.numerator, grid.metre.denominator) == (metre.numerator, metre.denominator)
    )
    return GridCodec.spanning(
        every,
        ranges=ranges,
        programs=tuple(each.most_common(1)[0][0] if each else 0 for each in programs),
        steps_per_beat=training.steps_per_beat,
        strikes=True,
        tempo=float(np.median(tempos)),
        metre=(metre.numerator, metre.denominator),
        upbeat=beginnings.most_common(1)[0][0] if beginnings else 0,
    )


def _stretches(songs: Sequence[GridSong], parts: Sequence[slice]) -> list[tuple[GridSong, int, int]]:
    return [(song, part.start, part.stop) for song, part in zip(songs, parts, strict=True) if part.stop > part.start]


def _facts(grids: Sequence[VoiceGrid]) -> dict[str, Any]:
    notes: NDArray[np.float64] = np.array([grid.onsets.size for grid in grids], dtype=float)
    moved = float((notes * [grid.moved for grid in grids]).sum() / max(1.0, notes.sum()))
    return {
        "n_notes": int(notes.sum()),
        "n_notes_left_out": sum(grid.left_out for grid in grids),
        "notes_moved_to_the_grid": round(moved, 4),
    }


def _warnings(grids: Sequence[VoiceGrid]) -> tuple[str, ...]:
    facts = _facts(grids)
    found = []
    if facts["notes_moved_to_the_grid"] > MUCH_MOVED:
        found.append(
            f"{facts['notes_moved_to_the_grid']:.0%} of the notes were not on the grid and were moved to it. A finer "
            f"grid moves fewer."
        )
    if facts["n_notes_left_out"] > MUCH_LEFT_OUT * facts["n_notes"]:
        found.append(
            f"{facts['n_notes_left_out']:,} of {facts['n_notes']:,} notes were left out, because more began together "
            f"than there are voices."
        )
    return tuple(found)
