"""Uploads: every sound that can be read is read, everything else is refused in one sentence that says why."""

from __future__ import annotations

import struct
import subprocess
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from musicgen.audio.decoding import Decoded, decode
from musicgen.audio.ffmpeg import find_ffmpeg
from musicgen.audio.mp3 import parse_header
from musicgen.audio.waveform import Waveform, float_to_pcm16
from musicgen.errors import RejectedFile
from tests.makers_audio import (
    FLOAT,
    flac_with_total,
    float_wav,
    id3_tag,
    noise_pcm,
    pcm_wav,
    sine,
    wav_file,
    write_encoded,
)

ENCODED = ("flac", "ogg", "opus", "mp3", "m4a")
SECOND = 44_100


def written(folder: Path, content: bytes) -> Path:
    path = folder / "upload"
    path.write_bytes(content)
    return path


def sound_of(decoded: Decoded) -> Waveform:
    """All of it, through the gate that every sound passes."""
    samples = np.concatenate([block.copy() for block in decoded.blocks()], axis=1)
    assert samples.shape == (decoded.n_channels, decoded.n_samples)
    return Waveform(samples, decoded.sample_rate)


def refusal(folder: Path, content: bytes) -> RejectedFile:
    with pytest.raises(RejectedFile) as caught:
        decode(written(folder, content))
    message = str(caught.value)
    assert "Received: " in message
    assert "\n" not in message
    assert len(message) < 300
    return caught.value


# --- what is read ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n_channels", [1, 2])
@pytest.mark.parametrize("is_extensible", [False, True])
def test_16_bit_wav_survives_bit_for_bit(tmp_path: Path, n_channels: int, is_extensible: bool) -> None:
    pcm = noise_pcm(SECOND, n_channels=n_channels)
    decoded = decode(written(tmp_path, pcm_wav(pcm, is_extensible=is_extensible)))
    np.testing.assert_array_equal(float_to_pcm16(sound_of(decoded).samples), np.maximum(pcm, -32_767))
    assert decoded.warnings == ()
    assert decoded.kept == {"seconds": 1.0, "channels": n_channels}
    assert decoded.dropped == {}


def test_16_bit_flac_survives_bit_for_bit(tmp_path: Path) -> None:
    import soundfile

    pcm = noise_pcm(SECOND, n_channels=2)
    soundfile.write(tmp_path / "a.flac", pcm.T, SECOND, subtype="PCM_16")
    decoded = decode(tmp_path / "a.flac")
    np.testing.assert_array_equal(float_to_pcm16(sound_of(decoded).samples), np.maximum(pcm, -32_767))


@pytest.mark.parametrize(("subtype", "tolerance"), [("PCM_24", 1 / 32_000), ("PCM_S8", 1 / 64)])
def test_other_integer_widths_in_flac(tmp_path: Path, subtype: str, tolerance: float) -> None:
    import soundfile

    samples = sine(1.0, n_channels=2, peak=0.99)
    soundfile.write(tmp_path / "a.flac", samples.T, SECOND, subtype=subtype)
    np.testing.assert_allclose(sound_of(decode(tmp_path / "a.flac")).samples, samples, atol=tolerance)


@pytest.mark.parametrize(("sample_bytes", "tolerance"), [(1, 1 / 64), (3, 1 / 32_000), (4, 1 / 32_000)])
def test_other_integer_widths(tmp_path: Path, sample_bytes: int, tolerance: float) -> None:
    samples = sine(1.0, n_channels=2, peak=1.0)
    whole = np.rint(samples.T.astype(np.float64) * (2 ** (8 * sample_bytes - 1) - 1)).astype(np.int64)
    if sample_bytes == 1:
        whole += 128
    frames = np.ascontiguousarray(whole, "<i8").view(np.uint8).reshape(-1, 8)[:, :sample_bytes].tobytes()
    decoded = decode(written(tmp_path, wav_file(frames, n_channels=2, sample_bytes=sample_bytes)))
    np.testing.assert_allclose(sound_of(decoded).samples, samples, atol=tolerance)
    assert decoded.gain == 1.0


