"""Pieces of sound from a WaveNet: several at once, each with its own prompt and its own random numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicgen.approaches.audio_wavenet.beginning import Beginning, drawn_song
from musicgen.approaches.audio_wavenet.codec import RawAudioCodec
from musicgen.approaches.audio_wavenet.forecasts import Foretold, LinearForecast
from musicgen.approaches.audio_wavenet.foretelling import side_by_side
from musicgen.approaches.audio_wavenet.level_keeping import LevelKeeper
from musicgen.approaches.audio_wavenet.parameters import Generation, Training
from musicgen.approaches.audio_wavenet.sampler import Hiss, RawAudioSampler
from musicgen.approaches.audio_wavenet.sizes import RawAudioSizes
from musicgen.approaches.audio_wavenet.telling import Teller, Told
from musicgen.contract.made import Made, Order
from musicgen.sampling.level_facts import level_facts
from musicgen.sampling.pace import Pace
from musicgen.sampling.rules import uniforms

MAX_TOGETHER = 1 << 24  # samples in one batch: the longer the pieces, the fewer in a batch


def sound_pieces(
    model: Any,
    sizes: RawAudioSizes,
    codec: RawAudioCodec,
    training: Training,
    order: Order[Generation],
) -> Iterator[Made]:
    """One piece for each seed. Without a prompt, each seed chooses a song and a place in it at random."""
    generation, seeds, monitor = order.generation, order.seeds, order.monitor
    n_samples = max(1, round(generation.seconds * codec.sample_rate))
    together = max(1, MAX_TOGETHER // n_samples)
    forecast = LinearForecast.at(codec.sample_rate) if sizes.has_forecast else None
    teller = Teller(codec, training.conditioning, forecast, order) if sizes.conditions else None
    for first in range(0, len(seeds), together):
        batch, done = seeds[first : first + together], first * n_samples
        begins = [Beginning(codec, generation, order.prompt or drawn_song(order.songs, seed), seed) for seed in batch]
        monitor.progress("generating", done, n_samples * len(seeds))
        sampler = RawAudioSampler(model, sizes, len(batch), forecast.order if forecast else 0)
        told = (
            [teller.tell(begin, n_samples, seed) for begin, seed in zip(begins, batch, strict=True)] if teller else []
        )
        sampler.hear(
            _laid_together([begin.levels for begin in begins], sizes.silence),
            _laid_together([each.before for each in told], 0.0) if told else None,
            side_by_side([each.foretold_before.all_frames for each in told]) if forecast else None,
            held=teller.hop if teller else 1,
        )

        def foretell(first: int, stop: int, told: Sequence[Told] = told) -> Foretold:
            return side_by_side([each.foretold_after.frames(first, stop) for each in told])

        pace = Pace()

        def progress(count: int, done: int = done, batch: Sequence[int] = batch, pace: Pace = pace) -> None:
            pace.note(count)
            monitor.progress("generating", done + count * len(batch), n_samples * len(seeds))

        def so_far(made: NDArray[np.int32]) -> None:
            monitor.so_far(lambda: codec.decode(made[0]), made.shape[1], n_samples)

        made = sampler.say(
            uniforms(batch, n_samples, 1)[:, :, 0],
            temperature=generation.temperature,
            top_p=generation.top_p,
            hiss=Hiss(training.heard_noise, batch) if training.heard_noise else None,
            keeper=LevelKeeper(codec) if generation.keep_level else None,
            condition=np.stack([each.after for each in told]) if told else None,
            foretell=foretell if forecast else None,
            held=teller.hop if teller else 1,
            progress=progress,
            so_far=so_far,
        )
        for number, (seed, begin, ids) in enumerate(zip(batch, begins, made, strict=True)):
            content = codec.decode(ids)
            facts = {"steps": n_samples, **pace.facts(len(batch)), **begin.facts, **level_facts(content, codec.level)}
            facts |= told[number].facts if told else {}
            yield Made(content, seed, facts, begin.reference(content.seconds))


def _laid_together(each: Sequence[NDArray[Any]], filling: float) -> NDArray[Any]:
    """(n_pieces, longest, …), aligned at their ends: `filling` comes before the shorter ones."""
    longest = max(len(one) for one in each)
    return np.stack(
        [np.pad(one, [(longest - len(one), 0), (0, 0)][: one.ndim], constant_values=filling) for one in each]
    )
