"""Text of unknown encoding: names of tracks, of files in archives, in tags.

Unicode is read as such. All other texts of one origin are pooled and decoded with each common table; the result that
looks most like names wins (`letters`). For a long text, charset-normalizer counts too, and it decides if none of our
scripts fits. If nothing fits, letters are left out rather than shown as wrong ones.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from charset_normalizer import from_bytes

from musicgen.letters import EAST_ASIAN, likelihood

MAX_POOL = 1024  # bytes examined
LONG_POOL = 48  # with this many bytes beyond ASCII, charset-normalizer is asked
_DETECTOR_BONUS = 6.0
SHORT, _CUT = 24, -9.0  # bytes; a shorter text was hardly cut off, so a cut letter costs this much
_POOR, _POOR_EAST_ASIAN = -8.8, -13.0  # score per letter beyond ASCII; with a worse one it is not a name
_MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_TAGS = {b"{@JP}": "cp932", b"{@LATIN}": "cp1252"}  # RP-026, in the lyrics of a MIDI file


@dataclass(frozen=True)
class _Table:
    """One encoding. `prior`: how common it is, as a logarithm."""

    encoding: str
    script: str
    prior: float


_TABLES = (
    _Table("cp1252", "western", 0.0),
    _Table("cp932", "kana", -0.5),
    _Table("gb18030", "han", -0.5),
    _Table("cp1251", "cyrillic", -0.5),
    _Table("big5", "han", -1.5),
    _Table("cp949", "hangul", -1.5),
    _Table("euc_jp", "kana", -3.0),
    _Table("cp1250", "central", -2.5),
    _Table("cp1253", "greek", -2.0),
    _Table("cp1254", "turkish", -3.0),
    _Table("cp1255", "hebrew", -3.0),
    _Table("cp1256", "arabic", -3.0),
    _Table("cp874", "thai", -3.0),
    _Table("koi8_r", "cyrillic", -2.5),
    _Table("cp866", "cyrillic", -3.0),
    _Table("cp850", "western", -4.0),
    _Table("cp437", "western", -4.5),
    _Table("cp852", "central", -6.0),
    _Table("mac_roman", "western", -5.0),
)
_DOS = frozenset(("cp437", "cp850", "cp852", "cp866"))
_DOS_BONUS = 3.5  # for archives, whose names were often written in DOS tables


def decode_texts(texts: Sequence[bytes], others: Iterable[bytes] = (), *, from_dos: bool = False) -> list[str]:
    """The texts, decoded.

    Args:
        others: more text of the same origin, to help find the encoding.
        from_dos: whether they are names of files in an archive.
    """
    known = [_as_unicode(text) for text in texts]
    if None not in known:
        return [text or "" for text in known]
    others = list(others)
    pool = _pool([text for text in (*texts, *others) if text in _TAGS or not _is_surely_unicode(text)])
    encoding = _encoding(pool, from_dos)
    return [
        read if read is not None and _is_surely_unicode(text) else _decoded(text, encoding, from_dos)
        for text, read in zip(texts, known, strict=True)
    ]


def decode_text(text: bytes) -> str:
    """One text on its own."""
    return decode_texts([text])[0]


def _decoded(text: bytes, encoding: str, from_dos: bool) -> str:
    read = _read(text, encoding)
    if read is None:  # not in the encoding of the others
        read = _as_unicode(text) or _read(text, _encoding((text,), from_dos))
    return text.decode("ascii", "ignore") if read is None else read


def _as_unicode(text: bytes) -> str | None:
    """ASCII, UTF-8, or UTF-16 with a byte order mark or a zero in every other byte; None for anything else."""
    if text.isascii() and b"\0" not in text.rstrip(b"\0") and b"\x1b$" not in text:
        return text.decode("ascii")
    for mark, encoding in _MARKS:
        rest = text[len(mark) :]
        if text.startswith(mark) and (encoding == "utf-8-sig" or not _is_plain(rest)):
            return text.decode(encoding, "ignore")
    bare = text[: len(text) // 2 * 2]
    for encoding, high in (("utf-16-le", bare[1::2]), ("utf-16-be", bare[::2])):
        if len(high) > 1 and not any(high) and all(bare[1 - (encoding == "utf-16-le") :: 2]):
            return bare.decode(encoding, "replace")
    if text.isascii():
        return text.decode("iso2022_jp" if b"\x1b$" in text else "ascii", "replace")
    try:
        return _cut_to_letters(text).decode("utf-8")
    except UnicodeDecodeError:
        return None


def _is_plain(text: bytes) -> bool:
    """Whether it is printable ASCII."""
    return text.isascii() and text.decode("ascii").isprintable()


def _cut_to_letters(text: bytes) -> bytes:
    """The text without an incomplete letter at its end."""
    return re.sub(rb"[\xe0-\xef][\x80-\xbf]$|[\xf0-\xf4][\x80-\xbf]{1,2}$", b"", text)


def _is_surely_unicode(text: bytes) -> bool:
    """Whether this is no coincidence: two bytes of a Chinese name may happen to be one letter of UTF-8."""
    read = _as_unicode(text)
    if read is None or text.isascii():
        return read is not None
    num_letters = sum(letter >= "\x80" for letter in read)
    return num_letters > 3 or any(letter >= "\u0800" for letter in read)


def _pool(texts: Iterable[bytes]) -> tuple[bytes, ...]:
    """Distinct texts, up to MAX_POOL bytes."""
    chosen, size = dict[bytes, None](), 0
    for text in texts:
        if text not in chosen:
            size += len(text)
            if size > MAX_POOL and chosen:
                break
            chosen[text[:MAX_POOL]] = None
    return tuple(chosen)


@lru_cache(maxsize=256)
def _encoding(pool: tuple[bytes, ...], from_dos: bool) -> str:
    """The name of the table that fits the pool best; empty if none does."""
    for tag, encoding in _TAGS.items():
        if tag in pool:
            return encoding
    num_bytes = sum(byte > 127 for text in pool for byte in text)
    detected = _detected(pool) if num_bytes >= LONG_POOL else ""
    scores = {
        table: score + _prior(table, detected, from_dos)
        for table in _TABLES
        if (score := _score(pool, table)) is not None
    }
    best = max(scores, key=lambda table: scores[table], default=None)
    if best is None or scores[best] - _prior(best, detected, from_dos) < _least(pool, best):
        return detected
    return best.encoding


def _prior(table: _Table, detected: str, from_dos: bool) -> float:
    prior = table.prior + (_DETECTOR_BONUS if table.encoding == detected else 0.0)
    return prior + (_DOS_BONUS if from_dos and table.encoding in _DOS else 0.0)


def _least(pool: Sequence[bytes], table: _Table) -> float:
    """The score below which a decoded pool is not text."""
    num_letters = sum(letter >= "\x80" for text in pool for letter in _read(text, table.encoding) or "")
    return num_letters * (_POOR_EAST_ASIAN if table.script in EAST_ASIAN else _POOR)


def _score(pool: Sequence[bytes], table: _Table) -> float | None:
    """The score of the pool decoded with a table; None if a tenth of it cannot be decoded."""
    score, num_failed = 0.0, 0
    for text in pool:
        read = _read(text, table.encoding)
        if read is None:
            num_failed += 1
            score -= 6.0 * sum(byte > 127 for byte in text)
        else:
            score += likelihood(read, table.script)
            if text[-1] > 127 and len(text) < SHORT and _read(text[:-1], table.encoding) == read:
                score += _CUT  # a letter cut in two
    return score if num_failed * 10 <= len(pool) else None


def _detected(pool: Sequence[bytes]) -> str:
    """The encoding that charset-normalizer finds, by our name for it."""
    best = from_bytes(b"\n".join(pool), cp_exclusion=["utf_16", "utf_16_be", "utf_16_le", "utf_32", "utf_7"]).best()
    if best is None:
        return ""
    same = {"shift_jis": "cp932", "shift_jis_2004": "cp932", "gbk": "gb18030", "gb2312": "gb18030", "euc_kr": "cp949"}
    return same.get(best.encoding, best.encoding)


def _read(text: bytes, encoding: str) -> str | None:
    """The text decoded, without an incomplete last letter. None if that fails."""
    if not encoding:
        return None
    for end in (len(text), len(text) - 1):
        try:
            return text[:end].decode(encoding)
        except UnicodeDecodeError as error:
            if error.start < len(text) - 1:
                return None
    return None
