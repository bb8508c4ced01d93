"""Pieces from the continuing network, all seeds in one batch: from the start, or on from a prompt."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from musicgen.approaches.voices.codec import GridCodec
from musicgen.approaches.voices.events import events_of, grid_of
from musicgen.approaches.voices.grid import VoiceGrid, score_to_grid
from musicgen.approaches.voices.parameters import Generation
from musicgen.approaches.voices.revising import revised
from musicgen.approaches.voices.sizes import VoiceSizes
from musicgen.approaches.voices.stepper import VoiceStepper
from musicgen.contract.made import Made, Order, Reference
from musicgen.contract.prepared import TrainingSong
from musicgen.errors import InvalidInput, sentence
from musicgen.networks.backend import ops
from musicgen.sampling.pace import Pace
from musicgen.sampling.rules import Rules, uniforms
from musicgen.sampling.token_sampler import hear, sample
from musicgen.symbolic.metre import Metre
from musicgen.symbolic.score import Score

if TYPE_CHECKING:
    import keras

Ids = NDArray[np.int32]
Cells = NDArray[np.bool_]


@dataclass(frozen=True)
class Heard:
    """What a piece goes on from: ids and strikes (steps, voices) of a prompt, none without one; its metre, with the
    upbeat in quarter notes from its first step; its tempo."""

    ids: Ids
    struck: NDArray[np.bool_]
    metre: Metre
    tempo: float
    prompt: TrainingSong | None = None
    seconds: float = 0.0  # where in the prompt the piece goes on

    def __len__(self) -> int:
        return len(self.ids)


def continued_pieces(
    model: keras.Model, sizes: VoiceSizes, codec: GridCodec, order: Order[Generation]
) -> Iterator[Made]:
    """Pieces of whole bars."""
    generation, seeds = order.generation, order.seeds
    heard = _heard(codec, order)
    stepper = VoiceStepper(model, sizes, codec)
    bar, upbeat = codec.bar_steps(heard.metre), round(heard.metre.upbeat * codec.steps_per_beat)
    # After whole bars of a prompt, or with the upbeat of the songs, which belongs to the last bar.
    n_steps = generation.bars * bar
    n_rounds = generation.rounds if sizes.depth else 0
    pace, batch_size = Pace(), len(seeds)
    begin = stepper.start(
        *(_all(value, batch_size) for value in (-upbeat % bar, bar, n_steps + len(heard) if generation.ending else -1))
    )
    if len(heard):
        begin = hear(stepper, begin, np.repeat(events_of(sizes, heard.ids, heard.struck)[None], batch_size, axis=0))

    def written(ids: Ids, struck: Cells) -> Score:
        metre = heard.metre
        if generation.keep_prompt:
            ids, struck = np.concatenate([heard.ids, ids]), np.concatenate([heard.struck, struck])
        else:
            metre = replace(metre, upbeat=(metre.upbeat - Fraction(len(heard), codec.steps_per_beat)) % metre.bar)
        return codec.to_score(ids, struck, tempo=heard.tempo, metre=metre)

    def progress(done: int) -> None:
        steps = done // sizes.voices
        pace.note(steps)
        order.monitor.progress("generating", steps * batch_size, total)

    def so_far(events: Ids) -> None:
        if steps := events.shape[1] // sizes.voices:
            first = events[0, : steps * sizes.voices]
            order.monitor.so_far(lambda: written(*grid_of(sizes, first)), steps, n_steps + n_rounds)

    def revising(done: int, ids: Ids, struck: Cells) -> None:
        order.monitor.progress("generating", (n_steps + done) * batch_size, total)
        first = ids[0, len(heard) :].copy(), struck[0, len(heard) :].copy()
        order.monitor.so_far(lambda: written(*first), n_steps + done, n_steps + n_rounds)

    total = (n_steps + n_rounds) * batch_size
    order.monitor.progress("generating", 0, total)
    made = sample(
        stepper, begin, uniforms(seeds, n_steps * sizes.voices, stepper.num_fields),
        Rules(generation.temperature, top_p=generation.top_p), progress=progress,
        so_far=so_far,
    )  # fmt: skip
    new = [grid_of(sizes, events) for events in made]
    ids = np.stack([np.concatenate([heard.ids, each]) for each, _ in new])
    struck = np.stack([np.concatenate([heard.struck, each]) for _, each in new])
    if sizes.depth:
        free = np.broadcast_to(np.arange(ids.shape[1])[:, None] >= len(heard), ids.shape)
        place = (-upbeat % bar, bar)
        ids, struck = revised(model, sizes, codec, (ids, struck), free, place, generation, seeds, revising)
    speed = {"steps": n_steps, **pace.facts(batch_size), "tempo": heard.tempo, "bars": generation.bars}
    for seed, its_ids, its_struck in zip(seeds, ids, struck, strict=True):
        content = written(its_ids[len(heard) :], its_struck[len(heard) :])
        yield Made(content, seed, {**speed, **_told(heard, codec, generation)}, _reference(heard, generation, content))


def prompt_grid(codec: GridCodec, prompt: TrainingSong, *, from_start: bool = False) -> VoiceGrid:
    """The prompt on the grid of the songs. Raises InvalidInput if it has no notes."""
    grid = score_to_grid(
        prompt.clip.score(), prompt.tracks, codec.n_voices, steps_per_beat=codec.steps_per_beat,
        usual=Metre(*codec.metre), from_start=from_start,
    )  # fmt: skip
    if not len(grid):
        raise InvalidInput(
            sentence("A prompt needs notes on its chosen tracks", f"none in “{prompt.name}”", "Choose another song."),
            code="too_short",
        )
    return grid


def _heard(codec: GridCodec, order: Order[Generation]) -> Heard:
    generation, prompt = order.generation, order.prompt
    if prompt is None:
        metre = Metre(*codec.metre, Fraction(codec.upbeat, codec.steps_per_beat))
        nothing = np.zeros((0, codec.n_voices), dtype=np.int32)
        return Heard(nothing, nothing.astype(bool), metre, generation.tempo or codec.tempo)
    grid, score = prompt_grid(codec, prompt), prompt.clip.score()
    upbeat = round(grid.metre.upbeat * codec.steps_per_beat)
    count = min(len(grid), upbeat + generation.prompt_bars * codec.bar_steps(grid.metre))
    tempo = generation.tempo or (float(score.tempos[0].tempo) if score.tempos else 120.0)
    tick = grid.first_tick + count * score.ticks_per_beat // codec.steps_per_beat
    seconds = float(score.ticks_to_seconds(np.array([tick]))[0])
    return Heard(codec.to_ids(grid.pitches[:count]), grid.struck[:count], grid.metre, tempo, prompt, seconds)


def _all(value: int, batch_size: int) -> Any:
    return ops.convert_to_tensor(np.full(batch_size, value, dtype=np.int32))


def _told(heard: Heard, codec: GridCodec, generation: Generation) -> dict[str, Any]:
    seeded = len(heard) / codec.steps_per_beat * 60.0 / heard.tempo if generation.keep_prompt else 0.0
    return {
        "prompt": heard.prompt.name if heard.prompt else None,
        "prompt_steps": len(heard),
        "seeded_seconds": round(seeded, 6),
    }


def _reference(heard: Heard, generation: Generation, content: Score) -> Reference | None:
    """How the song itself goes on after the prompt; with the prompt kept, the song from its start."""
    if heard.prompt is None:
        return None
    return Reference.following(heard.prompt, 0.0 if generation.keep_prompt else heard.seconds, content.seconds)
