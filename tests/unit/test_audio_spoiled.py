"""What a player plays is read: joined and chained files, junk, cut frames, tags and sizes that lie. FFmpeg says how
much sound there is."""

from __future__ import annotations

import subprocess
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from musicgen.audio.decoding import Decoded, decode
from musicgen.audio.ffmpeg import find_ffmpeg
from musicgen.audio.formats import sniff_audio
from musicgen.audio.sources.flac import open_flac
from musicgen.audio.sources.m4a import open_m4a
from musicgen.audio.survey import tamed
from musicgen.audio.waveform import float_to_pcm16
from musicgen.errors import RejectedFile
from musicgen.songs.content import HEAD_BYTES, refusal, sniff
from tests.makers_audio import id3_tag, noise_pcm, ogg_page, pcm_wav, sine, wav_file, write_encoded
from tests.makers_spoiled_sound import SECONDS, good_files, spoiled
from tests.readers_lenient import seconds_by_ffmpeg

SECOND = 44_100
DELAY_SECONDS = 0.1  # what an encoder adds at both ends of a file, at 22 kHz; we leave it out, FFmpeg does not always
LEAST_ACCEPTED = 0.97


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return good_files(tmp_path_factory.mktemp("good"))


def read(folder: Path, content: bytes) -> Decoded:
    """As the intake reads it: by its first bytes, then all of it."""
    path = folder / "upload"
    path.write_bytes(content)
    if sniff(content[:HEAD_BYTES]) is None:
        raise refusal(content[:HEAD_BYTES], path.name)
    return decode(path)


def samples_of(decoded: Decoded) -> NDArray[np.float32]:
    return np.concatenate([block.copy() for block in decoded.blocks()], axis=1)


def check_spoiled(folder: Path, files: dict[str, bytes], numbers: range) -> Counter[str]:
    """Read the spoiled files of these numbers; how many were accepted, and how many were refused for which reason."""
    outcomes: Counter[str] = Counter()
    for number in numbers:
        name, fault, content = spoiled(number, files)
        try:
            decoded = read(folder, content)
        except RejectedFile as error:
            outcomes[error.code] += 1
            continue
        outcomes["accepted"] += 1
        slack = DELAY_SECONDS * (4 if fault == "joined" else 1)
        found = seconds_by_ffmpeg(folder / "upload")
        assert decoded.seconds >= found - slack, (number, name, fault, decoded.warnings)
        assert sum(block.shape[1] for block in decoded.blocks()) == decoded.n_samples
    return outcomes


def test_spoiled_files_are_read_with_all_their_sound(tmp_path: Path, good: dict[str, bytes]) -> None:
    outcomes = check_spoiled(tmp_path, good, range(0, 139, 2))
    assert outcomes["accepted"] >= LEAST_ACCEPTED * outcomes.total(), outcomes


@pytest.mark.slow
def test_a_thousand_spoiled_files_are_read_with_all_their_sound(tmp_path: Path, good: dict[str, bytes]) -> None:
    outcomes = check_spoiled(tmp_path, good, range(1_000))
    print(outcomes)
    assert outcomes["accepted"] >= LEAST_ACCEPTED * outcomes.total(), outcomes


# --- one after the other --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("extension", ["mp3", "ogg", "opus", "flac", "wav", "m4a"])
def test_joined_files_are_all_their_sound(tmp_path: Path, extension: str) -> None:
    """The samples of both, one after the other, as each of them is read alone."""
    contents, apart = [], []
    for number, frequency in enumerate((300.0, 500.0)):
        samples = sine(1.5 + number, frequency=frequency, sample_rate=48_000)
        path = tmp_path / f"{number}.{extension}"
        if extension == "wav":
            path.write_bytes(pcm_wav(float_to_pcm16(samples), 48_000))
        else:
            write_encoded(path, samples, 48_000)
        contents.append(path.read_bytes())
        apart.append(samples_of(decode(path)))
    decoded = read(tmp_path, b"".join(contents))
    np.testing.assert_array_equal(samples_of(decoded), np.concatenate(apart, axis=1))
    assert decoded.warnings == ("2 recordings follow one another in the file; they were read as one.",)
    assert decoded.dropped == {}