def test_24_bits_that_hold_16_bit_sound_are_that_sound(tmp_path: Path) -> None:
    pcm = noise_pcm(SECOND)
    frames = (pcm[0].astype("<i4") * 256).view(np.uint8).reshape(-1, 4)[:, :3].tobytes()
    decoded = decode(written(tmp_path, wav_file(frames, sample_bytes=3, is_extensible=True)))
    np.testing.assert_array_equal(float_to_pcm16(sound_of(decoded).samples), np.maximum(pcm, -32_767))


@pytest.mark.parametrize("sample_bytes", [4, 8])
def test_floats(tmp_path: Path, sample_bytes: int) -> None:
    samples = sine(1.0, n_channels=2, peak=0.9)
    decoded = decode(written(tmp_path, float_wav(samples, sample_bytes=sample_bytes)))
    np.testing.assert_array_equal(sound_of(decoded).samples, samples)


@pytest.mark.parametrize(
    ("extension", "sample_rate", "n_channels"),
    [(extension, 48_000, n_channels) for extension in ENCODED for n_channels in (1, 2)]
    + [(extension, 16_000, 1) for extension in ENCODED if extension != "opus"],
)
def test_encoded_sound(tmp_path: Path, extension: str, sample_rate: int, n_channels: int) -> None:
    samples = sine(2.0, sample_rate=sample_rate, n_channels=n_channels)
    decoded = decode(write_encoded(tmp_path / f"a.{extension}", samples, sample_rate))
    assert (decoded.sample_rate, decoded.n_channels) == (sample_rate, n_channels)
    assert decoded.seconds == pytest.approx(2.0, abs=0.06)
    assert decoded.warnings == ()
    middle = sound_of(decoded).samples[:, sample_rate // 2 :][:, :sample_rate]
    for channel in range(n_channels):
        spectrum = np.abs(np.fft.rfft(middle[channel]))
        assert np.argmax(spectrum) == 440 * (channel + 1)
        assert 2 * spectrum.max() / sample_rate == pytest.approx(0.5, rel=0.03)


def test_variable_bit_rate_mp3(tmp_path: Path) -> None:
    import soundfile

    rng = np.random.default_rng(0)
    samples = sine(6.0) * np.repeat([0.0, 1.0, 0.1], 2 * SECOND) + rng.normal(0, 0.05, 6 * SECOND) * np.repeat(
        [0, 0, 1], 2 * SECOND
    )
    soundfile.write(tmp_path / "a.mp3", samples.T, SECOND, bitrate_mode="VARIABLE", compression_level=0.5)
    assert decode(tmp_path / "a.mp3").n_samples == 6 * SECOND


def test_variable_bit_rate_without_a_summary_is_read_to_its_end(tmp_path: Path) -> None:
    import soundfile

    rng = np.random.default_rng(0)
    loud_then_quiet = rng.normal(0, 1, 20 * SECOND) * np.repeat([0.2, 0.0, 0.0, 0.0], 5 * SECOND)  # a guess too low
    soundfile.write(tmp_path / "a.mp3", loud_then_quiet, SECOND, bitrate_mode="VARIABLE", compression_level=0.5)
    content = (tmp_path / "a.mp3").read_bytes()
    first = content[content.index(b"\xff\xfb") :]
    without = first[parse_size(first) :]
    decoded = decode(written(tmp_path, without))
    assert decoded.seconds == pytest.approx(20.0, abs=0.1)
    assert decoded.warnings == ()


def parse_size(frame: bytes) -> int:
    header = parse_header(frame[:4])
    assert header is not None
    return header.size


@pytest.mark.parametrize("sample_rate", [8_000, 11_025, 192_000])
def test_unusual_sample_rates(tmp_path: Path, sample_rate: int) -> None:
    decoded = decode(written(tmp_path, pcm_wav(noise_pcm(sample_rate), sample_rate)))
    assert (decoded.sample_rate, decoded.seconds) == (sample_rate, 1.0)


def test_chunks_around_the_samples_are_passed_over(tmp_path: Path) -> None:
    pcm = noise_pcm(SECOND)
    before = b"LIST" + struct.pack("<I", 5) + b"INFOx\0" + b"junk" + struct.pack("<I", 70_000) + bytes(70_000)
    after = b"id3 " + struct.pack("<I", 400) + b"\x7f" * 400
    decoded = decode(written(tmp_path, pcm_wav(pcm, chunks_before=before, chunks_after=after)))
    np.testing.assert_array_equal(float_to_pcm16(sound_of(decoded).samples), np.maximum(pcm, -32_767))


def test_rf64_has_its_size_elsewhere(tmp_path: Path) -> None:
    pcm = noise_pcm(SECOND)
    sizes = b"ds64" + struct.pack("<IQQQI", 28, 0, 2 * SECOND, SECOND, 0)
    content = pcm_wav(pcm, chunks_after=b"LIST" + struct.pack("<I", 4) + b"INFO", data_size=0xFFFFFFFF)
    content = b"RF64" + b"\xff" * 4 + content[8:12] + sizes + content[12:]
    assert decode(written(tmp_path, content)).n_samples == SECOND


def test_blocks_can_be_had_again(tmp_path: Path) -> None:
    decoded = decode(write_encoded(tmp_path / "a.mp3", sine(3.0, n_channels=2)))
    np.testing.assert_array_equal(sound_of(decoded).samples, sound_of(decoded).samples)


def test_the_real_format_is_said_whatever_was_claimed(tmp_path: Path) -> None:
    flac = write_encoded(tmp_path / "a.flac", sine(1.0)).read_bytes()
    assert decode(written(tmp_path, id3_tag(9_000) + flac), "mp3").format == "flac"


# --- channels -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n_channels", range(3, 9))
def test_more_channels_are_mixed_to_stereo_and_it_is_said(tmp_path: Path, n_channels: int) -> None:
    decoded = decode(written(tmp_path, pcm_wav(noise_pcm(SECOND, n_channels=n_channels))))
    assert (decoded.n_channels, decoded.source_channels) == (2, n_channels)
    assert f"{n_channels} channels were mixed to stereo" in decoded.warnings[0]
    assert decoded.dropped == ({"channels": 1} if n_channels >= 6 else {})
    assert np.abs(sound_of(decoded).samples).max() <= 1.0


@pytest.mark.parametrize("kind", ["wav", "ogg"])
def test_each_channel_of_5_1_goes_where_it_belongs(tmp_path: Path, kind: str) -> None:
    left, right, centre, low, left_back, right_back = sine(1.0, frequency=200, n_channels=6, peak=0.5)
    order = {
        "wav": (left, right, centre, low, left_back, right_back),
        "ogg": (left, centre, right, left_back, right_back, low),  # as Vorbis defines it
    }[kind]
    if kind == "wav":
        path = written(tmp_path, pcm_wav(float_to_pcm16(np.stack(order))))
    else:
        path = write_encoded(tmp_path / "a.ogg", np.stack(order))
    sound = sound_of(decode(path)).samples
    level = np.abs(np.fft.rfft(sound)) * 2 / SECOND / 0.5  # bins are Hz; 200, 400, … in the order of the names
    unit = 1 / (1 + 2**0.5)
    expected = {200: (1, 0), 400: (0, 1), 600: (0.707, 0.707), 800: (0, 0), 1000: (0.707, 0), 1200: (0, 0.707)}
    for frequency, gains in expected.items():
        np.testing.assert_allclose(level[:, frequency], np.array(gains) * unit, atol=0.01)


def test_too_many_channels_or_none(tmp_path: Path) -> None:
    nine = refusal(tmp_path, pcm_wav(noise_pcm(SECOND, n_channels=9)))
    assert (nine.code, "Received: 9." in str(nine)) == ("channels", True)
    assert refusal(tmp_path, wav_file(bytes(1000), n_channels=0)).code in ("channels", "damaged")


# --- levels ---------------------------------------------------------------------------------------------------------


def test_peaks_above_full_scale_are_scaled_and_it_is_said(tmp_path: Path) -> None:
    samples = sine(1.0, n_channels=2, peak=2.0)
    decoded = decode(written(tmp_path, float_wav(samples)))
    peak = float(np.abs(samples).max())
    np.testing.assert_allclose(sound_of(decoded).samples, samples / peak, atol=1e-6)
    assert decoded.warnings == (
        "Peaks reach 2.00, and full scale is 1: the whole song was made 6.0 dB softer so that nothing is clipped.",
    )


def test_rare_overshoots_of_a_lossy_format_are_clipped(tmp_path: Path) -> None:
    samples = sine(10.0, peak=0.5)
    samples[0, 5 * SECOND : 5 * SECOND + 20] *= 2.4
    decoded = decode(write_encoded(tmp_path / "a.ogg", samples))
    assert decoded.gain == 1.0
    assert "were clipped" in decoded.warnings[0]
    assert np.abs(sound_of(decoded).samples).max() == 1.0


def test_a_lossy_file_that_is_beyond_full_scale_throughout_is_scaled(tmp_path: Path) -> None:
    decoded = decode(write_encoded(tmp_path / "a.ogg", sine(3.0, peak=1.5)))
    assert decoded.gain == pytest.approx(1 / 1.5, rel=0.05)
    assert np.abs(sound_of(decoded).samples).max() == pytest.approx(1.0, abs=1e-6)


def test_eight_is_loud_and_more_is_no_level(tmp_path: Path) -> None:
    samples = np.zeros((1, SECOND), np.float32)
    samples[0, 30_000] = 8.0
    assert decode(written(tmp_path, float_wav(samples))).gain == pytest.approx(1 / 8)
    samples[0, 30_000] = -1e38
    error = refusal(tmp_path, float_wav(samples))
    assert error.code == "too_loud"
    assert "-1e+38 at 0.68 s" in str(error)


@pytest.mark.parametrize(("value", "name"), [(np.nan, "NaN"), (np.inf, "infinity"), (-np.inf, "infinity")])
@pytest.mark.parametrize("sample_bytes", [4, 8])
def test_what_is_no_number_is_refused_with_its_time(tmp_path: Path, value: float, name: str, sample_bytes: int) -> None:
    samples = sine(3.0, n_channels=2).astype(np.float64)
    samples[1, round(1.234 * SECOND)] = value
    samples[0, round(2.5 * SECOND)] = np.nan
    error = refusal(tmp_path, float_wav(samples, sample_bytes=sample_bytes))
    assert error.code == "not_finite"
    assert f"Received: {name} at 1.23 s." in str(error)


def test_a_double_beyond_float_is_refused(tmp_path: Path) -> None:
    samples = np.zeros((1, SECOND))
    samples[0, 441] = 1e300
    assert "infinity at 0.01 s" in str(refusal(tmp_path, float_wav(samples, sample_bytes=8)))


def test_silence_is_kept_and_named(tmp_path: Path) -> None:
    decoded = decode(written(tmp_path, pcm_wav(np.zeros((1, SECOND), np.int16))))
    assert decoded.warnings == ("The file is silent from beginning to end.",)


# --- limits ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sample_rate", [0, 1, 7_999, 192_001, 2**31 - 1])
def test_sample_rates_out_of_bounds(tmp_path: Path, sample_rate: int) -> None:
    error = refusal(tmp_path, pcm_wav(noise_pcm(SECOND), sample_rate))
    assert error.code == "sample_rate"
    assert f"{sample_rate:,} Hz" in str(error)


def test_a_tenth_of_a_second_is_too_short(tmp_path: Path) -> None:
    error = refusal(tmp_path, pcm_wav(noise_pcm(4_410)))
    assert str(error) == "A song must have at least 0.5 s of sound. Received: 0.10 s. Add a longer one."
    assert error.code == "too_short"
    assert decode(written(tmp_path, pcm_wav(noise_pcm(22_050)))).seconds == 0.5


@pytest.mark.parametrize("extension", ["wav", *ENCODED])
def test_longer_than_allowed_is_refused_not_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, extension: str
) -> None:
    samples = sine(4.0, sample_rate=48_000)
    path = tmp_path / f"a.{extension}"
    if extension == "wav":
        path.write_bytes(float_wav(samples, 48_000))
    else:
        write_encoded(path, samples, 48_000)
    monkeypatch.setenv("MUSICGEN_MAX_AUDIO_SECONDS", "4.2")
    assert decode(path).seconds == pytest.approx(4.0, abs=0.1)
    monkeypatch.setenv("MUSICGEN_MAX_AUDIO_SECONDS", "3.5")
    with pytest.raises(RejectedFile, match=r"at most 3\.5 s") as caught:
        decode(path)
    assert caught.value.code == "too_long"


