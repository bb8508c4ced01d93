"""Sound files whose containers are unusual or lie: relatives of the faults in `makers_spoiled_sound`."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tests.makers_audio import box, flac_with_total, id3_tag
from tests.makers_spoiled_sound import KINDS, Rng, Spoil, _chunk, encoded

MORE = {  # name → (sample rate, channels, FFmpeg's options)
    "eight.wav": (22_050, 1, ["-c:a", "pcm_u8"]),
    "32.wav": (48_000, 2, ["-c:a", "pcm_s32le"]),
    "double.wav": (44_100, 1, ["-c:a", "pcm_f64le"]),
    "64.wav": (44_100, 2, ["-c:a", "pcm_s16le", "-rf64", "always"]),
    "six.wav": (44_100, 2, ["-c:a", "pcm_s24le", "-ac", "6"]),
    "abr.mp3": (44_100, 2, ["-b:a", "160k", "-abr", "1", "-joint_stereo", "0"]),
    "oldest.mp3": (11_025, 1, ["-b:a", "24k"]),
    "opus_mono.ogg": (48_000, 1, ["-c:a", "libopus", "-b:a", "32k"]),
    "opus_long.ogg": (48_000, 2, ["-c:a", "libopus", "-frame_duration", "60"]),
    "8k.flac": (8_000, 1, ["-sample_fmt", "s16"]),
    "96k.flac": (96_000, 2, ["-sample_fmt", "s32"]),
    "dash.m4a": (44_100, 2, ["-c:a", "aac", "-movflags", "dash+delay_moov", "-f", "mp4"]),
    "film.m4a": (44_100, 2, ["-c:a", "aac", "-f", "mov"]),
    "flac.m4a": (44_100, 2, ["-c:a", "flac", "-strict", "-2", "-f", "mp4"]),
    "opus.m4a": (48_000, 2, ["-c:a", "libopus", "-f", "mp4"]),
}


def add_good_files(folder: Path, seconds: int = 3) -> dict[str, bytes]:
    """More good files, as FFmpeg encodes them."""
    return encoded(folder, MORE, seconds, seed=100, hertz=250)


# --- tags -------------------------------------------------------------------------------------------------------------


def tags_first(rng: Rng, content: bytes, _: dict[str, bytes]) -> bytes:
    """One or more tags in front of any format, and some behind it."""
    front = b"".join(id3_tag(int(rng.integers(0, 20_000))) for _ in range(int(rng.integers(1, 4))))
    behind = (b"", b"TAG" + bytes(125), b"TAG" + rng.bytes(125))[int(rng.integers(0, 3))]
    return front + content + behind


def tag_and_zeros_first(rng: Rng, content: bytes, _: dict[str, bytes]) -> bytes:
    return id3_tag(int(rng.integers(0, 5_000))) + bytes(int(rng.integers(1, 5_000))) + content


def bit_flipped(rng: Rng, content: bytes, _: dict[str, bytes]) -> bytes:
    """Some single bits, behind the headers."""
    made = bytearray(content)
    for at in rng.integers(len(content) // 4, len(content) * 9 // 10, int(rng.integers(1, 20))):
        made[at] ^= 1 << int(rng.integers(0, 8))
    return bytes(made)


# --- mp3 --------------------------------------------------------------------------------------------------------------


def summary_that_lies(rng: Rng, content: bytes, _: dict[str, bytes]) -> bytes:
    """More frames than there are, or fewer, or none; another number of bytes."""
    at = max(content.find(b"Xing", 0, 4096), content.find(b"Info", 0, 4096))
    if at < 0:
        return tags_first(rng, content, _)
    n_frames = int.from_bytes(content[at + 8 : at + 12], "big")
    lie = (0, 1, n_frames // 2, n_frames * 3, 0xFFFFFFFF)[int(rng.integers(0, 5))]
    made = content[: at + 8] + lie.to_bytes(4, "big") + content[at + 12 :]
    if rng.random() < 0.5:
        made = made[: at + 12] + int(rng.integers(0, 2**32)).to_bytes(4, "big") + made[at + 16 :]
    return made


def padding_that_lies(rng: Rng, content: bytes, _: dict[str, bytes]) -> bytes:
    """What the encoder says it added at both ends is more than there can be."""
    at = max(content.find(b"Lavc", 0, 4096), content.find(b"LAME", 0, 4096), content.find(b"Lavf", 0, 4096))
    return content if at < 0 else content[: at + 21] + b"\xff\xff\xff" + content[at + 24 :]


# --- wav --------------------------------------------------------------------------------------------------------------


def chunks_around(rng: Rng, content: bytes, _: dict[str, bytes]) -> bytes:
    """Chunks of every kind before and behind the samples, of even and odd sizes."""
    at = content.index(b"data")
    names = (b"JUNK", b"LIST", b"bext", b"fact", b"cue ", b"PEAK", b"iXML", b"PAD ", b"id3 ", b"FLLR", b"\0\0\0\0")

    def some() -> bytes:
        picked = [names[int(rng.integers(0, len(names)))] for _ in range(int(rng.integers(0, 4)))]
        return b"".join(_chunk(name, rng.bytes(int(rng.integers(0, 3_000)))) for name in picked)

    return content[:at] + some() + content[at:] + some()


def sizes_of_zero(rng: Rng, content: bytes, _: dict[str, bytes]) -> bytes:
    """As written by a program that could not go back: zeros or all ones in both sizes."""
    at = content.index(b"data") + 4
    size = (bytes(4), b"\xff" * 4, b"\0\xf0\xff\x7f")[int(rng.integers(0, 3))]
    return content[:4] + size + content[8:at] + size + content[at + 4 :]


def odd_description(rng: Rng, content: bytes, _: dict[str, bytes]) -> bytes:
    """A rate in bytes that is wrong, and a description that is longer than need be."""
    at = content.index(b"fmt ") + 8
    size = int.from_bytes(content[at - 4 : at], "little")
    body = content[at : at + 8] + rng.bytes(4) + content[at + 12 : at + size]
    more = bytes(2 * int(rng.integers(1, 20))) if size in (16, 18) else b""
    body = body if size != 16 or not more else body + more
    return content[: at - 8] + _chunk(b"fmt ", body) + content[at + size :]


def odd_number_of_bytes(rng: Rng, content: bytes, _: dict[str, bytes]) -> bytes:
    """A part of a frame at the end."""
    return content + rng.bytes(int(rng.integers(1, 4)))


# --- flac -------------------------------------------------------------------------------------------------------------


def total_that_lies(rng: Rng, content: bytes, _: dict[str, bytes]) -> bytes:
    return flac_with_total(content, (0, 1, 40_000, 10_000_000, 2**36 - 1)[int(rng.integers(0, 5))])


def information_that_lies(rng: Rng, content: bytes, _: dict[str, bytes]) -> bytes:
    """Sizes of frames and the checksum of the sound."""
    made = bytearray(content)
    made[12:18] = rng.bytes(6) if rng.random() < 0.5 else bytes(6)
    made[26:42] = rng.bytes(16)
    return bytes(made)


def blocks_in_front(rng: Rng, content: bytes, _: dict[str, bytes]) -> bytes:
    """More blocks of metadata: padding, a picture, one of a kind nobody knows."""
    extra = b""
    for kind in (1, 2, 6, 100):
        body = rng.bytes(int(rng.integers(0, 30_000))) if kind != 6 else b"\0\0\0\3" + bytes(28)
        extra += bytes((kind,)) + len(body).to_bytes(3, "big") + body
    return content[:4] + bytes((content[4] & 0x7F,)) + content[5:42] + extra + content[42:]


# --- ogg --------------------------------------------------------------------------------------------------------------


def _pages(content: bytes) -> list[bytes]:
    return [b"OggS" + page for page in content.split(b"OggS")[1:]]


def page_missing(rng: Rng, content: bytes, _: dict[str, bytes]) -> bytes:
    pages = _pages(content)
    if len(pages) > 4:
        del pages[int(rng.integers(3, len(pages) - 1))]
    return b"".join(pages)


def page_twice(rng: Rng, content: bytes, _: dict[str, bytes]) -> bytes:
    pages = _pages(content)
    at = int(rng.integers(min(3, len(pages) - 1), len(pages)))
    pages.insert(at, pages[at])
    return b"".join(pages)


def checksum_wrong(rng: Rng, content: bytes, _: dict[str, bytes]) -> bytes:
    pages = _pages(content)
    at = int(rng.integers(min(3, len(pages) - 1), len(pages)))
    pages[at] = pages[at][:22] + rng.bytes(4) + pages[at][26:]
    return b"".join(pages)


def last_mark_missing(rng: Rng, content: bytes, _: dict[str, bytes]) -> bytes:
    """Without its last page."""
    pages = _pages(content)
    return b"".join(pages[:-1] if len(pages) > 4 else pages)


# --- m4a --------------------------------------------------------------------------------------------------------------


def boxes_around(rng: Rng, content: bytes, _: dict[str, bytes]) -> bytes:
    """Empty boxes, unknown ones and a user's own, in front of the others and behind them."""
    size = int.from_bytes(content[:4], "big")
    kinds = (b"free", b"skip", b"uuid", b"wide", b"abcd")
    behind = b"".join(box(kinds[int(rng.integers(0, 5))], rng.bytes(int(rng.integers(0, 900)) + 16)) for _ in range(3))
    if content.find(b"moov") > content.find(b"mdat") or b"moof" in content:  # offsets into the file stay as they are
        return content + behind
    return content[:size] + content[size:] + behind


