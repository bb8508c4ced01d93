"""Finds the MIDI file inside the wrappers that mail programs, old Macintoshes and Windows add.

Sources: RMID (RP-029), MacBinary II (1987). Anything else before the header is skipped, as players do. Light.
"""

from __future__ import annotations

from dataclasses import dataclass

HEADER = b"MThd\x00\x00\x00\x06"
MAX_JUNK = 4096  # bytes before the header that are skipped
_MAC_HEADER = 128


class MidiSyntaxError(Exception):
    """The bytes are not a MIDI file. `code` is a stable word; the message says where."""

    def __init__(self, message: str, code: str = "midi_damaged") -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Unwrapped:
    """`content` begins with the header, if there is one. `num_before`, `num_behind`: bytes left out around it."""

    content: bytes
    num_before: int = 0
    num_behind: int = 0


def find_midi(head: bytes) -> bool:
    """Whether a MIDI file begins in these first bytes of a file, plain, wrapped or after something else."""
    if head[:4] == b"MThd" or (head[:4] == b"RIFF" and head[8:12] == b"RMID"):
        return True
    return 0 <= head.find(HEADER) <= MAX_JUNK


def unwrap(content: bytes) -> Unwrapped:
    """The MIDI file inside a file. Raises MidiSyntaxError if an RMID wrapper holds none."""
    if content[:4] == b"MThd":
        return Unwrapped(content)
    if content[:4] == b"RIFF" and content[8:12] == b"RMID":
        return Unwrapped(_unwrap_rmid(content))
    start = content.find(HEADER, 0, MAX_JUNK + len(HEADER))
    if start < 0:
        return Unwrapped(content)
    if start == _MAC_HEADER and content[0] == 0 and 1 <= content[1] <= 63:
        return _unwrap_mac_binary(content)
    return Unwrapped(content[start:], num_before=start)


def _unwrap_rmid(content: bytes) -> bytes:
    position = 12
    while position + 8 <= len(content):
        size = int.from_bytes(content[position + 4 : position + 8], "little")
        start, stop = position + 8, position + 8 + size
        if content[position : position + 4] == b"data":
            return content[start:stop] if _ends_a_chunk(content, start, stop) else content[start:]
        position = stop + (size & 1)
    start = content.find(HEADER)
    if start < 0:
        raise MidiSyntaxError("an RMID wrapper without a MIDI file in it")
    return content[start:]


def _ends_a_chunk(content: bytes, start: int, stop: int) -> bool:
    """Whether the file or another chunk begins where this one ends; if not, its size is wrong."""
    stop += (stop - start) & 1
    name, rest = content[stop : stop + 4], len(content) - stop
    size = int.from_bytes(content[stop + 4 : stop + 8], "little")
    return rest in (0, -1) or (rest >= 8 and name.isalnum() and size <= rest - 8)


def _unwrap_mac_binary(content: bytes) -> Unwrapped:
    """A header of 128 bytes, the file, zeros up to a multiple of 128, and the Macintosh resource fork."""
    size = int.from_bytes(content[83:87], "big")
    rest = len(content) - _MAC_HEADER
    return Unwrapped(content[_MAC_HEADER : _MAC_HEADER + (size if 14 <= size <= rest else rest)])
