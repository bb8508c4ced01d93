"""Pieces filled in around what stays of a song. What stays is taken from the song itself, note for note."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from musicgen.approaches.voices.codec import VELOCITY, GridCodec
from musicgen.approaches.voices.drafting import cells_anew, drafted
from musicgen.approaches.voices.grid import REST, VoiceGrid, grid_notes
from musicgen.approaches.voices.keeping import bar_of_steps, is_line, new_cells, read_bars, read_voices
from musicgen.approaches.voices.parameters import Generation
from musicgen.approaches.voices.pieces import prompt_grid
from musicgen.approaches.voices.revising import revised
from musicgen.approaches.voices.sizes import VoiceSizes
from musicgen.contract.made import Made, Order, Reference
from musicgen.errors import InvalidParameter, sentence
from musicgen.sampling.pace import Pace
from musicgen.sampling.rules import Rules
from musicgen.symbolic.score import Score, TempoChange, Track, make_notes

if TYPE_CHECKING:
    import keras

Cells = NDArray[np.bool_]


@dataclass(frozen=True)
class Task:
    """A song with the cells to fill in, (steps, voices), and which of `grid.numbers` that removes."""

    score: Score
    grid: VoiceGrid
    free: Cells
    removed: Cells


def filled_pieces(model: keras.Model, sizes: VoiceSizes, codec: GridCodec, order: Order[Generation]) -> Iterator[Made]:
    """The prompt, with some voices or bars made anew."""
    generation, seeds, prompt = order.generation, order.seeds, order.prompt
    assert prompt is not None  # for the type checker: without a prompt, nothing is filled in
    if not sizes.depth:
        raise InvalidParameter(
            sentence("Filling in needs a run that was trained with fill_in", "fill_in = False", "Train another run.")
        )
    task = task_of(codec, prompt_grid(codec, prompt), prompt.clip.score(), generation)
    song = codec.song(task.grid)
    rounds = generation.rounds
    rules = Rules(generation.temperature, top_p=generation.top_p)
    free = np.stack([cells_anew(task.free, generation.variation, codec.steps_per_beat, seed) for seed in seeds])
    pace, n_steps = Pace(), int(free.any(axis=(0, 2)).sum())
    # The draft counts as half of the work.
    total = 2 * max(1, rounds) * len(seeds)

    def drafting(share: float) -> None:
        pace.note(int(share * n_steps))
        order.monitor.progress("generating", int(share * total / 2), total)

    def revising(done: int, ids: NDArray[np.int32], struck: Cells) -> None:
        pace.note(n_steps)
        order.monitor.progress("generating", total // 2 + done * len(seeds), total)
        first = ids[0].copy(), struck[0].copy()
        order.monitor.so_far(lambda: written(codec, task, *first, generation.tempo), rounds + done, 2 * rounds)

    order.monitor.progress("generating", 0, total)
    ids, struck = revised(
        model, sizes, codec, drafted(model, sizes, codec, song, free, rules, seeds, drafting), free,
        (song.start, song.bar), generation, seeds, revising,
    )  # fmt: skip
    facts = {
        "steps": n_steps, **pace.facts(len(seeds)), "prompt": prompt.name,
        "cells_made_anew": int(free.sum(axis=(1, 2)).max()),
    }  # fmt: skip
    for seed, its_ids, its_struck in zip(seeds, ids, struck, strict=True):
        content = written(codec, task, its_ids, its_struck, generation.tempo)
        # What stays is meant to be the song's.
        yield Made(
            content,
            seed,
            {**facts, "seeded_seconds": round(content.seconds, 6)},
            Reference.following(prompt, 0.0, content.seconds),
        )


def task_of(codec: GridCodec, grid: VoiceGrid, score: Score, generation: Generation) -> Task:
    """What the order asks for. Raises InvalidParameter for voices or bars that are not there."""
    stays = read_voices(generation.keep_voices, codec.names)
    if is_line(grid) and not stays:
        stays = [0]
    bar = codec.bar_steps(grid.metre)
    bars = bar_of_steps(grid, codec.steps_per_beat, bar)
    free, removed = new_cells(grid, stays, bars, read_bars(generation.new_bars, int(bars[-1]) + 1))
    return Task(score, grid, free, removed)


def written(codec: GridCodec, task: Task, ids: NDArray[np.integer], struck: Cells, tempo: float | None) -> Score:
    """The song's own notes, bit for bit, and the new ones. `ids`, `struck`: of all its steps."""
    grid, score = task.grid, _fine(task.score, codec.steps_per_beat)
    # Where a new note is held on into a note that stays, it ends there.
    onset, duration, pitch, voice = grid_notes(
        np.where(task.free, codec.to_pitches(ids), REST).astype(np.int16), struck & task.free
    )
    tracks, track_of = _tracks(codec, task, score)
    tick = score.ticks_per_beat // codec.steps_per_beat
    first = round(grid.first_tick * score.ticks_per_beat / task.score.ticks_per_beat)
    made = make_notes(
        first + onset * tick, duration * tick, pitch, np.array(_loudness(codec, task))[voice],
        np.array(track_of)[voice],
    )  # fmt: skip
    kept = np.delete(score.notes, grid.numbers[task.removed])
    tempos = (TempoChange(0, tempo),) if tempo else score.tempos
    return replace(score, notes=np.concatenate([kept, made]), tracks=tracks, tempos=tempos)


def _fine(score: Score, steps_per_beat: int) -> Score:
    """The score with a whole number of ticks in a step; times in quarter notes stay exactly the same."""
    more = steps_per_beat // int(np.gcd(score.ticks_per_beat, steps_per_beat))
    if more == 1:
        return score
    notes, controls = score.notes.copy(), score.controls.copy()
    for name in ("onset_ticks", "duration_ticks"):
        notes[name] *= more
    controls["tick"] *= more
    return replace(
        score, notes=notes, controls=controls, ticks_per_beat=score.ticks_per_beat * more,
        tempos=tuple(replace(each, tick=each.tick * more) for each in score.tempos),
        time_signatures=tuple(replace(each, tick=each.tick * more) for each in score.time_signatures),
        key_signatures=tuple(replace(each, tick=each.tick * more) for each in score.key_signatures),
    )  # fmt: skip


def _tracks(codec: GridCodec, task: Task, score: Score) -> tuple[tuple[Track, ...], list[int]]:
    """(tracks, that of each voice): the one that most of the voice's notes are on; a new one for a voice without."""
    tracks, found = list(score.tracks), []
    used = score.notes["track"][task.grid.numbers]
    for voice, (name, program) in enumerate(zip(codec.names, codec.programs, strict=True)):
        mine = used[task.grid.voices == voice]
        if mine.size:
            found.append(int(np.bincount(mine).argmax()))
        else:
            found.append(len(tracks))
            tracks.append(Track(name, program))
    return tuple(tracks), found


def _loudness(codec: GridCodec, task: Task) -> list[int]:
    """The median velocity of each voice; of the song, for a voice without notes."""
    velocity = task.score.notes["velocity"][task.grid.numbers]
    usual = int(np.median(velocity)) if velocity.size else VELOCITY
    mine = [velocity[task.grid.voices == voice] for voice in range(codec.n_voices)]
    return [int(np.median(each)) if each.size else usual for each in mine]
