"""Sound files made by hand, good and bad, for every test that needs some. WAV and FLAC are written here byte by byte,
so that the code under test is not what makes its own test files."""

from __future__ import annotations

import struct
import subprocess
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

PCM, FLOAT, EXTENSIBLE = 1, 3, 0xFFFE
GUID_TAIL = bytes.fromhex("000000001000800000aa00389b71")


def sine(
    seconds: float, *, frequency: float = 440.0, sample_rate: int = 44_100, n_channels: int = 1, peak: float = 0.5
) -> NDArray[np.float32]:
    """float32, shape (n_channels, n_samples); channel k has (k + 1) times the frequency."""
    time = np.arange(round(seconds * sample_rate)) / sample_rate
    return np.stack(
        [peak * np.sin(2 * np.pi * frequency * (channel + 1) * time) for channel in range(n_channels)]
    ).astype(np.float32)


def noise_pcm(n_samples: int, *, n_channels: int = 1, seed: int = 0) -> NDArray[np.int16]:
    """16-bit noise over the whole range, both extremes included; shape (n_channels, n_samples)."""
    pcm = np.random.default_rng(seed).integers(-32_768, 32_768, (n_channels, n_samples)).astype(np.int16)
    pcm[:, 0], pcm[:, 1] = 32_767, -32_768
    return pcm


def wav_file(
    frames: bytes,
    *,
    sample_rate: int = 44_100,
    n_channels: int = 1,
    sample_bytes: int = 2,
    tag: int = PCM,
    is_extensible: bool = False,
    bits: int | None = None,
    chunks_before: bytes = b"",
    chunks_after: bytes = b"",
    data_size: int | None = None,
    riff_size: int | None = None,
) -> bytes:
    """A WAV file around interleaved little-endian samples; sizes may lie."""
    frame_bytes = n_channels * sample_bytes
    bits = 8 * sample_bytes if bits is None else bits
    numbers = (n_channels, sample_rate, sample_rate * frame_bytes & 0xFFFFFFFF, frame_bytes, bits)
    body = struct.pack("<HHIIHH", EXTENSIBLE if is_extensible else tag, *numbers)
    if is_extensible:
        body += struct.pack("<HHIH", 22, bits, 0, tag) + GUID_TAIL
    data = b"data" + struct.pack("<I", len(frames) if data_size is None else data_size) + frames
    rest = b"WAVE" + b"fmt " + struct.pack("<I", len(body)) + body + chunks_before + data + chunks_after
    return b"RIFF" + struct.pack("<I", len(rest) if riff_size is None else riff_size) + rest


def pcm_wav(pcm: NDArray[np.int16], sample_rate: int = 44_100, **options: object) -> bytes:
    """16-bit WAV of samples of shape (n_channels, n_samples)."""
    return wav_file(
        np.ascontiguousarray(pcm.T, "<i2").tobytes(), sample_rate=sample_rate, n_channels=len(pcm), **options
    )  # type: ignore[arg-type]


def float_wav(samples: NDArray[np.floating], sample_rate: int = 44_100, *, sample_bytes: int = 4) -> bytes:
    """Float WAV (32 or 64 bits) of samples of shape (n_channels, n_samples), whatever their scale."""
    frames = np.ascontiguousarray(samples.T, f"<f{sample_bytes}").tobytes()
    return wav_file(frames, sample_rate=sample_rate, n_channels=len(samples), sample_bytes=sample_bytes, tag=FLOAT)


def write_encoded(path: Path, samples: NDArray[np.floating], sample_rate: int = 44_100) -> Path:
    """flac, ogg (Vorbis), opus and mp3 by libsndfile, m4a by FFmpeg: the format is the extension. Returns `path`."""
    import soundfile

    from musicgen.audio.ffmpeg import find_ffmpeg

    extension = path.suffix[1:]
    if extension == "m4a":
        source = path.with_suffix(".source.wav")
        source.write_bytes(float_wav(samples, sample_rate))
        program, _ = find_ffmpeg()
        command = [str(program), "-v", "error", "-y", "-i", str(source), "-movflags", "+faststart", str(path)]
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
        source.unlink()
        return path
    format, subtype = {
        "flac": ("FLAC", "PCM_16"),
        "ogg": ("OGG", "VORBIS"),
        "opus": ("OGG", "OPUS"),
        "mp3": ("MP3", "MPEG_LAYER_III"),
    }[extension]
    with soundfile.SoundFile(path, "w", sample_rate, len(samples), format=format, subtype=subtype) as file:
        for start in range(0, samples.shape[1], 65_536):
            file.write(np.ascontiguousarray(samples[:, start : start + 65_536].T))
    return path