def size_to_the_end(rng: Rng, content: bytes, _: dict[str, bytes]) -> bytes:
    """The last box says 0: it goes on to the end of the file."""
    at, last = 0, 0
    while at + 8 <= len(content):
        last = at
        size = int.from_bytes(content[at : at + 4], "big")
        if size < 8:
            break
        at += size
    return content[:last] + bytes(4) + content[last + 4 :]


def length_that_lies(rng: Rng, content: bytes, _: dict[str, bytes]) -> bytes:
    """The length in the movie's header is another."""
    at = content.find(b"mvhd") + 4
    lie = (0, 1, 0xFFFFFFFF, int(rng.integers(1, 10**6)))[int(rng.integers(0, 4))]
    return content if at < 4 else content[: at + 16] + lie.to_bytes(4, "big") + content[at + 20 :]


MORE_KINDS: dict[str, tuple[Spoil, ...]] = {
    "mp3": (summary_that_lies, padding_that_lies, tags_first, tag_and_zeros_first, bit_flipped),
    "ogg": (page_missing, page_twice, checksum_wrong, last_mark_missing, tags_first, bit_flipped),
    "flac": (total_that_lies, information_that_lies, blocks_in_front, tags_first, bit_flipped),
    "wav": (chunks_around, sizes_of_zero, odd_description, odd_number_of_bytes, tags_first),
    "m4a": (boxes_around, size_to_the_end, length_that_lies, tags_first, bit_flipped),
}


def spoiled_sounds(count: int, files: dict[str, bytes], seed: int = 9) -> list[tuple[str, str, bytes]]:
    """(name of the good file, name of the fault, content): every fault in turn, on files in turn; now and then two
    faults in one file."""
    cases = [(ending, kind) for ending in KINDS for kind in (*KINDS[ending], *MORE_KINDS[ending])]
    made = []
    for number in range(count):
        rng = np.random.default_rng((seed, number))
        ending, kind = cases[number % len(cases)]
        alike = {name: content for name, content in files.items() if name.endswith(ending)}
        name = list(alike)[int(rng.integers(0, len(alike)))]
        content, fault = kind(rng, files[name], alike), kind.__name__
        if rng.random() < 0.1:
            second = (tags_first, bit_flipped)[int(rng.integers(0, 2))]
            content, fault = second(rng, content, alike), f"{fault}+{second.__name__}"
        made.append((name, fault, content))
    return made