@pytest.mark.parametrize("extension", ["mp3", "ogg", "flac", "wav"])
def test_parts_of_another_kind_are_converted(tmp_path: Path, extension: str) -> None:
    """To the sample rate of the first; what has one channel is heard on both sides."""
    first, second = sine(2.0, n_channels=2), sine(2.0, frequency=600.0, sample_rate=22_050)
    contents = []
    for number, (samples, rate) in enumerate(((first, 44_100), (second, 22_050))):
        path = tmp_path / f"{number}.{extension}"
        if extension == "wav":
            path.write_bytes(pcm_wav(float_to_pcm16(samples), rate))
        else:
            write_encoded(path, samples, rate)
        contents.append(path.read_bytes())
    decoded = read(tmp_path, b"".join(contents))
    assert (decoded.sample_rate, decoded.n_channels) == (44_100, 2)
    assert decoded.seconds == pytest.approx(4.0, abs=0.1)
    assert "Parts at 22,050 Hz were resampled to 44,100 Hz" in decoded.warnings[1]
    tail = samples_of(decoded)[:, -SECOND - 4_410 : -4_410]
    np.testing.assert_array_equal(tail[0], tail[1])
    assert np.argmax(np.abs(np.fft.rfft(tail[0]))) == 600


def test_ogg_codecs_follow_each_other(tmp_path: Path) -> None:
    contents = [
        write_encoded(tmp_path / f"a.{kind}", sine(1.0, sample_rate=48_000), 48_000) for kind in ("ogg", "opus")
    ]
    decoded = read(tmp_path, b"".join(path.read_bytes() for path in contents))
    assert decoded.n_samples == 96_000


def test_a_part_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    vorbis = write_encoded(tmp_path / "a.ogg", sine(1.0)).read_bytes()
    speex = ogg_page(7, 0, b"Speex   " + bytes(72), is_first=True) + ogg_page(7, 1, bytes(500), is_last=True)
    decoded = read(tmp_path, vorbis + speex)
    assert decoded.n_samples == SECOND
    assert "Part 2 of the file was left out" in decoded.warnings[0]
    assert "Received: Speex. Convert it" in decoded.warnings[0]


def test_a_second_data_chunk_is_sound_too(tmp_path: Path) -> None:
    pcm = noise_pcm(2 * SECOND)
    rest = pcm[:, SECOND:].astype("<i2").tobytes()
    more = b"LIST\x04\0\0\0INFO" + b"data" + len(rest).to_bytes(4, "little") + rest
    decoded = read(tmp_path, pcm_wav(pcm[:, :SECOND], chunks_after=more))
    np.testing.assert_array_equal(float_to_pcm16(samples_of(decoded)), np.maximum(pcm, -32_767))
    assert decoded.warnings == ()


def test_a_chunk_of_odd_size_without_its_padding(tmp_path: Path) -> None:
    pcm = noise_pcm(SECOND)
    decoded = read(tmp_path, pcm_wav(pcm, chunks_before=b"junk\x03\0\0\0abc"))
    np.testing.assert_array_equal(float_to_pcm16(samples_of(decoded)), np.maximum(pcm, -32_767))


def test_a_chunk_that_lies_about_its_size_does_not_hide_the_samples(tmp_path: Path) -> None:
    decoded = read(tmp_path, pcm_wav(noise_pcm(SECOND), chunks_before=b"LIST\xff\xff\xff\x7fINFO"))
    assert (decoded.n_samples, decoded.dropped) == (SECOND, {"bytes": 12})


@pytest.mark.parametrize("name", [b"ID3 ", b"TAG "])
def test_chunks_named_like_tags_are_chunks(tmp_path: Path, name: bytes) -> None:
    chunk = name + (600).to_bytes(4, "little") + bytes(600)
    decoded = read(tmp_path, pcm_wav(noise_pcm(SECOND), chunks_before=chunk, chunks_after=chunk))
    assert (decoded.n_samples, decoded.dropped) == (SECOND, {})
    decoded = read(tmp_path, pcm_wav(noise_pcm(SECOND), chunks_after=b"TAG" + bytes(125)))
    assert (decoded.n_samples, decoded.dropped) == (SECOND, {})


def test_bytes_behind_the_samples_are_counted(tmp_path: Path) -> None:
    decoded = read(tmp_path, pcm_wav(noise_pcm(SECOND), chunks_after=b"\xee" * 1_001))
    assert (decoded.n_samples, decoded.dropped) == (SECOND, {"bytes": 1_001})
    assert decoded.warnings == ("1,001 bytes of the file that are not sound were left out.",)


# --- what stands in front of an mp3, and between its frames -----------------------------------------------------------