# --- what breaks off, lies or is something else ---------------------------------------------------------------------


def test_an_empty_file(tmp_path: Path) -> None:
    assert refusal(tmp_path, b"").code == "empty"


@pytest.mark.parametrize(
    "content",
    [
        b"hello, I am a text that was renamed to song.mp3\n" * 50,
        id3_tag(40) + b"hello, I am a text behind a tag\n" * 50,
        b"\xff\xfb\x90\x64" + b"a frame header, then prose " * 100,
        b"fLaC" + b"prose " * 100,
        b"OggS" + b"prose " * 100,
        b"RIFF\0\0\0\0WAVE" + b"prose " * 100,
        b"\0\0\0\x20ftypM4A " + b"prose " * 100,
        b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0",
    ],
)
def test_what_only_looks_like_sound(tmp_path: Path, content: bytes) -> None:
    assert refusal(tmp_path, content).code in ("not_audio", "damaged")


@pytest.mark.parametrize(("tag", "name"), [(0x11, "IMA ADPCM"), (0x02, "ADPCM"), (0x55, "MP3"), (0x7777, "0x7777")])
def test_rare_codecs_of_wav_are_refused_by_name(tmp_path: Path, tag: int, name: str) -> None:
    error = refusal(tmp_path, wav_file(bytes(50_000), tag=tag))
    assert error.code == "unsupported_codec"
    assert name in str(error)


