"""Pieces of notes from a trained note network, all seeds in one batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicgen.approaches.notes.event_stepper import EventStepper
from musicgen.approaches.notes.events import FIELDS, GAP, PITCH, EventCodec, EventSong
from musicgen.approaches.notes.parameters import NoteChoice
from musicgen.approaches.notes.token_codec import TokenCodec
from musicgen.approaches.notes.token_network import WindowStepper
from musicgen.contract.made import Made, Order, Reference
from musicgen.contract.prepared import TrainingSong
from musicgen.errors import InvalidInput, sentence
from musicgen.networks.backend import ops
from musicgen.sampling.pace import Pace
from musicgen.sampling.rules import Rules, uniforms
from musicgen.sampling.token_sampler import hear, sample
from musicgen.symbolic.metre import metre_at
from musicgen.symbolic.score import Score

Ids = NDArray[np.int32]


def event_pieces(
    stepper: EventStepper,
    codec: EventCodec,
    order: Order[NoteChoice],
) -> Iterator[Made]:
    """Pieces with rhythm and voices: each from the start, or the continuation of a prompt."""
    generation, prompt, seeds = order.generation, order.prompt, order.seeds
    source = prompt.clip.score() if prompt else None
    if prompt and source:
        heard = codec.score_to_song(source, prompt.tracks, num_notes=generation.prompt_notes)
    else:
        heard = EventSong(_no_events(), 0, codec.bar, codec.metre)
    batch_size = len(seeds)
    position = np.full(batch_size, heard.start % heard.bar, dtype=np.int32)
    bar = np.full(batch_size, heard.bar, dtype=np.int32)
    pace = Pace()
    begin = stepper.start(ops.convert_to_tensor(position), ops.convert_to_tensor(bar))
    if len(heard):
        ids = codec.events_to_ids(heard.events)
        begin = hear(stepper, begin, np.repeat(ids[None], batch_size, axis=0))
    tempo = generation.tempo or (_tempo(source) if source else codec.tempo)

    def written(ids: Ids) -> Score:
        events = codec.ids_to_events(ids)
        if generation.keep_prompt:
            events = np.concatenate([heard.events, events])
        before = 0 if generation.keep_prompt else int(heard.events[:, GAP].sum())
        start, events[0, GAP] = heard.start + before + int(events[0, GAP]), 0
        return codec.events_to_score(events, tempo=tempo, metre=heard.metre, start=start)

    made, speed = _sampled(stepper, begin, order, pace, written)
    for seed, ids in zip(seeds, made, strict=True):
        content = written(ids)
        facts = {**speed, **_prompt_facts(prompt, len(heard)), "tempo": tempo}
        yield Made(content, seed, facts, _continuation(prompt, source, heard, generation.keep_prompt, content))


def token_pieces(
    stepper: Any,
    codec: TokenCodec,
    window: int,
    order: Order[NoteChoice],
) -> Iterator[Made]:
    """The authors' pieces: one token per step, after a window of a song.

    `stepper`: one that carries its state and offers `start(batch_size)`, or a WindowStepper."""
    generation, prompt, seeds = order.generation, order.prompt, order.seeds
    metre = metre_at(prompt.clip.score()) if prompt else None
    begun = np.stack([_first_window(codec, window, generation, prompt, seed) for seed in seeds])
    pace = Pace()
    if isinstance(stepper, WindowStepper):
        begin = stepper.after(begun)
    else:
        nothing = ops.zeros((len(seeds), len(codec.vocabulary)))
        begin = hear(stepper, (nothing, stepper.start(len(seeds))), begun[:, :, None])

    def written(first: Ids, ids: Ids) -> Score:
        kept = np.concatenate([first, ids[:, 0]]) if generation.keep_prompt else ids[:, 0]
        return codec.ids_to_score(kept, step_beats=generation.step_beats, tempo=generation.tempo, metre=metre)

    made, speed = _sampled(stepper, begin, order, pace, partial(written, begun[0]))
    for seed, first, ids in zip(seeds, begun, made, strict=True):
        yield Made(written(first, ids), seed, {**speed, **_prompt_facts(prompt, len(first))})


def _sampled(
    stepper: Any,
    begin: Any,
    order: Order[NoteChoice],
    pace: Pace,
    written: Callable[[Ids], Score],
) -> tuple[Ids, dict[str, float]]:
    """(ids (batch, n_notes, fields), speed). `written`: the first piece, or its start, from its ids."""
    generation, seeds, monitor = order.generation, order.seeds, order.monitor
    rules = Rules(
        generation.temperature,
        generation.top_k,
        generation.top_p,
        generation.greedy,
        generation.repetition_penalty,
        generation.repetition_window,
        penalised_field=PITCH if stepper.num_fields > 1 else 0,
    )
    noise = uniforms(seeds, generation.num_notes, stepper.num_fields)

    def progress(done: int) -> None:
        pace.note(done)
        monitor.progress("generating", done * len(seeds), generation.num_notes * len(seeds))

    def so_far(made: Ids) -> None:
        monitor.so_far(lambda: written(made[0]), made.shape[1], generation.num_notes)

    monitor.progress("generating", 0, generation.num_notes * len(seeds))
    made = sample(stepper, begin, noise, rules, progress=progress, so_far=so_far)
    return made, {"steps": generation.num_notes, **pace.facts(len(seeds))}


def _first_window(
    codec: TokenCodec, window: int, generation: NoteChoice, prompt: TrainingSong | None, seed: int
) -> Ids:
    """The first window: the start of the prompt, or a window of the songs chosen by the seed."""
    if prompt is None:
        return np.array(codec.starts[np.random.default_rng([seed, 7]).integers(len(codec.starts))], dtype=np.int32)
    ids = codec.score_to_ids(prompt.clip.score(), prompt.tracks)
    if len(ids) < window:
        raise InvalidInput(
            sentence(
                f"A prompt for this network needs {window} tokens of its vocabulary",
                f"{len(ids)} in “{prompt.name}”",
                "Choose a longer song, or no prompt.",
            ),
            code="too_short",
        )
    return ids[:window]


def _prompt_facts(prompt: TrainingSong | None, n_notes: int) -> dict[str, Any]:
    return {"prompt": prompt.name if prompt else None, "prompt_notes": n_notes}


def _continuation(
    prompt: TrainingSong | None, source: Score | None, heard: EventSong, keeps_prompt: bool, content: Score
) -> Reference | None:
    """How the song itself continues after the prompt (or starts, if the piece keeps the prompt)."""
    if prompt is None or source is None or not len(heard):
        return None
    onsets = np.sort(source.onset)
    start = float(onsets[0] if keeps_prompt else onsets[min(len(heard), onsets.size - 1)])
    return Reference.following(prompt, start, content.seconds)


def _tempo(score: Score) -> float:
    return float(score.tempos[0].tempo) if score.tempos else 120.0


def _no_events() -> Ids:
    return np.zeros((0, len(FIELDS)), dtype=np.int32)
