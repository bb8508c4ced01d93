"""What a file is, from its first bytes alone. The name only serves for a warning where it disagrees. Light."""

from __future__ import annotations

from musicgen.audio.foreign import foreign_sound
from musicgen.audio.formats import SEARCHED_BYTES, SURE_BYTES, sniff_audio
from musicgen.errors import RejectedFile, sentence
from musicgen.symbolic.smf_wrappers import find_midi

HEAD_BYTES = SEARCHED_BYTES
TEXT_BYTES = 4096  # enough to recognise a text format
TITLES = {
    "wav": "WAV",
    "mp3": "MP3",
    "flac": "FLAC",
    "ogg": "Ogg",
    "m4a": "M4A",
    "midi": "MIDI",
    "zip": "a zip archive",
}
EXTENSIONS = {
    "wav": ("wav", "wave"),
    "mp3": ("mp3", "mpga"),
    "flac": ("flac",),
    "ogg": ("ogg", "oga", "opus", "ogv"),
    "m4a": ("m4a", "m4b", "m4r", "mp4", "m4v", "mov", "3gp", "aac"),
    "midi": ("mid", "midi", "kar", "rmi", "smf"),
    "zip": ("zip",),
}
KNOWN_EXTENSIONS = frozenset(extension for extensions in EXTENSIONS.values() for extension in extensions)
SONG_RULE = "A song must be a wav, mp3, flac, ogg, m4a or MIDI file, or a zip archive of these"

_TEXT_OPENINGS = (  # lower case, after a byte-order mark and white space → (what it is, code, what to do)
    (b"#extm3u", "a playlist", "playlist", "Add the music files that it lists."),
    (b"ffconcat", "a playlist", "playlist", "Add the music files that it lists."),
    (b"[playlist]", "a playlist", "playlist", "Add the music files that it lists."),
    (b"<smil", "a playlist", "playlist", "Add the music files that it lists."),
    (b"<asx", "a playlist", "playlist", "Add the music files that it lists."),
    (b"<mpd", "a playlist", "playlist", "Add the music files that it lists."),
    (b"<score-partwise", "MusicXML", "notation", "Export it as MIDI from a notation program."),
    (b"<!doctype html", "a web page", "not_music", "The download returned a web page instead of the music."),
    (b"<html", "a web page", "not_music", "The download returned a web page instead of the music."),
    (b"<", "XML or HTML text", "not_music", ""),
)
_BINARY_OPENINGS = (  # (offset, bytes, what it is, code, what to do)
    (8, b"sfbk", "a sound font", "sound_font", "A sound font belongs in the settings, not among the songs."),
    (8, b"DLS ", "a sound font", "sound_font", "A sound font belongs in the settings, not among the songs."),
    (8, b"AVI ", "a video", "not_music", "Save its sound as WAV or MP3."),
    (0, b"Rar!", "a RAR archive", "archive", "Unpack it, or repack it as a zip archive."),
    (0, b"7z\xbc\xaf", "a 7z archive", "archive", "Unpack it, or repack it as a zip archive."),
    (0, b"\x1f\x8b", "a gzip archive", "archive", "Unpack it, or repack it as a zip archive."),
    (0, b"BZh", "a bzip2 archive", "archive", "Unpack it, or repack it as a zip archive."),
    (0, b"\xfd7zXZ", "an xz archive", "archive", "Unpack it, or repack it as a zip archive."),
    (257, b"ustar", "a tar archive", "archive", "Unpack it, or repack it as a zip archive."),
    (0, b"\x89PNG", "a picture", "not_music", ""),
    (0, b"\xff\xd8\xff", "a picture", "not_music", ""),
    (0, b"GIF8", "a picture", "not_music", ""),
    (0, b"%PDF", "a PDF document", "not_music", ""),
    (0, b"\x7fELF", "a program", "not_music", ""),
    (0, b"MZ", "a program", "not_music", ""),
)


def sniff(head: bytes) -> str | None:
    """wav, mp3, flac, ogg, m4a, midi or zip by magic bytes; None for everything else. `head`: HEAD_BYTES or less."""
    if head[:4] in (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08"):
        return "zip"
    foreign = _foreign(head)
    if foreign and foreign[0] >= SURE_BYTES:
        return None
    return "midi" if find_midi(head) else sniff_audio(head)


def refusal(head: bytes, name: str = "") -> RejectedFile:
    """Why a file that `sniff` does not recognise is refused: one sentence that says what it is instead."""
    what, code, remedy = _name(head)
    extension = extension_of(name)
    claim = f", though its name ends in .{extension}" if head and extension in KNOWN_EXTENSIONS else ""
    return RejectedFile(sentence(SONG_RULE, what + claim, remedy), code=code)


def extension_of(name: str) -> str:
    """The part after the last dot, in lower case; empty if there is none."""
    _, dot, extension = name.strip().rpartition(".")
    return extension.lower() if dot else ""


def extension_warning(name: str, format: str) -> str:
    """A sentence if the name's extension does not match the content; else empty."""
    extension = extension_of(name)
    if extension not in KNOWN_EXTENSIONS or extension in EXTENSIONS[format]:
        return ""
    return f"The name ends in .{extension}, but this is {TITLES[format]}; it was read as {TITLES[format]}."


def _name(head: bytes) -> tuple[str, str, str]:
    """What the file is, the error code, and what to do."""
    if foreign := _foreign(head):
        return foreign[1:]
    if what := foreign_sound(head):
        return what, "other_audio", "Convert it to WAV or FLAC."
    return _describe(head)


def _foreign(head: bytes) -> tuple[int, str, str, str] | None:
    """What the file is, other than sound, by a mark at its beginning; the length of that mark in bytes comes first."""
    text = head[:TEXT_BYTES].removeprefix(b"\xef\xbb\xbf").lstrip()[:512].lower()
    for opening, what, code, remedy in _TEXT_OPENINGS:
        if text.startswith(opening) or (
            opening != b"<" and text.startswith((b"<?xml", b"<!doctype")) and opening in text
        ):
            return len(opening), what, code, remedy
    for offset, magic, what, code, remedy in _BINARY_OPENINGS:
        if head[offset : offset + len(magic)] == magic and (offset != 8 or head[:4] in (b"RIFF", b"FORM")):
            return len(magic), what, code, remedy
    return None


def _describe(head: bytes) -> tuple[str, str, str]:
    if not head:
        return "an empty file", "empty", "Export or download it again."
    if not any(head):
        return "a file of zero bytes only", "not_music", "Export or download it again."
    try:
        text = head[: len(head) - 3 if len(head) == HEAD_BYTES else len(head)].decode()  # a letter may be cut
    except UnicodeDecodeError:
        return "data in an unknown format", "not_music", ""
    if all(letter.isprintable() or letter.isspace() for letter in text):
        return "text", "not_music", ""
    return "data in an unknown format", "not_music", ""