def test_odd_sample_widths_are_refused(tmp_path: Path) -> None:
    for options in ({"sample_bytes": 5}, {"sample_bytes": 2, "tag": FLOAT}, {"sample_bytes": 2, "bits": 20}):
        assert refusal(tmp_path, wav_file(bytes(50_000), **options)).code == "damaged"  # type: ignore[arg-type]


def cut(path: Path, share: float) -> Path:
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    return path


@pytest.mark.parametrize("extension", ["wav", "mp3", "flac", "m4a"])
def test_a_cut_file_keeps_what_is_there_and_says_what_is_missing(tmp_path: Path, extension: str) -> None:
    path = tmp_path / f"a.{extension}"
    samples = sine(10.0, n_channels=2) + np.random.default_rng(0).normal(0, 0.02, (2, 10 * SECOND)).astype(np.float32)
    if extension == "wav":
        path.write_bytes(pcm_wav(float_to_pcm16(samples)))
    else:
        write_encoded(path, samples)
    decoded = decode(cut(path, 0.5))
    assert 3.5 < decoded.seconds < 5.5
    assert decoded.kept["seconds"] + decoded.dropped["seconds"] == pytest.approx(10.0, abs=0.1)
    assert f"{decoded.seconds:.2f} s were kept, {10 - decoded.seconds:.2f}"[:5] in decoded.warnings[0]
    assert "missing" in decoded.warnings[0]
    reference = sound_of(decoded).samples[:, SECOND : 2 * SECOND]
    assert np.corrcoef(reference[0], samples[0, SECOND : 2 * SECOND])[0, 1] > 0.99


