"""Good sound files, and what happens to files in the wild: joined, cut, with junk in them, with headers that lie. The
place of every fault is random; the same seed gives the same file."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np

from musicgen.audio.ffmpeg import find_ffmpeg
from tests.makers_audio import id3_tag, ogg_page

Rng = np.random.Generator
Spoil = Callable[[Rng, bytes, dict[str, bytes]], bytes]

SECONDS = 3
GOOD = {  # name → (sample rate, channels, FFmpeg's options)
    "cbr.mp3": (44_100, 2, ["-b:a", "128k"]),
    "vbr.mp3": (44_100, 2, ["-q:a", "4"]),
    "plain.mp3": (48_000, 1, ["-b:a", "96k", "-id3v2_version", "0", "-write_xing", "0"]),
    "low.mp3": (22_050, 1, ["-b:a", "40k"]),
    "vorbis.ogg": (44_100, 2, ["-c:a", "libvorbis"]),
    "mono.ogg": (22_050, 1, ["-c:a", "libvorbis"]),
    "opus.ogg": (48_000, 2, ["-c:a", "libopus"]),
    "flac.ogg": (44_100, 2, ["-c:a", "flac"]),
    "16.flac": (44_100, 2, ["-sample_fmt", "s16"]),
    "24.flac": (48_000, 1, ["-sample_fmt", "s32"]),
    "16.wav": (44_100, 2, ["-c:a", "pcm_s16le"]),
    "24.wav": (48_000, 1, ["-c:a", "pcm_s24le"]),
    "float.wav": (22_050, 2, ["-c:a", "pcm_f32le"]),
    "aac.m4a": (44_100, 2, ["-c:a", "aac", "-movflags", "+faststart"]),
    "late.m4a": (44_100, 2, ["-c:a", "aac"]),
    "alac.m4a": (44_100, 1, ["-c:a", "alac"]),
    "pieces.m4a": (44_100, 2, ["-c:a", "aac", "-movflags", "frag_keyframe+empty_moov", "-frag_duration", "500000"]),
}


def good_files(folder: Path) -> dict[str, bytes]:
    """Music-like sound in every format that is read, each a little different, as FFmpeg encodes it."""
    return encoded(folder, GOOD, SECONDS)


def encoded(
    folder: Path, files: dict[str, tuple[int, int, list[str]]], seconds: int, *, seed: int = 0, hertz: int = 220
) -> dict[str, bytes]:
    """Noise and a tone, another one in each file. `files`: name → (rate, channels, options of FFmpeg)."""
    program, _ = find_ffmpeg()
    for number, (name, (rate, n_channels, options)) in enumerate(files.items()):
        noise = f"anoisesrc=d={seconds}:c=pink:a=0.2:r={rate}:seed={seed + number}"
        tone = f"sine=f={hertz + 30 * number}:d={seconds}:r={rate}"
        mixed = f"[0][1]amix=2,aformat=channel_layouts={'mono' if n_channels == 1 else 'stereo'}[out]"
        command = [str(program), "-v", "error", "-y", "-f", "lavfi", "-i", noise, "-f", "lavfi", "-i", tone]
        command += ["-filter_complex", mixed, "-map", "[out]", *options, str(folder / name)]
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    return {name: (folder / name).read_bytes() for name in files}


def _place(rng: Rng, content: bytes, first: float = 0.2, last: float = 0.9) -> int:
    return int(len(content) * rng.uniform(first, last))


def junk_first(rng: Rng, content: bytes, _: dict[str, bytes]) -> bytes:
    return rng.bytes(int(rng.integers(1, 60_000))) + content


def zeros_first(rng: Rng, content: bytes, _: dict[str, bytes]) -> bytes:
    return bytes(int(rng.integers(1, 60_000))) + content


def frame_cut_first(rng: Rng, content: bytes, _: dict[str, bytes]) -> bytes:
    return content[int(rng.integers(1, 3_000)) :]


def tag_too_long(rng: Rng, content: bytes, _: dict[str, bytes]) -> bytes:
    tag = bytearray(id3_tag(int(rng.integers(10, 2_000))))
    size = len(tag) - 10 + int(rng.integers(1, len(content) + 5_000))
    tag[6:10] = bytes(size >> shift & 0x7F for shift in (21, 14, 7, 0))
    return bytes(tag) + content


def tag_too_short(rng: Rng, content: bytes, _: dict[str, bytes]) -> bytes:
    return id3_tag(int(rng.integers(10, 2_000))) + rng.bytes(int(rng.integers(1, 30_000))) + content


def tag_in_between(rng: Rng, content: bytes, _: dict[str, bytes]) -> bytes:
    at = _place(rng, content)
    return content[:at] + id3_tag(int(rng.integers(10, 30_000))) + content[at:]


def junk_in_between(rng: Rng, content: bytes, _: dict[str, bytes]) -> bytes:
    at = _place(rng, content)
    return content[:at] + rng.bytes(int(rng.integers(1, 20_000))) + content[at:]


def zeros_in_between(rng: Rng, content: bytes, _: dict[str, bytes]) -> bytes:
    at = _place(rng, content)
    return content[:at] + bytes(int(rng.integers(1, 20_000))) + content[at:]


def overwritten(rng: Rng, content: bytes, _: dict[str, bytes]) -> bytes:
    at, size = _place(rng, content), int(rng.integers(1, 3_000))
    return content[:at] + rng.bytes(size) + content[at + size :]


def piece_missing(rng: Rng, content: bytes, _: dict[str, bytes]) -> bytes:
    at = _place(rng, content)
    return content[:at] + content[at + int(rng.integers(1, 3_000)) :]


def end_missing(rng: Rng, content: bytes, _: dict[str, bytes]) -> bytes:
    return content[: _place(rng, content, 0.4, 0.999)]


def junk_behind(rng: Rng, content: bytes, _: dict[str, bytes]) -> bytes:
    return content + rng.bytes(int(rng.integers(1, 60_000)))


def joined(rng: Rng, content: bytes, others: dict[str, bytes]) -> bytes:
    """With one to three other files of the same format, whatever their sample rate and channels."""
    names = rng.choice(list(others), int(rng.integers(1, 4)))
    return content + b"".join(others[name] for name in names)


def second_data_chunk(rng: Rng, content: bytes, _: dict[str, bytes]) -> bytes:
    """The samples in two chunks, with another one between them."""
    at = content.index(b"data")
    frames = content[at + 8 :]
    cut = len(frames) // 24 * 12
    chunks = [_chunk(b"data", frames[:cut]), _chunk(b"note", bytes(int(rng.integers(0, 50)) * 2))]
    return content[:at] + b"".join([*chunks, _chunk(b"data", frames[cut:])])


def size_that_lies(rng: Rng, content: bytes, _: dict[str, bytes]) -> bytes:
    at = content.index(b"data") + 4
    size = (0, 0xFFFFFFFF, int(rng.integers(len(content), 2**32)))[int(rng.integers(0, 3))]
    riff = size.to_bytes(4, "little") if size in (0, 0xFFFFFFFF) else content[4:8]
    return content[:4] + riff + content[8:at] + size.to_bytes(4, "little") + content[at + 4 :]


def odd_chunk(rng: Rng, content: bytes, _: dict[str, bytes]) -> bytes:
    """One of odd size in front of the samples, without the byte that makes it even."""
    at = content.index(b"data")
    return content[:at] + _chunk(b"junk", b"x" * (2 * int(rng.integers(0, 500)) + 1))[:-1] + content[at:]


def with_pictures(rng: Rng, content: bytes, _: dict[str, bytes]) -> bytes:
    """Pages of a film between those of the sound."""
    pages = [b"OggS" + page for page in content.split(b"OggS")[1:]]
    film = [ogg_page(99, number, rng.bytes(int(rng.integers(100, 4_000)))) for number in range(1, len(pages))]
    first = ogg_page(99, 0, b"\x80theora" + bytes(35), is_first=True)
    return pages[0] + first + b"".join(page for pair in zip(pages[1:], film, strict=True) for page in pair)


def another_brand(rng: Rng, content: bytes, _: dict[str, bytes]) -> bytes:
    brands = (
        b"M4A ",
        b"M4B ",
        b"mp42",
        b"isom",
        b"iso2",
        b"iso9",
        b"dash",
        b"qt  ",
        b"3gp6",
        b"NDAS",
        b"cmfc",
        b"XYZW",
    )
    return content[:8] + brands[int(rng.integers(0, len(brands)))] + content[12:]


def _chunk(name: bytes, body: bytes) -> bytes:
    return name + len(body).to_bytes(4, "little") + body + bytes(len(body) % 2)


ANYWHERE: tuple[Spoil, ...] = (end_missing, junk_behind, joined)
KINDS: dict[str, tuple[Spoil, ...]] = {
    "mp3": (
        *(junk_first, zeros_first, frame_cut_first, tag_too_long, tag_too_short, tag_in_between, *ANYWHERE),
        *(junk_in_between, zeros_in_between, overwritten, piece_missing),
    ),
    "ogg": (with_pictures, junk_in_between, zeros_in_between, overwritten, piece_missing, *ANYWHERE),
    "flac": (junk_in_between, zeros_in_between, overwritten, piece_missing, *ANYWHERE),
    "wav": (second_data_chunk, size_that_lies, odd_chunk, overwritten, *ANYWHERE),
    "m4a": (another_brand, overwritten, *ANYWHERE),
}


def spoiled(number: int, files: dict[str, bytes]) -> tuple[str, str, bytes]:
    """Name of the good file, name of the fault, and the spoiled file that has this number."""
    rng = np.random.default_rng(number)
    cases = [(name, kind) for name in files for kind in KINDS[name.rpartition(".")[2]]]
    name, kind = cases[number % len(cases)]
    alike = {other: content for other, content in files.items() if other.endswith(name.rpartition(".")[2])}
    return name, kind.__name__, kind(rng, files[name], alike)
