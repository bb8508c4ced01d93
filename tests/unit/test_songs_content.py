"""What a file is by its first bytes, and what it is called when it is no music."""

from __future__ import annotations

import pytest

from musicgen.songs.content import HEAD_BYTES, KNOWN_EXTENSIONS, extension_warning, refusal, sniff


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"MThd\x00\x00\x00\x06", "midi"),
        (b"RIFF\x10\x00\x00\x00RMIDdata", "midi"),
        (b"RIFF\x10\x00\x00\x00WAVEfmt ", "wav"),
        (b"fLaC\x00\x00\x00\x22", "flac"),
        (b"OggS\x00\x02", "ogg"),
        (b"\x00\x00\x00\x1cftypM4A \x00", "m4a"),
        (b"ID3\x04\x00\x00\x00\x00\x00\x00", "mp3"),
        (b"PK\x03\x04", "zip"),
        (b"PK\x05\x06" + bytes(18), "zip"),
        (b"", None),
        (b"RIFF\x10\x00\x00\x00sfbk", None),
        (b"RIFF\x10\x00\x00\x00DLS ", None),
        (b"#EXTM3U\n", None),
        (bytes(4096), None),
    ],
)
def test_sniff(head: bytes, kind: str | None) -> None:
    assert sniff(head) == kind


@pytest.mark.parametrize(
    ("head", "said", "code"),
    [
        (b"", "an empty file", "empty"),
        (bytes(HEAD_BYTES), "zero bytes", "not_music"),
        (b"hello, I am text\n" * 300, "text", "not_music"),
        (("ü" * HEAD_BYTES).encode()[1 : HEAD_BYTES + 1], "unknown format", "not_music"),
        (("x" + "ü" * HEAD_BYTES).encode()[:HEAD_BYTES], "text", "not_music"),
        (b"\x00\x01\x02\x03" * 50, "unknown format", "not_music"),
        (b"#EXTM3U\nhttp://169.254.169.254/", "a playlist", "playlist"),
        (b"\xef\xbb\xbf  \n#EXTM3U8\n", "a playlist", "playlist"),
        (b"ffconcat version 1.0\nfile 'alice.wav'", "a playlist", "playlist"),
        (b"[playlist]\nFile1=a.mp3", "a playlist", "playlist"),
        (b'<?xml version="1.0"?>\n<MPD xmlns="urn:mpeg:dash">', "a playlist", "playlist"),
        (b"<ASX version='3.0'>", "a playlist", "playlist"),
        (b"<!DOCTYPE html><html>", "a web page", "not_music"),
        (b"<html><script>alert(1)</script>", "a web page", "not_music"),
        (b'<?xml version="1.0"?><!DOCTYPE score-partwise><score-partwise>', "MusicXML", "notation"),
        (b"<svg>", "XML or HTML", "not_music"),
        (b"RIFF\x10\x00\x00\x00sfbkLIST", "a sound font", "sound_font"),
        (b"RIFF\x10\x00\x00\x00DLS LIST", "a sound font", "sound_font"),
        (b"FORM\x10\x00\x00\x00AIFFCOMM", "an AIFF file", "other_audio"),
        (b"\xff\xf1\x50\x80", "a raw AAC stream", "other_audio"),
        (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "a WMA file", "other_audio"),
        (b"Rar!\x1a\x07\x00", "a RAR archive", "archive"),
        (b"\x1f\x8b\x08\x00", "a gzip archive", "archive"),
        (bytes(257) + b"ustar\x0000", "a tar archive", "archive"),
        (b"\x89PNG\r\n\x1a\n", "a picture", "not_music"),
        (b"%PDF-1.7", "a PDF", "not_music"),
        (b"\x7fELF\x02", "a program", "not_music"),
    ],
)
def test_refusals_say_what_it_is(head: bytes, said: str, code: str) -> None:
    assert sniff(head) is None
    error = refusal(head)
    assert said in str(error)
    assert error.code == code
    assert "\n" not in str(error)


def test_refusals_mention_a_name_that_promised_music() -> None:
    assert "though its name ends in .mp3" in str(refusal(b"plain text", "song.mp3"))
    assert "though" not in str(refusal(b"plain text", "song.txt"))
    assert "though" not in str(refusal(b"", "song.mp3"))


@pytest.mark.parametrize(
    ("name", "format", "warned"),
    [
        ("a.mp3", "flac", "The name ends in .mp3, but this is FLAC; it was read as FLAC."),
        ("a.WAV", "wav", ""),
        ("a.mp4", "m4a", ""),
        ("a.kar", "midi", ""),
        ("a", "wav", ""),
        ("a.tmp", "wav", ""),
        ("No.5", "wav", ""),
        ("a.zip", "midi", "The name ends in .zip, but this is MIDI; it was read as MIDI."),
    ],
)
def test_extension_warning(name: str, format: str, warned: str) -> None:
    assert extension_warning(name, format) == warned


def test_extensions_are_lower_case() -> None:
    assert all(extension == extension.lower().strip(".") for extension in KNOWN_EXTENSIONS)
