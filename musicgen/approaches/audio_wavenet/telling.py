"""What a network that is conditioned is told to play: a song as it goes on, or stretches of songs in a new order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from musicgen.approaches.audio_wavenet.beginning import Beginning
from musicgen.approaches.audio_wavenet.codec import RawAudioCodec
from musicgen.approaches.audio_wavenet.conditions import Frames, describe_frames, hop, margin
from musicgen.approaches.audio_wavenet.forecasts import Foretold, LinearForecast
from musicgen.approaches.audio_wavenet.foretelling import Foreteller, Part
from musicgen.approaches.audio_wavenet.parameters import Generation
from musicgen.approaches.audio_wavenet.plans import Stretch, Walk, joined
from musicgen.audio.resampling import resample
from musicgen.codecs.sounds import Samples
from musicgen.contract.made import Order
from musicgen.contract.prepared import TrainingSong
from musicgen.errors import InvalidInput, sentence

PLAN_SECONDS = 600.0  # of songs that a plan is made of, an equal share of each


@dataclass(frozen=True)
class Told:
    """What one piece is told.

    Attributes:
        before: the conditions of each sample of the prompt, (n_samples, conditions).
        after: of what is played after it, (n_frames, conditions); each frame is held for `hop` samples.
        facts: JSON for the sidecar: which stretches, in seconds of their songs.
        foretold_before, foretold_after: for linear prediction, of the last whole frames of the prompt, and of `after`.
    """

    before: Frames
    after: Frames
    facts: dict[str, Any]
    foretold_before: Foreteller
    foretold_after: Foreteller


class Teller:
    """Tells pieces what to play: of all songs of the run, or of the prompt if that is none of them."""

    def __init__(
        self, codec: RawAudioCodec, conditioning: str, forecast: LinearForecast | None, order: Order[Generation]
    ) -> None:
        self.codec, self.conditioning, self.forecast = codec, conditioning, forecast
        self.hop = hop(codec.sample_rate)
        self.has_plans = conditioning == "harmony_and_loudness" and order.generation.plan == "new_order"
        self.songs = _playable(order.prompt, order.songs)

    def tell(self, beginning: Beginning, n_samples: int, seed: int) -> Told:
        """Raises InvalidInput if there is no song to take it from."""
        song = beginning.song
        if song is None:
            raise InvalidInput(
                sentence("This network takes what it plays from a song", "no song", "Choose one as the prompt.")
            )
        n_frames = -(-n_samples // self.hop)
        prompt = self._described(song, beginning.start, -(-beginning.levels.size // self.hop))
        before = np.repeat(prompt, self.hop, axis=0)[: beginning.levels.size]
        end, whole = beginning.start + beginning.seconds, beginning.levels.size // self.hop
        heard = beginning.levels.size / self.codec.sample_rate  # less than its seconds if the song ends before
        foretold = self._foreteller([Part(song, beginning.start + heard - whole * self._frame, whole)])
        if not self.has_plans:
            # As the song goes on; silence after its end.
            after = self._described(song, end, n_frames)
            return Told(before, after, {}, foretold, self._foreteller([Part(song, end, n_frames)]))
        stretches = self._walk.new_order(n_frames, prompt, np.random.default_rng([seed, 17]))
        plan = [self._to_json(each) for each in stretches]
        parts = [Part(self.songs[each.song], each.start * self._frame, each.stop - each.start) for each in stretches]
        return Told(before, joined(self._walk.songs, stretches), {"plan": plan}, foretold, self._foreteller(parts))

    @property
    def _frame(self) -> float:
        """Seconds of a frame."""
        return self.hop / self.codec.sample_rate

    def _described(self, song: TrainingSong, start: float, n_frames: int) -> Frames:
        """Frames of a song from a second on, which depend on what is around them."""
        around = margin(self.codec.sample_rate)
        found = describe_frames(self._heard(song, start, n_frames, around), self.codec.sample_rate, self.conditioning)
        return found[around // self.hop :][:n_frames]

    def _foreteller(self, parts: Sequence[Part]) -> Foreteller:
        return Foreteller(self._foretold, parts, self._frame)

    def _foretold(self, part: Part) -> Foretold:
        if self.forecast is None:
            raise LookupError("This network hears no forecast.")
        return self.forecast.foretell(self._heard(*part, self.forecast.margin)[None])

    def _heard(self, song: TrainingSong, start: float, n_frames: int, around: int) -> Samples:
        """Samples of frames of a song, and `around` before and after them; silence beyond its ends."""
        rate = self.codec.sample_rate
        first = max(0.0, start - around / rate)
        sound = resample(song.clip.waveform(first, start + n_frames * self._frame + around / rate).to_mono(), rate)
        samples = np.pad(sound.samples[0], (around - round((start - first) * rate), 0))
        length = n_frames * self.hop + 2 * around
        return np.pad(samples, (0, max(0, length - samples.size)))[:length]

    @cached_property
    def _walk(self) -> Walk:
        rate, share = self.codec.sample_rate / self.hop, PLAN_SECONDS / len(self.songs)
        lengths = [max(1, int(min(song.clip.seconds, share) * rate)) for song in self.songs]
        return Walk([self._described(song, 0.0, n) for song, n in zip(self.songs, lengths, strict=True)], rate)

    def _to_json(self, stretch: Stretch) -> dict[str, Any]:
        song = self.songs[stretch.song]
        start, stop = (round(each * self.hop / self.codec.sample_rate, 3) for each in (stretch.start, stretch.stop))
        return {"song": song.name, "song_id": song.id, "start": start, "stop": stop}


def _playable(prompt: TrainingSong | None, songs: Sequence[TrainingSong]) -> list[TrainingSong]:
    """All songs; a prompt that is none of them alone."""
    return list(songs) if prompt is None or any(song.id == prompt.id for song in songs) else [prompt]
