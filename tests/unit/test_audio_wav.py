"""Our own WAV files: what is written is read back, and no two contents share an address."""

from __future__ import annotations

import hashlib
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from musicgen.audio.wav import HEADER_BYTES, WavWriter, map_pcm, read_pcm, read_wav, wav_bytes, wav_info
from musicgen.audio.waveform import Waveform, float_to_pcm16, pcm16_to_float
from musicgen.errors import CorruptArtifact, InvalidInput
from tests.makers_audio import float_wav, noise_pcm, pcm_wav, sine

SAMPLED = 64 * 1024  # bytes that Streamlit looks at, at the beginning, in the middle and at the end


def streamlit_view(content: bytes) -> tuple[int, bytes, bytes, bytes]:
    """All that Streamlit 1.67 looks at to tell media above 1 MiB apart."""
    middle = (len(content) - SAMPLED) // 2
    return len(content), content[:SAMPLED], content[middle : middle + SAMPLED], content[-SAMPLED:]


def test_written_pieces_are_the_same_file_as_one_whole(tmp_path: Path) -> None:
    waveform = Waveform(pcm16_to_float(noise_pcm(100_000, n_channels=2)), 22_050)
    with WavWriter(tmp_path / "a.wav", 22_050, 2) as writer:
        for start in range(0, waveform.n_samples, 7_001):
            writer.write(waveform.samples[:, start : start + 7_001])
    assert (tmp_path / "a.wav").read_bytes() == wav_bytes(waveform)
    assert (writer.n_samples, writer.stamp) == (100_000, wav_info(tmp_path / "a.wav").stamp)


def test_samples_come_back_bit_for_bit(tmp_path: Path) -> None:
    waveform = Waveform(pcm16_to_float(noise_pcm(5_000, n_channels=2)), 44_100)
    (tmp_path / "a.wav").write_bytes(wav_bytes(waveform))
    read = read_wav(tmp_path / "a.wav")
    assert read.sample_rate == 44_100
    np.testing.assert_array_equal(read.samples, waveform.samples)


@settings(max_examples=30, deadline=None)
@given(start=st.integers(-10, 1_200), stop=st.none() | st.integers(-10, 1_200))
def test_a_stretch_is_what_slicing_gives(
    tmp_path_factory: pytest.TempPathFactory, start: int, stop: int | None
) -> None:
    path = tmp_path_factory.mktemp("wav") / "a.wav"
    pcm = noise_pcm(1_000, n_channels=2)
    path.write_bytes(wav_bytes(Waveform(pcm16_to_float(pcm), 8_000)))
    expected = pcm[:, max(start, 0) : None if stop is None else max(stop, 0)]
    np.testing.assert_array_equal(read_pcm(path, wav_info(path), start, stop), np.maximum(expected, -32_767))
    np.testing.assert_array_equal(map_pcm(path, wav_info(path)).T, np.maximum(pcm, -32_767))


def test_the_stamp_is_the_hash_of_format_and_samples_and_lies_before_them() -> None:
    content = wav_bytes(Waveform(sine(0.1, n_channels=2), 44_100))
    at = content.index(b"ICMT")
    stamp = content[at + 8 : at + 72].decode()
    data_at = content.index(b"data")
    assert at < data_at == HEADER_BYTES - 8
    assert stamp == hashlib.sha256(content[20:36] + content[data_at + 8 :]).hexdigest()
    assert struct.unpack_from("<I", content, 4)[0] == len(content) - 8


def test_long_files_that_differ_only_where_streamlit_does_not_look_still_differ_where_it_does() -> None:
    one = np.zeros((1, 30 * 44_100), np.float32)
    other = one.copy()
    other[:, 10 * 44_100 : 10 * 44_100 + 10] = 0.5
    ours = [wav_bytes(Waveform(samples, 44_100)) for samples in (one, other)]
    plain = [content[HEADER_BYTES:] for content in ours]
    assert streamlit_view(plain[0]) == streamlit_view(plain[1])  # the trap is real
    assert streamlit_view(ours[0]) != streamlit_view(ours[1])


def test_sample_rate_and_channels_are_part_of_the_stamp() -> None:
    samples = sine(0.1, n_channels=2)
    stamps = {
        wav_bytes(waveform)[56:120]
        for waveform in (
            Waveform(samples, 44_100),
            Waveform(samples, 22_050),
            Waveform(samples.T.reshape(1, -1), 44_100),
        )
    }
    assert len(stamps) == 3


@pytest.mark.parametrize(
    "samples", [np.array([[0.0, np.nan]]), np.array([[np.inf]]), np.zeros((2, 5)), np.zeros((1, 2, 3))]
)
def test_an_error_leaves_no_file(tmp_path: Path, samples: NDArray[np.floating]) -> None:
    def write() -> None:
        with WavWriter(tmp_path / "a.wav", 44_100, 1) as writer:
            writer.write(sine(0.1))
            writer.write(samples)

    with pytest.raises(InvalidInput, match=r"Every sample|shape \(1, n\)"):
        write()
    assert list(tmp_path.iterdir()) == []


def test_samples_beyond_full_scale_are_clipped_not_wrapped(tmp_path: Path) -> None:
    with WavWriter(tmp_path / "a.wav", 44_100, 1) as writer:
        writer.write(np.array([1.5, -1.5, 0.0], np.float32))
    np.testing.assert_array_equal(read_wav(tmp_path / "a.wav").samples, [[1.0, -1.0, 0.0]])


def test_no_sound_is_a_file_too(tmp_path: Path) -> None:
    with WavWriter(tmp_path / "a.wav", 44_100, 2):
        pass
    assert read_wav(tmp_path / "a.wav").samples.shape == (2, 0)
    assert map_pcm(tmp_path / "a.wav", wav_info(tmp_path / "a.wav")).shape == (0, 2)


@pytest.mark.parametrize("kept", [0, 8, 40, 100, 128, 500])
def test_a_file_cut_short_is_corrupt_and_says_so(tmp_path: Path, kept: int) -> None:
    path = tmp_path / "audio.wav"
    path.write_bytes(wav_bytes(Waveform(sine(0.1), 44_100))[:kept])
    with pytest.raises(CorruptArtifact, match=r"audio\.wav"):
        read_wav(path)


def test_other_wav_files_are_not_ours(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(float_wav(sine(0.1)))
    with pytest.raises(CorruptArtifact, match="another sample format"):
        wav_info(path)
    path.write_bytes(pcm_wav(noise_pcm(10)))  # plain 16-bit without our stamp can be read
    assert wav_info(path).stamp == ""


@given(st.integers(-32_768, 32_767))
def test_pcm_survives_the_way_through_float(value: int) -> None:
    assert float_to_pcm16(pcm16_to_float(np.array([value], np.int16)))[0] == max(value, -32_767)
