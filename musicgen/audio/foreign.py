"""Names sound formats that are not supported, so that a refusal can say what to convert. Light."""

from __future__ import annotations

from collections.abc import Callable

from musicgen.audio.tags import behind_tags

RAW_AAC = "a raw AAC stream"
MAGIC = (  # (offset, bytes, what it is)
    (8, b"AIFF", "an AIFF file"),
    (8, b"AIFC", "an AIFF file"),
    (8, b"8SVX", "an Amiga 8SVX sample"),
    (8, b"QLCM", "a QCP recording"),
    (8, b"RMP3", "an MP3 in a RIFF file"),
    (0, b"RIFX", "a RIFX file (a WAV with its bytes in the other order)"),
    (0, b"riff\x2e\x91\xcf\x11", "a Wave64 file"),
    (0, b"\x30\x26\xb2\x75", "a WMA file"),
    (0, b"wvpk", "a WavPack file"),
    (0, b"MAC ", "a Monkey's Audio file"),
    (0, b"MP+", "a Musepack file"),
    (0, b"MPCK", "a Musepack file"),
    (0, b"TTA1", "a True Audio (TTA) file"),
    (0, b"TTA2", "a True Audio (TTA) file"),
    (0, b"tBaK", "a TAK file"),
    (0, b"OFR ", "an OptimFROG file"),
    (0, b"ajkg", "a Shorten file"),
    (0, b"DSD ", "a DSD file (DSF)"),
    (0, b"FRM8", "a DSD file (DSDIFF)"),
    (0, b"\x1a\x45\xdf\xa3", "a Matroska or WebM file"),
    (0, b"caff", "a Core Audio file"),
    (0, b"#!AMR", "an AMR recording"),
    (0, b"#!SILK", "a SILK recording"),
    (0, b"\x02#!SILK", "a SILK recording"),
    (0, b"#!EVRC", "an EVRC recording"),
    (0, b".snd", "an AU file"),
    (0, b".ra\xfd", "a RealAudio file"),
    (0, b".RMF", "a RealMedia file"),
    (0, b"Creative Voice File", "a Creative Voice (VOC) file"),
    (0, b"NIST_1A", "a NIST Sphere file"),
    (0, b"ADIF", RAW_AAC),
    (0, b"\x0b\x77", "a raw AC-3 stream"),
    (0, b"\x7f\xfe\x80\x01", "a raw DTS stream"),
    (0, b"DTSHDHDR", "a DTS-HD file"),
    (4, b"\xf8\x72\x6f\xba", "a raw Dolby TrueHD stream"),
    (0, b"Extended Module: ", "a tracker module (XM)"),
    (0, b"IMPM", "a tracker module (IT)"),
    (44, b"SCRM", "a tracker module (S3M)"),
    *((1080, mark, "a tracker module (MOD)") for mark in (b"M.K.", b"M!K!", b"FLT4", b"4CHN", b"6CHN", b"8CHN")),
    (0, b"PSID", "a Commodore 64 tune (SID)"),
    (0, b"RSID", "a Commodore 64 tune (SID)"),
    (0, b"NESM\x1a", "a Nintendo tune (NSF)"),
    (0, b"SNES-SPC700", "a Super Nintendo tune (SPC)"),
    (0, b"Vgm ", "a game tune (VGM)"),
)
IN_A_ROW = 3  # frames that identify a stream
CHAIN_BYTES = 1 << 16
KBITS_LAYER_1 = (0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448)
KBITS_LAYER_2 = (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384)
KBITS_LOW_LAYER_1 = (0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256)
KBITS_LOW_LAYER_2 = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
SAMPLE_RATES = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}


def foreign_sound(head: bytes) -> str | None:
    """The unsupported sound format of a file that begins like this; None if it is none of them."""
    behind = head[behind_tags(head, 0) :]
    if what := foreign_magic(behind):
        return what
    if what := stream_name(behind[:CHAIN_BYTES]):
        return what
    return RAW_AAC if behind[:2] in (b"\xff\xf1", b"\xff\xf9") else None


def foreign_magic(head: bytes, *, least: int = 0) -> str | None:
    """The same, by the mark at its beginning alone. `least`: shorter marks, in bytes, do not count."""
    for offset, magic, what in MAGIC:
        if head[offset : offset + len(magic)] == magic and (offset != 8 or head[:4] in (b"RIFF", b"FORM")):
            return what if len(magic) >= least else None
    return None


def stream_name(head: bytes) -> str | None:
    """The name of a stream some of whose frames follow one another somewhere in `head`; None if there is none."""
    for name, frame_bytes in _STREAMS:
        position = head.find(b"\xff")
        while position >= 0:
            if _num_frames(head, position, frame_bytes) >= IN_A_ROW:
                return name
            position = head.find(b"\xff", position + 1)
    return None


def _num_frames(head: bytes, position: int, frame_bytes: Callable[[bytes], int]) -> int:
    n_frames = 0
    while n_frames < IN_A_ROW and (size := frame_bytes(head[position : position + 6])):
        n_frames += 1
        position += size
    return n_frames


def _mpeg_bytes(header: bytes, layer: int) -> int:
    """Length in bytes of an MPEG frame of layer I or II with this header; 0 if it is none. ISO/IEC 11172-3, 2.4.2.3."""
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE6 != (0xE6 if layer == 1 else 0xE4):
        return 0
    version, bit_rate, rate = header[1] >> 3 & 3, header[2] >> 4, header[2] >> 2 & 3
    if version == 1 or bit_rate in (0, 15) or rate == 3:
        return 0
    sample_rate, padding = SAMPLE_RATES[version][rate], header[2] >> 1 & 1
    if layer == 1:
        kbits = (KBITS_LAYER_1 if version == 3 else KBITS_LOW_LAYER_1)[bit_rate]
        return (12_000 * kbits // sample_rate + padding) * 4
    return 144_000 * (KBITS_LAYER_2 if version == 3 else KBITS_LOW_LAYER_2)[bit_rate] // sample_rate + padding


def _adts_bytes(header: bytes) -> int:
    """Length in bytes of a frame of a raw AAC stream; 0 if it is none. ISO/IEC 14496-3, 1.A.2.2."""
    if len(header) < 6 or header[0] != 0xFF or header[1] & 0xF6 != 0xF0 or header[2] >> 2 & 15 > 12:
        return 0
    size = (header[3] & 3) << 11 | header[4] << 3 | header[5] >> 5
    return size if size > 7 else 0


_STREAMS: tuple[tuple[str, Callable[[bytes], int]], ...] = (
    ("an MP2 file (MPEG layer II)", lambda header: _mpeg_bytes(header, 2)),
    ("an MP1 file (MPEG layer I)", lambda header: _mpeg_bytes(header, 1)),
    (RAW_AAC, _adts_bytes),
)