@pytest.mark.parametrize("share", [0.5, 0.99, 0.9999])
def test_a_cut_ogg_says_so(tmp_path: Path, share: float) -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, (1, 10 * SECOND)).astype(np.float32)
    decoded = decode(cut(write_encoded(tmp_path / "a.ogg", noise), share))
    assert 10 * share - 2 < decoded.seconds < 10 * share + 0.1
    assert "cut off" in decoded.warnings[0]


def test_what_an_m4a_leaves_out_by_its_list_of_edits_is_not_missing(tmp_path: Path) -> None:
    whole = write_encoded(tmp_path / "a.m4a", sine(10.0))
    program, _ = find_ffmpeg()
    command = [str(program), "-v", "error", "-ss", "3.5", "-i", str(whole), "-c", "copy", str(tmp_path / "b.m4a")]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    content = bytearray((tmp_path / "b.m4a").read_bytes())
    at = content.index(b"mdhd") + 20  # the duration, in samples
    content[at : at + 4] = (10 * SECOND).to_bytes(4, "big")
    decoded = decode(written(tmp_path, bytes(content)))
    assert decoded.seconds == pytest.approx(6.5, abs=0.1)
    assert (decoded.warnings, decoded.dropped) == ((), {})


def test_the_pictures_of_a_film_are_left_out(tmp_path: Path) -> None:
    program, _ = find_ffmpeg()
    path = tmp_path / "film.mp4"
    source = ["-f", "lavfi", "-i", "testsrc=duration=2:size=64x64", "-f", "lavfi", "-i", "sine=duration=2"]
    command = [str(program), "-v", "error", *source, "-c:v", "mpeg4", str(path)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    decoded = decode(path)
    assert decoded.seconds == pytest.approx(2.0, abs=0.05)
    assert decoded.warnings == ("The picture track of the file was left out.",)


def test_an_mp3_that_ends_in_its_first_frame(tmp_path: Path) -> None:
    content = write_encoded(tmp_path / "a.mp3", sine(2.0)).read_bytes()
    for size in (10, 100, 300, 700):
        assert refusal(tmp_path, content[:size]).code in ("damaged", "too_short", "not_audio")


def test_an_mp3_without_a_summary_shows_its_cut_by_the_last_frame(tmp_path: Path) -> None:
    path = write_encoded(tmp_path / "a.mp3", sine(10.0))
    content = path.read_bytes().replace(b"Xing", bytes(4), 1).replace(b"Info", bytes(4), 1)
    path.write_bytes(content)
    assert decode(path).warnings == ()
    path.write_bytes(content[: len(content) // 2])
    decoded = decode(path)
    assert "last frame is incomplete" in decoded.warnings[0]
    assert decoded.seconds == pytest.approx(5.0, abs=0.2)


@pytest.mark.parametrize("extension", ["wav", "mp3", "flac", "m4a"])
def test_a_file_that_breaks_off_at_once_is_refused(tmp_path: Path, extension: str) -> None:
    path = tmp_path / f"a.{extension}"
    if extension == "wav":
        path.write_bytes(pcm_wav(noise_pcm(60 * SECOND)))
    else:
        write_encoded(path, np.random.default_rng(0).normal(0, 0.1, (1, 60 * SECOND)).astype(np.float32))
    with pytest.raises(RejectedFile) as caught:
        decode(cut(path, 0.004))
    assert caught.value.code in ("too_short", "damaged")


def test_an_m4a_without_its_table_of_contents(tmp_path: Path) -> None:
    content = write_encoded(tmp_path / "a.m4a", sine(2.0)).read_bytes()
    assert "table of contents" in str(refusal(tmp_path, content.replace(b"moov", b"free")))


@pytest.mark.parametrize("total", [0, 1, SECOND, 2**31, 2**36 - 1])
def test_a_flac_has_the_length_that_is_in_it(tmp_path: Path, total: int) -> None:
    """0 is legal and means unknown; the others are lies, and all sound is read all the same."""
    honest = write_encoded(tmp_path / "a.flac", sine(3.0, n_channels=2)).read_bytes()
    decoded = decode(written(tmp_path, flac_with_total(honest, total)))
    assert decoded.n_samples == 3 * SECOND
    assert decoded.dropped.get("seconds", 0) < 100_000


@pytest.mark.parametrize("n_frames", [3, 2**31 - 1])
def test_an_mp3_has_the_length_that_is_in_it(tmp_path: Path, n_frames: int) -> None:
    content = bytearray(write_encoded(tmp_path / "a.mp3", sine(5.0)).read_bytes())
    at = max(content.find(b"Xing"), content.find(b"Info"))
    content[at + 8 : at + 12] = n_frames.to_bytes(4, "big")
    assert decode(written(tmp_path, bytes(content))).seconds == pytest.approx(5.0, abs=0.08)


@pytest.mark.parametrize(("data_size", "riff_size"), [(0, 0), (0, 36), (0xFFFFFFFF, 0xFFFFFFFF), (0xFFFFFFFF, 0)])
def test_a_wav_whose_writer_never_came_back_is_whole(tmp_path: Path, data_size: int, riff_size: int) -> None:
    decoded = decode(written(tmp_path, pcm_wav(noise_pcm(SECOND), data_size=data_size, riff_size=riff_size)))
    assert (decoded.n_samples, decoded.warnings) == (SECOND, ())


def test_a_wav_without_samples(tmp_path: Path) -> None:
    assert refusal(tmp_path, pcm_wav(noise_pcm(SECOND)[:, :0])).code == "too_short"


@pytest.mark.parametrize("n_bytes", [1_000, 5_000, 100_000])
def test_junk_behind_a_flac_costs_nothing_and_is_counted(tmp_path: Path, n_bytes: int) -> None:
    content = write_encoded(tmp_path / "a.flac", sine(3.0)).read_bytes()
    tag, junk = b"TAG" + bytes(125), np.random.default_rng(0).bytes(n_bytes)
    decoded = decode(written(tmp_path, content + tag))
    assert (decoded.n_samples, decoded.warnings) == (3 * SECOND, ())
    decoded = decode(written(tmp_path, content + junk + tag))
    assert (decoded.n_samples, decoded.dropped) == (3 * SECOND, {"bytes": n_bytes})
    assert decoded.warnings == (f"{n_bytes:,} bytes of the file that are not sound were left out.",)


@pytest.mark.parametrize("extension", ["flac", "mp3"])
def test_damage_in_the_middle_keeps_the_sound_before_it(tmp_path: Path, extension: str) -> None:
    noise: NDArray[np.float32] = np.random.default_rng(0).normal(0, 0.1, (1, 20 * SECOND)).astype(np.float32)
    content = bytearray(write_encoded(tmp_path / f"a.{extension}", noise).read_bytes())
    middle = len(content) // 2
    content[middle : middle + 20_000] = np.random.default_rng(1).bytes(20_000)
    decoded = decode(written(tmp_path, bytes(content)))
    assert decoded.seconds > 9
    assert "damaged" in decoded.warnings[0]
    assert decoded.kept["seconds"] + decoded.dropped["seconds"] == pytest.approx(20.0, abs=0.1)


@pytest.mark.parametrize("extension", ["wav", *ENCODED])
def test_what_a_sound_will_cost_is_known_before_it_is_decoded(tmp_path: Path, extension: str) -> None:
    path = tmp_path / f"a.{extension}"
    if extension == "wav":
        path.write_bytes(pcm_wav(noise_pcm(96_000, n_channels=2), 48_000))
    else:
        write_encoded(path, sine(2.0, sample_rate=48_000, n_channels=2), 48_000)
    told: list[tuple[str, float, int]] = []
    decode(
        path,
        on_seconds=lambda seconds: told.append(("read", seconds, 0)),
        on_cost=lambda seconds, n_bytes: told.append(("cost", seconds, n_bytes)),
    )
    what, seconds, n_bytes = told[0]
    assert what == "cost"
    assert seconds == pytest.approx(2.0, abs=0.05)
    assert n_bytes == pytest.approx(2 * 48_000 * 4, rel=0.03)
    assert (told[1][0], told[-1][0]) == ("read", "cost")
