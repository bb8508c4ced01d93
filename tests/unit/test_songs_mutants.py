"""Thousands of damaged files: each is a song within the limits or one sentence, and the reader survives them all."""

from __future__ import annotations

import io
import random
import re

import pytest

from musicgen.settings import settings
from musicgen.songs.intake import Upload, add_uploads
from musicgen.songs.library import get_song
from tests.makers_midi import midi_bytes, rmid
from tests.unit.test_songs_intake import sound, zip_of

pytestmark = pytest.mark.usefixtures("home")

SEEDS = {
    "wav": lambda: sound("WAV", "PCM_16", seconds=0.6),
    "flac": lambda: sound("FLAC", seconds=0.6),
    "ogg": lambda: sound("OGG", "VORBIS", seconds=0.6),
    "mp3": lambda: sound("MP3", seconds=0.6),
    "mid": midi_bytes,
    "rmi": lambda: rmid(midi_bytes()),
    "zip": lambda: zip_of({"a.mid": midi_bytes(), "b.wav": sound("WAV", "PCM_16", seconds=0.6)}),
}


def mutant(content: bytes, dice: random.Random) -> bytes:
    """A few bytes changed, mostly near the start where the headers are; sometimes cut, doubled or stuffed."""
    made = bytearray(content)
    for _ in range(dice.choice((1, 1, 2, 4, 16))):
        place = dice.randrange(min(len(made), dice.choice((64, 512, len(made)))))
        made[place] = dice.choice((0, 0xFF, 0x7F, 0x80, dice.randrange(256)))
    kind = dice.randrange(8)
    place = dice.randrange(len(made))
    if kind == 0:
        del made[place:]
    elif kind == 1:
        del made[place : place + dice.randrange(1, 64)]
    elif kind == 2:
        made[place:place] = dice.randbytes(dice.randrange(1, 64))
    elif kind == 3:
        made += made[place:]
    return bytes(made)


def check_mutants(ending: str, count: int) -> None:
    dice = random.Random(f"{ending} 2026")
    content = SEEDS[ending]()
    uploads = [Upload(f"{i}.{ending}", stream=io.BytesIO(mutant(content, dice))) for i in range(count)]
    report = add_uploads(uploads)
    assert (
        len({file.path.split("/")[0] for file in report.files} | {e.path.split("/")[0] for e in report.ignored})
        == count
    )
    limits = settings()
    for file in report.files:
        if file.status == "rejected":
            assert re.fullmatch(r"[^\n]{20,600}", file.reason), file
            assert file.code not in ("", "timeout", "out_of_memory", "killed", "unreadable"), file
            continue
        song = get_song(file.id or "")
        if song.medium == "audio":
            assert limits.min_audio_seconds <= song.seconds <= limits.max_audio_seconds
            assert limits.min_sample_rate <= song.facts["sample_rate"] <= limits.max_sample_rate
        else:
            assert 0 < song.seconds <= limits.max_midi_seconds
            assert 1 <= song.facts["num_notes"] <= limits.max_midi_notes


@pytest.mark.parametrize("ending", SEEDS)
def test_some_mutants(ending: str) -> None:
    check_mutants(ending, 8 if ending == "zip" else 60)  # each archive has a child of its own


@pytest.mark.slow
@pytest.mark.parametrize("ending", SEEDS)
def test_thousands_of_mutants(ending: str) -> None:
    check_mutants(ending, 100 if ending == "zip" else 2000)
