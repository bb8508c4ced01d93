"""A file is what its first bytes say."""

from __future__ import annotations

from pathlib import Path

import pytest

from musicgen.audio.formats import sniff_audio, sniff_audio_file
from musicgen.audio.mp3 import parse_header
from musicgen.audio.tags import id3_size
from tests.makers_audio import (
    PLAYLISTS,
    box,
    float_wav,
    id3_tag,
    noise_pcm,
    pcm_wav,
    playlist,
    silent_flac,
    sine,
    write_encoded,
)


@pytest.mark.parametrize(
    ("extension", "format"), [("flac", "flac"), ("ogg", "ogg"), ("opus", "ogg"), ("mp3", "mp3"), ("m4a", "m4a")]
)
def test_what_encoders_write(tmp_path: Path, extension: str, format: str) -> None:
    path = write_encoded(tmp_path / f"a.{extension}", sine(0.5, sample_rate=48_000), 48_000)
    assert sniff_audio(path.read_bytes()[:4096]) == sniff_audio_file(path) == format


def test_wav_in_its_variants() -> None:
    content = pcm_wav(noise_pcm(10))
    assert sniff_audio(content) == sniff_audio(float_wav(sine(0.1))) == "wav"
    assert sniff_audio(b"RF64" + content[4:]) == "wav"


def test_what_stands_behind_a_tag_counts(tmp_path: Path) -> None:
    path = tmp_path / "a"
    for size in (20, 4_000, 100_000):
        path.write_bytes(id3_tag(size) + id3_tag(30) + silent_flac(10))
        assert sniff_audio_file(path) == "flac"
    assert sniff_audio(id3_tag(20) + silent_flac(10)) == "flac"
    assert sniff_audio(id3_tag(100_000)[:4096]) == "mp3"


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"\0" * 100,
        b"hello, this is text",
        b"\xff\xfeh\0e\0l\0l\0o\0",  # UTF-16
        b"\xff\xf1\x50\x80\x2e\x7f\xfc",  # raw AAC (ADTS)
        b"\xff\xfb\x90\x64" + b"text " * 200,  # one frame header, and no second one
        b"RIFF\0\0\0\0AVI LIST",
        b"RIFF\0\0\0\0sfbk",
        b"MThd\0\0\0\x06",
        box(b"ftyp", b"heic\0\0\0\0mif1"),
        box(b"ftyp", b"avif\0\0\0\0mif1"),
        b"<html>",
    ],
)
def test_everything_else_is_not_sound(head: bytes) -> None:
    assert sniff_audio(head) is None


@pytest.mark.parametrize("kind", PLAYLISTS)
def test_playlists_are_not_sound(kind: str, tmp_path: Path) -> None:
    assert sniff_audio(playlist(kind, url="http://127.0.0.1:1", secret=tmp_path / "secret.wav")) is None


def test_frame_headers_as_the_standard_has_them() -> None:
    first = parse_header(bytes.fromhex("fffb9064"))  # MPEG 1, 128 kbit/s, 44.1 kHz, joint stereo
    assert first is not None
    assert (first.size, first.n_samples, first.sample_rate, first.n_channels) == (417, 1152, 44_100, 2)
    second = parse_header(bytes.fromhex("fff384c4"))  # MPEG 2, 64 kbit/s, 24 kHz, mono
    assert second is not None
    assert (second.size, second.n_samples, second.sample_rate, second.n_channels) == (192, 576, 24_000, 1)
    for bad in ("fffbf064", "fffb9c64", "ffeb9064", "fffd9064", "00fb9064", "fffb"):
        assert parse_header(bytes.fromhex(bad)) is None
    assert id3_size(id3_tag(300)) == 310
    assert id3_size(b"ID3\x04\0\0\xff\xff\xff\xff") == 0
