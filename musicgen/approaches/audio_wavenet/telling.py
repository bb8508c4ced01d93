"""What a network that is conditioned is told to play: a song as it goes on, or a plan of stretches in a new order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicgen.approaches.audio_wavenet.beginning import Beginning
from musicgen.approaches.audio_wavenet.codec import RawAudioCodec
from musicgen.approaches.audio_wavenet.conditions import describe, describe_frames, hop, margin
from musicgen.approaches.audio_wavenet.parameters import Generation
from musicgen.approaches.audio_wavenet.plans import joined, new_order
from musicgen.audio.resampling import resample
from musicgen.contract.made import Order
from musicgen.contract.prepared import TrainingSong
from musicgen.errors import InvalidInput, sentence

PLAN_SECONDS = 600.0  # of songs that a plan is made of

Conditions = NDArray[np.float32]


@dataclass(frozen=True)
class Told:
    """What one piece is told.

    Attributes:
        before: the conditions of the prompt, (n_samples, conditions). after: of what is played after it.
        facts: JSON for the sidecar: which stretches, in seconds of their songs.
    """

    before: Conditions
    after: Conditions
    facts: dict[str, Any]


class Teller:
    """Tells pieces what to play: of all songs of the run, or of the prompt if that is none of them."""

    def __init__(self, codec: RawAudioCodec, conditioning: str, order: Order[Generation]) -> None:
        self.codec, self.conditioning = codec, conditioning
        self.step = hop(codec.sample_rate)
        self.has_plans = conditioning == "harmony_and_loudness" and order.generation.plan == "new_order"
        self.songs = _first(order.prompt, order.songs) if order.prompt else list(order.songs)
        self._frames: list[Conditions] = []

    def tell(self, beginning: Beginning, n_samples: int, seed: int) -> Told:
        """Raises InvalidInput if there is no song to take it from."""
        if beginning.song is None:
            raise InvalidInput(
                sentence("This network takes what it plays from a song", "no song", "Choose one as the prompt.")
            )
        return self._plan(beginning, n_samples, seed) if self.has_plans else self._as_the_song(beginning, n_samples)

    def _plan(self, beginning: Beginning, n_samples: int, seed: int) -> Told:
        assert beginning.song is not None
        songs, rate = self._known(), self.codec.sample_rate / self.step
        number = min([song.id for song in self.songs].index(beginning.song.id), len(songs) - 1)
        after = round((beginning.start + beginning.seconds) * rate)
        rng = np.random.default_rng([seed, 17])
        stretches = new_order(songs, -(-n_samples // self.step), (number, after), rate, rng)
        names = [song.name for song in self.songs]
        plan = [each.to_json(names, rate) for each in stretches]
        played = np.repeat(joined(songs, stretches), self.step, axis=0)[:n_samples]
        return Told(self._prompt(beginning), played, {"plan": plan, "stretches_of_songs": len(plan)})

    def _as_the_song(self, beginning: Beginning, n_samples: int) -> Told:
        """As the song goes on after the prompt; silence after its end."""
        assert beginning.song is not None
        after = beginning.start + beginning.seconds
        follows = self.codec.encode(beginning.song.clip.waveform(after, after + beginning.length))
        n_before = beginning.levels.size
        samples = self.codec.levels_to_samples(np.concatenate([beginning.levels, follows])[: n_before + n_samples])
        found = self._described(np.pad(samples, (0, n_before + n_samples - samples.size)))
        return Told(found[:n_before], found[n_before:], {})

    def _prompt(self, beginning: Beginning) -> Conditions:
        """The conditions of the prompt, which depend on what is around it in its song."""
        assert beginning.song is not None
        rate, around = self.codec.sample_rate, margin(self.codec.sample_rate) / self.codec.sample_rate
        first = max(0.0, beginning.start - around)
        heard = beginning.song.clip.waveform(first, beginning.start + beginning.seconds + around)
        found = self._described(resample(heard.to_mono(), rate).samples[0])
        lead = round((beginning.start - first) * rate)
        missing = max(0, lead + beginning.levels.size - len(found))
        return np.pad(found, ((0, missing), (0, 0)))[lead : lead + beginning.levels.size]

    def _described(self, samples: NDArray[np.float32]) -> Conditions:
        return describe(samples, self.codec.sample_rate, self.conditioning)

    def _known(self) -> list[Conditions]:
        """The frames of each song; of the first ones, if there is more than PLAN_SECONDS of music."""
        if not self._frames:
            left = PLAN_SECONDS
            for song in self.songs:
                sound = resample(song.clip.waveform(0.0, left).to_mono(), self.codec.sample_rate)
                self._frames.append(describe_frames(sound.samples[0], self.codec.sample_rate, self.conditioning))
                left -= song.clip.seconds
                if left <= 0:
                    break
        return self._frames


def _first(prompt: TrainingSong, songs: Sequence[TrainingSong]) -> list[TrainingSong]:
    """The prompt, and the other songs if it is one of them."""
    others = [song for song in songs if song.id != prompt.id]
    return [prompt, *others] if len(others) < len(songs) else [prompt]
