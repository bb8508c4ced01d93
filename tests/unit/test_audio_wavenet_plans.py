"""What an audio WaveNet is told to play: the harmony and loudness of a sound, and plans of stretches of the songs."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from musicgen.approaches import approach
from musicgen.approaches.audio_wavenet.beginning import Beginning
from musicgen.approaches.audio_wavenet.codec import RawAudioCodec
from musicgen.approaches.audio_wavenet.conditions import CONDITIONS, describe, describe_frames
from musicgen.approaches.audio_wavenet.plans import LONGEST, SHORTEST, Frames, Stretch, Walk, joined
from musicgen.approaches.audio_wavenet.telling import Teller
from musicgen.contract.made import Made, Order
from musicgen.contract.parameters import read_parameters
from musicgen.errors import InvalidInput
from tests.makers_music import audio_song

KIND = approach("audio_wavenet")
TOLD = "harmony_and_loudness"
FPS = 100.0


def sine(hertz: float, seconds: float = 1.0, amplitude: float = 0.5) -> np.ndarray:
    return (amplitude * np.sin(2 * np.pi * hertz * np.arange(round(8_000 * seconds)) / 8_000)).astype(np.float32)


def bars(count: int, seed: int = 0) -> np.ndarray:
    """Frames of chords of a second each, of which there are four: the same one is like itself wherever it comes."""
    rng = np.random.default_rng(seed)
    kinds = rng.normal(size=(4, 8)).astype(np.float32)
    chosen = rng.integers(0, 4, count)
    return np.concatenate([np.repeat(kinds[[kind]], round(FPS), axis=0) for kind in chosen])


@pytest.mark.parametrize(
    ("hertz", "tone", "octave"), [(110.0, 0, 0), (220.0, 0, 1), (330.0, 12 + 7, 2), (1760.0, 12, 4)]
)
def test_harmony_is_the_tone_low_or_high_and_loudness_its_octave(hertz: float, tone: int, octave: int) -> None:
    frame = describe_frames(sine(hertz), 8_000, TOLD)[50]
    assert frame.shape == (CONDITIONS[TOLD],)
    half = frame[:12] if tone < 12 else frame[12:24]
    assert (half.argmax(), half.max()) == (tone % 12, pytest.approx(1.0))
    loudness = frame[24:]
    assert loudness.argmax() == octave
    assert loudness[octave] == pytest.approx(1 - 9.03 / 60, abs=0.05)
    assert loudness[6:].tolist() == [0.0, 0.0]  # above half the sample rate


def test_silence_has_no_harmony_and_each_sample_is_told_something() -> None:
    assert not describe(np.zeros(1_003, np.float32), 8_000, TOLD).any()
    assert describe(sine(440.0)[:1_003], 8_000, TOLD).shape == (1_003, CONDITIONS[TOLD])


def planned(songs: list[Frames], n_frames: int, seed: int, before: Frames | None = None) -> list[Stretch]:
    prompt = songs[0][200:300] if before is None else before
    return Walk(songs, FPS).new_order(n_frames, prompt, np.random.default_rng(seed))


@pytest.mark.parametrize("lengths", [(40, 30), (20, 15), (12,)])
def test_a_plan_is_as_long_as_asked_in_stretches_that_do_not_go_on_as_the_song_does(lengths: tuple[int, ...]) -> None:
    songs = [bars(length, 1) for length in lengths]
    walk, played = Walk(songs, FPS), set()
    for seed in range(40):
        stretches = walk.new_order(3_000, songs[0][200:300], np.random.default_rng(seed))
        frames = [each.stop - each.start for each in stretches]
        assert sum(frames) == len(joined(songs, stretches)) == 3_000
        assert max(frames) <= LONGEST * FPS
        assert min(frames[:-1]) >= SHORTEST * FPS
        for one, other in itertools.pairwise(stretches):
            assert one.song != other.song or abs(one.stop - other.start) >= FPS
        played |= {each.song for each in stretches}
    assert played == set(range(len(songs)))


def test_stretches_are_joined_where_what_was_heard_is_alike() -> None:
    songs, heard = [bars(60, 2)], []
    for one, other in itertools.pairwise(planned(songs, 4_000, 1)):
        heard.append(np.array_equal(songs[0][one.stop - 1], songs[0][other.start - 1]))
    assert np.mean(heard) > 0.9


def test_a_passage_that_comes_twice_is_not_gone_on_with_in_its_other_place() -> None:
    """Else several stretches after each other would be one long copy."""
    once = np.random.default_rng(0).normal(size=(300, 8)).astype(np.float32).repeat(10, axis=0)
    song = np.concatenate([once, once])
    same = []
    for one, other in itertools.pairwise(planned([song], 6_000, 3)):
        same.append((other.start - one.stop) % len(once) == 0)
    assert len(same) > 15
    assert np.mean(same) < 0.1


def test_a_plan_goes_on_from_its_prompt() -> None:
    songs = [bars(60, 4)]
    for second in range(3, 30):
        prompt = songs[0][100 * second - 100 : 100 * second]
        first = planned(songs, 500, second, prompt)[0]
        assert np.array_equal(songs[0][first.start - 1], prompt[-1])


def test_the_same_seed_makes_the_same_plan_and_another_one_another() -> None:
    songs = [bars(60, 3)]
    assert planned(songs, 2_000, 5) == planned(songs, 2_000, 5) != planned(songs, 2_000, 6)


@pytest.mark.parametrize("n_frames", [1, 2, 30, 130])
def test_a_song_shorter_than_a_stretch_is_repeated(n_frames: int) -> None:
    songs = [bars(2)[:n_frames]]
    for before in (songs[0], songs[0][:0]):
        stretches = planned(songs, 500, 0, before)
        assert sum(each.stop - each.start for each in stretches) == 500
        assert all(0 <= each.start < each.stop <= n_frames for each in stretches)


class TestPieces:
    """Of a tiny network, with two songs of 3 s."""

    songs = (audio_song(24_000, 0), audio_song(24_000, 1))

    def made(self, *, songs: Any = songs, prompt: Any = None, **generation: Any) -> list[Made]:
        training = read_parameters(KIND.Training, {**KIND.tiny.training, "conditioning": TOLD})
        prepared = KIND.prepare(self.songs, training)
        values = {"seconds": 4.0, "prompt_seconds": 0.1, **generation}
        order = Order(read_parameters(KIND.Generation, values), (0, 1), songs, prompt)
        return list(KIND.generate(KIND.build(prepared.codec, training), prepared.codec, training, order))

    def test_a_piece_says_which_stretches_it_was_told_to_play(self) -> None:
        first, second = self.made()
        for piece in (first, second):
            plan = piece.facts["plan"]
            assert sum(each["stop"] - each["start"] for each in plan) == pytest.approx(4.0, abs=0.02)
            assert {each["song"] for each in plan} <= {song.name for song in self.songs}
        assert first.facts["plan"] != second.facts["plan"]

    def test_a_prompt_from_elsewhere_is_the_only_song_that_is_played(self) -> None:
        foreign = audio_song(16_000, 7)
        (piece, _) = self.made(prompt=foreign)
        assert {each["song"] for each in piece.facts["plan"]} == {foreign.name}

    def test_a_prompt_from_the_run_is_played_with_its_other_songs(self) -> None:
        pieces = self.made(prompt=self.songs[1], seconds=12.0)
        played = {each["song"] for piece in pieces for each in piece.facts["plan"]}
        assert played == {song.name for song in self.songs}

    def test_as_the_song_goes_on_it_is_told_what_the_song_plays_after_the_prompt(self) -> None:
        song, codec = self.songs[0], RawAudioCodec(8_000, 256, 0.1)
        values = {"seconds": 1.0, "prompt_seconds": 0.5, "start_seconds": 0.7, "plan": "song"}
        generation = read_parameters(KIND.Generation, values)
        told = Teller(codec, TOLD, None, Order(generation, (0,), (song,))).tell(
            Beginning(codec, generation, song, 0), 8_000, 0
        )
        whole = describe_frames(song.clip.waveform().samples[0], 8_000, TOLD)
        np.testing.assert_allclose(told.before, np.repeat(whole[70:120], 80, axis=0), atol=1e-4)
        np.testing.assert_allclose(told.after, whole[120:220], atol=1e-4)

    def test_it_can_play_what_the_song_plays_after_the_prompt(self) -> None:
        (piece, _) = self.made(plan="song", prompt=self.songs[0], seconds=1.0)
        assert "plan" not in piece.facts
        assert piece.content.seconds == pytest.approx(1.0)

    def test_without_a_song_there_is_nothing_to_play(self) -> None:
        with pytest.raises(InvalidInput, match="takes what it plays from a song"):
            self.made(songs=())

    @pytest.mark.parametrize(
        "values", [{"prompt_seconds": 0.0}, {"prompt_seconds": 3.0, "seconds": 1.0}, {"start_seconds": 99.0}]
    )
    def test_a_prompt_may_be_nothing_or_all_or_the_end(self, values: dict[str, Any]) -> None:
        for piece in self.made(**values):
            assert piece.content.seconds == pytest.approx(values.get("seconds", 4.0))


def test_a_crop_is_described_as_its_part_of_the_song() -> None:
    training = read_parameters(KIND.Training, {**KIND.tiny.training, "conditioning": TOLD, "validation_share": 0.0})
    song = audio_song(24_000)
    crops = KIND.prepare([song], training).training
    (told,) = crops.gather(np.array([crops.n_examples // 2]), None)["condition"]
    start = crops.n_examples // 2 * (24_000 - crops.crop_length) // (crops.n_examples - 1) - crops.heard
    whole = describe_frames(song.clip.waveform().samples[0][start % 80 :], 8_000, TOLD)
    wanted = np.repeat(whole, 80, axis=0)[start - start % 80 + 2 :][: len(told)]
    np.testing.assert_allclose(told, wanted, atol=1e-4)