def flac_with_total(content: bytes, total: int) -> bytes:
    """A FLAC file whose header says that it has `total` samples (36 bits; 0 means unknown)."""
    field = int.from_bytes(content[18:26], "big") >> 36 << 36 | total
    return content[:18] + field.to_bytes(8, "big") + content[26:]


def silent_flac(seconds: float, *, sample_rate: int = 8_000, n_channels: int = 1, total: int | None = None) -> bytes:
    """A FLAC of digital silence in the largest blocks there are: ten hours at 8 kHz take 65 KB."""
    block, n_samples = 65_535, round(seconds * sample_rate)
    n_frames = -(-n_samples // block)
    total = n_frames * block if total is None else total
    packed = sample_rate << 44 | (n_channels - 1) << 41 | 15 << 36 | total
    info = struct.pack(">HH", block, block) + bytes(6) + packed.to_bytes(8, "big") + bytes(16)
    frames = [_silent_frame(number, block, n_channels) for number in range(n_frames)]
    return b"fLaC\x80" + len(info).to_bytes(3, "big") + info + b"".join(frames)


def _silent_frame(number: int, block: int, n_channels: int) -> bytes:
    coded = chr(number).encode()  # as in UTF-8; below 55,296, where Unicode has a gap and FLAC has none
    header = bytes((0xFF, 0xF8, 0x70, (n_channels - 1) << 4 | 0x08)) + coded + struct.pack(">H", block - 1)
    frame = header + bytes((_crc(header, 0x07, 8),)) + bytes(3) * n_channels  # constant subframes of value 0
    return frame + _crc(frame, 0x8005, 16).to_bytes(2, "big")


def _crc(content: bytes, polynomial: int, bits: int) -> int:
    value, top, mask = 0, 1 << (bits - 1), (1 << bits) - 1
    for byte in content:
        value ^= byte << (bits - 8)
        for _ in range(8):
            value = (value << 1 ^ polynomial if value & top else value << 1) & mask
    return value


def id3_tag(size: int) -> bytes:
    """An ID3v2 tag with `size` bytes of nothing in it."""
    return b"ID3\x04\x00\x00" + bytes(size >> shift & 0x7F for shift in (21, 14, 7, 0)) + bytes(size)


def box(kind: bytes, body: bytes = b"") -> bytes:
    """An MP4 box."""
    return struct.pack(">I", 8 + len(body)) + kind + body


PLAYLISTS = {
    "hls": b"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{url}/hls.mp3\n#EXT-X-ENDLIST\n",
    "hls_file": b"#EXTM3U\n#EXTINF:10,\nfile://{secret}\n#EXT-X-ENDLIST\n",
    "ffconcat": b"ffconcat version 1.0\nfile '{name}'\n",
    "dash": b'<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" '
    b'mediaPresentationDuration="PT10S"><Period><AdaptationSet mimeType="audio/mp4"><Representation id="1" '
    b'bandwidth="1"><BaseURL>{url}/dash.mp4</BaseURL></Representation></AdaptationSet></Period></MPD>',
    "pls": b"[playlist]\nFile1={url}/pls.mp3\nNumberOfEntries=1\n",
}


def playlist(kind: str, *, url: str, secret: Path) -> bytes:
    """A text that makes careless programs open `url` or the file `secret`."""
    content = PLAYLISTS[kind].replace(b"{url}", url.encode()).replace(b"{secret}", str(secret).encode())
    return content.replace(b"{name}", secret.name.encode())


def ogg_page(
    serial: int, number: int, packet: bytes, *, is_first: bool = False, is_last: bool = False, granule: int = 0
) -> bytes:
    """An Ogg page with one packet of less than 65,025 bytes, and its checksum."""
    sizes = bytes([255] * (len(packet) // 255) + [len(packet) % 255])
    flags = 2 * is_first + 4 * is_last
    head = b"OggS\0" + struct.pack("<BqII", flags, granule, serial, number)
    rest = bytes((len(sizes),)) + sizes + packet
    return head + struct.pack("<I", _crc(head + bytes(4) + rest, 0x04C11DB7, 32)) + rest