@pytest.fixture(scope="module")
def mp3(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Frames alone, all of the same size, without a summary and without references to those before: 256 kbit/s."""
    folder = tmp_path_factory.mktemp("mp3")
    program, _ = find_ffmpeg()
    command = [str(program), "-v", "error", "-f", "lavfi", "-i", "sine=f=440:d=3:r=48000", "-b:a", "256k"]
    command += ["-reservoir", "0", "-write_xing", "0", "-id3v2_version", "0", str(folder / "a.mp3")]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    return (folder / "a.mp3").read_bytes()


def lying(size: int, said: int) -> bytes:
    return b"ID3\x04\x00\x00" + bytes(said >> shift & 0x7F for shift in (21, 14, 7, 0)) + bytes(size)


@pytest.mark.parametrize(
    ("front", "left_out"),
    [
        (np.random.default_rng(0).bytes(5_000), 5_000),
        (np.random.default_rng(1).bytes(65_000), 65_000),
        (bytes(40_000), 40_000),
        (b"<" + np.random.default_rng(2).bytes(800), 801),
        (b"MZ" + np.random.default_rng(3).bytes(800), 802),
        (b"HTTP/1.0 200 OK\r\nContent-Type: audio/mpeg\r\n\r\n", 45),
        (lying(500, 20_000), 0),
        (lying(500, 2**27), 0),
        (lying(500, 300), 200),
        (id3_tag(100) + id3_tag(3_000), 0),
        (
            b"APETAGEX"
            + (2_000).to_bytes(4, "little")
            + (32).to_bytes(4, "little")
            + bytes(4)
            + b"\0\0\0\xa0"
            + bytes(40),
            0,
        ),
    ],
)
def test_what_stands_in_front_of_the_frames_is_passed_over(
    tmp_path: Path, mp3: bytes, front: bytes, left_out: int
) -> None:
    """Every sample of the frames is read, and the bytes that are neither frames nor tags are counted."""
    (tmp_path / "alone.mp3").write_bytes(mp3)
    decoded = read(tmp_path, front + mp3)
    np.testing.assert_array_equal(samples_of(decoded), samples_of(decode(tmp_path / "alone.mp3")))
    assert decoded.dropped == ({"bytes": left_out} if left_out else {})
    assert decoded.format == "mp3"


def test_the_end_of_a_cut_mp3_is_not_taken_for_what_its_encoder_added(tmp_path: Path, good: dict[str, bytes]) -> None:
    """With the decoder's own delay, LAME puts 1,105 samples in front; the others of the frames that are left count."""
    decoded = read(tmp_path, good["cbr.mp3"][:30_000])
    assert (decoded.n_samples + 1_105) % 1_152 == 0
    assert (read(tmp_path, good["cbr.mp3"]).n_samples + 1_105) % 1_152 != 0


@pytest.mark.parametrize("n_cut", [1, 100, 383, 385, 1_000])
def test_an_mp3_that_begins_within_a_frame(tmp_path: Path, mp3: bytes, n_cut: int) -> None:
    frame_bytes, n_frames = 768, len(mp3) // 768
    decoded = read(tmp_path, mp3[n_cut:])
    lost = -(-n_cut // frame_bytes)
    assert decoded.n_samples == pytest.approx((n_frames - lost) * 1152, abs=1_152)
    assert decoded.dropped["bytes"] == lost * frame_bytes - n_cut


@pytest.mark.parametrize(
    "between",
    [b"", b"x" * 1_000, bytes(100_000), np.random.default_rng(0).bytes(200_000), id3_tag(500_000), b"TAG" + bytes(125)],
)
def test_what_stands_between_frames_costs_one_of_them(tmp_path: Path, mp3: bytes, between: bytes) -> None:
    at = 768 * 60 + 500  # inside a frame
    decoded = read(tmp_path, mp3[:at] + between + mp3[at + 268 :])
    assert decoded.n_samples == pytest.approx((len(mp3) // 768 - 1) * 1152, abs=1_152)
    assert decoded.dropped["bytes"] >= 500


def test_no_jingle_out_of_a_tag_is_taken_for_the_song(tmp_path: Path, mp3: bytes) -> None:
    tag = id3_tag(20_000 + 768 * 20)
    tag = tag[:5_000] + mp3[: 768 * 20] + tag[5_000 + 768 * 20 :]
    (tmp_path / "alone.mp3").write_bytes(mp3)
    assert read(tmp_path, tag + mp3).n_samples == decode(tmp_path / "alone.mp3").n_samples


# --- what lies beside the sound, and what it is kept in ---------------------------------------------------------------


def test_an_ogg_film_keeps_its_sound(tmp_path: Path) -> None:
    sound = write_encoded(tmp_path / "a.ogg", sine(3.0)).read_bytes()
    pages = [b"OggS" + page for page in sound.split(b"OggS")[1:]]
    film = [ogg_page(99, number, bytes(2_000)) for number in range(1, len(pages))]
    first = ogg_page(99, 0, b"\x80theora" + bytes(35), is_first=True)
    mixed = first + pages[0] + b"".join(page for pair in zip(pages[1:], film, strict=True) for page in pair)
    decoded = read(tmp_path, mixed)
    np.testing.assert_array_equal(samples_of(decoded), samples_of(decode(tmp_path / "a.ogg")))
    assert decoded.warnings == ("The picture track of the file was left out.",)


@pytest.mark.parametrize("bits", [16, 24])
def test_flac_in_ogg_is_exact(tmp_path: Path, bits: int) -> None:
    pcm = noise_pcm(SECOND, n_channels=2)
    program, _ = find_ffmpeg()
    (tmp_path / "a.wav").write_bytes(pcm_wav(pcm))
    form = {16: "s16", 24: "s32"}[bits]
    command = [str(program), "-v", "error", "-i", str(tmp_path / "a.wav"), "-c:a", "flac", "-sample_fmt", form]
    subprocess.run([*command, str(tmp_path / "a.ogg")], check=True, stdin=subprocess.DEVNULL)
    decoded = decode(tmp_path / "a.ogg")
    assert decoded.format == "ogg"
    np.testing.assert_array_equal(float_to_pcm16(samples_of(decoded)), np.maximum(pcm, -32_767))


@pytest.mark.parametrize(
    ("codec", "extension"),
    [
        *(("aac", extension) for extension in ("m4a", "m4b", "mp4", "mov", "3gp")),
        *(("alac", "m4a"), ("libmp3lame", "mp4"), ("ac3", "mp4"), ("eac3", "mp4"), ("libopus", "mp4"), ("flac", "mp4")),
        *(("libvorbis", "mp4"), ("pcm_s16le", "mov"), ("pcm_s24be", "mov"), ("pcm_f32le", "mov"), ("pcm_mulaw", "mov")),
    ],
)
def test_every_codec_that_mp4_commonly_carries(tmp_path: Path, codec: str, extension: str) -> None:
    pcm = noise_pcm(48_000, n_channels=2)
    (tmp_path / "a.wav").write_bytes(pcm_wav(pcm, 48_000))
    program, _ = find_ffmpeg()
    path = tmp_path / f"b.{extension}"
    command = [str(program), "-v", "error", "-i", str(tmp_path / "a.wav"), "-c:a", codec, "-strict", "-2", str(path)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    decoded = read(tmp_path, path.read_bytes())
    assert (decoded.format, decoded.sample_rate, decoded.n_channels) == ("m4a", 48_000, 2)
    assert decoded.seconds == pytest.approx(1.0, abs=0.06)
    if codec in ("alac", "flac", "pcm_s16le", "pcm_s24be"):
        np.testing.assert_array_equal(float_to_pcm16(samples_of(decoded)), np.maximum(pcm, -32_767))


@pytest.mark.parametrize("brand", [b"M4A ", b"mp42", b"isom", b"iso9", b"dash", b"qt  ", b"NDAS", b"cmfc", b"    "])
def test_the_brand_of_an_mp4_does_not_matter(tmp_path: Path, good: dict[str, bytes], brand: bytes) -> None:
    content = good["aac.m4a"]
    assert read(tmp_path, content[:8] + brand + content[12:]).n_samples == read(tmp_path, content).n_samples


def test_a_quicktime_file_of_before_there_were_brands(tmp_path: Path, good: dict[str, bytes]) -> None:
    content = good["late.m4a"]
    size = int.from_bytes(content[:4], "big")
    assert read(tmp_path, content[:4] + b"skip" + content[8:size] + content[size:]).seconds > 2.9


def test_the_sound_track_that_can_be_read_is_read(tmp_path: Path) -> None:
    program, _ = find_ffmpeg()
    command = [str(program), "-v", "error", "-f", "lavfi", "-i", "sine=d=2:r=48000", "-map", "0:a", "-map", "0:a"]
    command += ["-c:a:0", "dca", "-strict", "-2", "-c:a:1", "aac", str(tmp_path / "two.mp4")]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    decoded = decode(tmp_path / "two.mp4")
    assert decoded.seconds == pytest.approx(2.0, abs=0.05)
    assert decoded.warnings == ("The file has 2 sound tracks; the first one that can be decoded was read.",)


# --- what cannot be read says what it is ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("codec", "extension", "name"),
    [
        *(("mp2", "mp2", "MP2"), ("aac", "aac", "raw AAC"), ("ac3", "ac3", "AC-3"), ("wmav2", "wma", "WMA")),
        *(
            ("pcm_s16be", "aiff", "AIFF"),
            ("tta", "tta", "TTA"),
            ("wavpack", "wv", "WavPack"),
            ("pcm_s16be", "au", "AU"),
        ),
        *(("pcm_s16le", "caf", "Core Audio"), ("pcm_s16le", "w64", "Wave64"), ("libvorbis", "mka", "Matroska")),
        *(("dca", "dts", "DTS"), ("pcm_u8", "voc", "VOC"), ("dca", "mp4", "DTS"), ("adpcm_ima_qt", "mov", "IMA ADPCM")),
        *(("ac3", "wav", "AC-3"), ("libmp3lame", "wav", "MP3")),
    ],
)
@pytest.mark.parametrize("front", [b"", id3_tag(300)])
def test_other_formats_are_named(tmp_path: Path, codec: str, extension: str, name: str, front: bytes) -> None:
    program, _ = find_ffmpeg()
    path = tmp_path / f"a.{extension}"
    command = [str(program), "-v", "error", "-f", "lavfi", "-i", "sine=d=1:r=44100", "-c:a", codec, "-strict", "-2"]
    subprocess.run([*command, str(path)], check=True, stdin=subprocess.DEVNULL)
    with pytest.raises(RejectedFile) as caught:
        read(tmp_path, front + path.read_bytes())
    assert name in str(caught.value)
    assert "damaged" not in (caught.value.code, str(caught.value))
    assert "onvert it" in str(caught.value) or "Save it" in str(caught.value)


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (b"MAC \x96\x0f" + bytes(100), "Monkey's Audio"),
        (b"MPCKSH" + bytes(100), "Musepack"),
        (b"MP+\x07" + bytes(100), "Musepack"),
        (b"DSD \x1c\0\0\0" + bytes(100), "DSD"),
        (b"FRM8" + bytes(8) + b"DSD " + bytes(100), "DSD"),
        (b"#!AMR\n" + bytes(100), "AMR"),
        (b"OFR " + bytes(100), "OptimFROG"),
        (b"tBaK" + bytes(100), "TAK"),
        (b"Extended Module: a song" + bytes(100), "tracker"),
    ],
)
def test_rarer_formats_are_named_by_their_marks(head: bytes, name: str) -> None:
    for content in (head, id3_tag(50) + head):
        assert sniff(content) is None
        error = refusal(content, "song.mp3")
        assert name in str(error)
        assert error.code == "other_audio"


@pytest.mark.parametrize(("packet", "name"), [(b"Speex   ", "Speex"), (b"CELT    ", "CELT"), (b"\x80theora", "Theora")])
def test_other_codecs_in_ogg_are_named(tmp_path: Path, packet: bytes, name: str) -> None:
    content = ogg_page(1, 0, packet + bytes(72), is_first=True) + ogg_page(1, 1, bytes(900), is_last=True)
    with pytest.raises(RejectedFile, match=name) as caught:
        read(tmp_path, content)
    assert caught.value.code in ("unsupported_codec", "no_sound")


def test_a_protected_file_is_called_protected(tmp_path: Path, good: dict[str, bytes]) -> None:
    with pytest.raises(RejectedFile, match="copy protection") as caught:
        read(tmp_path, good["aac.m4a"].replace(b"mp4a", b"drms", 1))
    assert caught.value.code == "locked"


def test_noise_is_no_mp3() -> None:
    rng = np.random.default_rng(0)
    assert [sniff_audio(rng.bytes(HEAD_BYTES)) for _ in range(50)] == [None] * 50


def test_a_wav_of_another_codec_behind_a_good_one_is_left_out(tmp_path: Path) -> None:
    decoded = read(tmp_path, pcm_wav(noise_pcm(SECOND)) + wav_file(bytes(50_000), tag=0x11))
    assert decoded.n_samples == SECOND
    assert "IMA ADPCM" in decoded.warnings[0]


def test_a_box_that_ends_beyond_every_file(tmp_path: Path, good: dict[str, bytes]) -> None:
    content = good["aac.m4a"]
    decoded = read(tmp_path, content + b"\0\0\0\x01mdat" + (2**63 - 1).to_bytes(8, "big"))
    assert decoded.n_samples == read(tmp_path, content).n_samples


def test_another_reader_that_sees_another_form_is_not_believed(tmp_path: Path, good: dict[str, bytes]) -> None:
    (tmp_path / "a.flac").write_bytes(good["16.flac"])
    other = open_flac(tmp_path / "a.flac").other_reader()
    assert other is not None
    assert sum(len(block) for block in other.blocks()) == 3 * SECOND
    other.n_channels = 6
    with pytest.raises(RejectedFile, match="44,100 Hz with 2 channels"):
        next(other.blocks())


@pytest.mark.parametrize("name", ["vorbis.ogg", "opus.ogg", "16.flac", "16.wav"])
@pytest.mark.parametrize("n_bytes", [128, 5_000])
def test_junk_in_front_of_other_formats(tmp_path: Path, good: dict[str, bytes], name: str, n_bytes: int) -> None:
    alone, decoded = read(tmp_path, good[name]), read(tmp_path, b"\x01" + b"\xaa" * (n_bytes - 1) + good[name])
    assert (decoded.format, decoded.n_samples) == (alone.format, alone.n_samples)
    assert decoded.dropped == {"bytes": n_bytes}


# --- relatives --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("frame_bytes", [0, 2, 3, 400])
def test_a_frame_size_that_cannot_be_gives_way_to_the_bits(tmp_path: Path, frame_bytes: int) -> None:
    pcm = noise_pcm(SECOND, n_channels=2)
    content = pcm_wav(pcm)
    decoded = read(tmp_path, content[:32] + frame_bytes.to_bytes(2, "little") + content[34:])
    np.testing.assert_array_equal(float_to_pcm16(samples_of(decoded)), np.maximum(pcm, -32_767))


def test_a_description_behind_the_samples(tmp_path: Path) -> None:
    pcm = noise_pcm(SECOND)
    content = pcm_wav(pcm)
    decoded = read(tmp_path, content[:12] + content[36:] + content[12:36])
    np.testing.assert_array_equal(float_to_pcm16(samples_of(decoded)), np.maximum(pcm, -32_767))


def test_joined_flacs_that_are_damaged_keep_what_follows_the_damage(tmp_path: Path, good: dict[str, bytes]) -> None:
    rng = np.random.default_rng(4)
    parts = []
    for name in ("16.flac", "24.flac"):
        part = bytearray(good[name])
        for at in rng.integers(len(part) // 3, len(part) // 2, 5):
            part[at] ^= 1 << int(rng.integers(0, 8))
        parts.append(bytes(part))
    decoded = read(tmp_path, b"".join(parts))
    assert decoded.seconds == pytest.approx(2 * SECONDS, abs=0.2)
    assert any("cut off or damaged" in warning for warning in decoded.warnings)


def test_a_damaged_place_in_a_lossy_file_may_decode_to_any_number(tmp_path: Path, good: dict[str, bytes]) -> None:
    """It is clipped, and the song is as loud as it was; in a file of floats, such numbers are its own and refused."""
    (tmp_path / "a.m4a").write_bytes(good["aac.m4a"])
    source = open_m4a(tmp_path / "a.m4a")
    wild = np.full((1_000, 2), 0.25, np.float32)
    wild[3], wild[4], wild[5], wild[6] = np.nan, np.inf, -np.inf, -400.0
    expected = np.full((1_000, 2), 0.25, np.float32)
    expected[3], expected[4], expected[5], expected[6] = 0.0, 1.0, -1.0, -1.0
    np.testing.assert_array_equal(tamed(wild, source), expected)
    source.is_lossy = False
    assert tamed(wild, source) is wild


def test_no_cost_is_told_from_a_header_that_says_more_than_may_be(tmp_path: Path, good: dict[str, bytes]) -> None:
    content, told = good["cbr.mp3"], []
    at = max(content.find(b"Xing", 0, 4096), content.find(b"Info", 0, 4096)) + 8
    (tmp_path / "a.mp3").write_bytes(content[:at] + b"\xff" * 4 + content[at + 4 :])
    decoded = decode(tmp_path / "a.mp3", on_cost=lambda seconds, _: told.append(seconds))
    assert told == [decoded.seconds]
    assert decoded.seconds == pytest.approx(SECONDS, abs=0.1)
