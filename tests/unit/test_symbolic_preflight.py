"""The gate for MIDI uploads: what is refused, what is dropped, what it costs."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
from makers_midi import (
    bad_midi_files,
    chunk,
    control,
    four_part_score,
    meta,
    midi_bytes,
    midi_file,
    note_off,
    note_on,
    one_note,
    program,
    rmid,
    tempo,
    track_name,
)

from musicgen.errors import RejectedFile
from musicgen.settings import settings
from musicgen.symbolic.midi import preflight_to_score, read_midi, score_to_midi_bytes
from musicgen.symbolic.preflight import check_midi

TESTS = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize("name", bad_midi_files())
def test_bad_files_are_rejected_in_one_sentence(name: str) -> None:
    content, code = bad_midi_files()[name]
    with pytest.raises(RejectedFile) as caught:
        check_midi(content)
    assert caught.value.code == code
    assert "Received: " in str(caught.value)
    assert "\n" not in str(caught.value)


def test_every_bad_file_is_judged_within_time_and_memory() -> None:
    measure = """
import json, pathlib, time
from makers_midi import bad_midi_files, full_midi_file
from musicgen.errors import RejectedFile
from musicgen.symbolic.preflight import check_midi
def counting():
    total = 0
    for number in range(2_000_000):
        total += number & 7
def judging(content):
    try:
        check_midi(content)
    except RejectedFile:
        pass
def least(function, *arguments):
    taken = []
    for _ in range(3):
        start = time.process_time()
        function(*arguments)
        taken.append(time.process_time() - start)
    return min(taken)
files = {name: content for name, (content, _) in bad_midi_files().items()} | {"full": full_midi_file()}
loop = least(counting)
loops = {name: least(judging, content) / loop for name, content in files.items()}
status = pathlib.Path("/proc/self/status")  # getrusage would count the parent that forked
lines = status.read_text().splitlines() if status.exists() else []
print(json.dumps([loops, [int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")]]))
"""
    path = os.pathsep.join((str(TESTS), str(TESTS.parent)))
    done = subprocess.run(
        [sys.executable, "-c", measure],
        capture_output=True,
        check=True,
        timeout=60,
        env={**os.environ, "PYTHONPATH": path},
    )
    loops, peaks_mb = json.loads(done.stdout)
    assert len(loops) == len(bad_midi_files()) + 1
    # A loop of two million steps takes 0.05 s on a quiet machine: 0.5 s, on a slow day as much more as the loop does.
    assert max(loops.values()) <= 10, loops
    assert all(peak <= 200 for peak in peaks_mb)


def test_the_gate_needs_no_native_parser() -> None:
    code = """
import sys
import musicgen.symbolic.preflight
print(sorted(name for name in ("scipy", "symusic", "music21") if name in sys.modules))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=TESTS.parent)
    assert done.stdout.strip() == "[]"


def test_mutants_of_good_files_get_a_typed_answer_and_what_passes_is_sound() -> None:
    generator = random.Random(7)
    seeds = [midi_bytes(), midi_bytes(four_part_score(6)), _varied_file(), rmid(_varied_file())]
    accepted = 0
    for _ in range(2_000):
        mutant = _mutate(generator.choice(seeds), generator)
        try:
            preflight = check_midi(mutant)
        except RejectedFile:
            continue
        accepted += 1
        score = preflight_to_score(preflight)
        assert 0 < score.num_notes == preflight.num_notes <= 200_000
        assert score.seconds == pytest.approx(preflight.seconds, rel=1e-9, abs=1e-9)
        assert 0.1 <= score.seconds <= settings().max_midi_seconds
        again = read_midi(score_to_midi_bytes(score))
        assert again.num_notes == score.num_notes
    assert 100 < accepted < 1_900  # the mutants are neither all harmless nor all broken


def test_type_0_is_split_by_channel_and_keeps_every_note() -> None:
    events = [
        (0, track_name("Piece")),
        (0, program(40, 3)),
        (0, note_on(60, channel=0)),
        (0, note_on(67, channel=3)),
        (0, note_on(36, channel=9)),
        (480, note_off(60, 0)),
        (0, note_off(67, 3)),
        (0, note_off(36, 9)),
    ]
    preflight = check_midi(midi_file(chunk(events), format=0))
    found = [(track.channel, track.program, track.is_drum, track.name, track.num_notes) for track in preflight.tracks]
    assert found == [(1, 0, False, "", 1), (4, 40, False, "", 1), (10, 0, True, "", 1)]
    assert preflight.format == 0


def test_what_is_kept_and_dropped_is_counted_for_each_track() -> None:
    left = [
        (0, track_name("Left")),
        (0, note_on(50)),
        (10, note_on(52)),
        (0, note_off(52)),
        (5, note_on(53)),
        (480, note_off(53)),
    ]
    right = [(0, note_off(70, 1)), *one_note(72, channel=1), (0, meta(0x05, b"la")), (0, b"\xf0\x02\x01\xf7")]
    preflight = check_midi(midi_file(chunk(left), chunk(right), announced=7))
    first, second = preflight.tracks
    assert (first.name, first.num_notes, first.open_notes, first.zero_length_notes) == ("Left", 3, 1, 1)
    assert (second.num_notes, second.open_notes, second.zero_length_notes) == (1, 0, 0)
    assert preflight.kept["notes"] == 4
    assert preflight.kept["tracks"] == 2
    assert preflight.dropped == {
        "note-offs without a note": 1,
        "texts": 1,
        "system exclusive messages": 1,
    }
    text = " ".join(preflight.warnings)
    assert "Kept: 1 note of track 1, channel 1 (Left) without a note-off, held to the end of the track." in text
    assert "announces 7 tracks, but the file has 2" in text


def test_impossible_signatures_are_dropped_and_the_song_kept() -> None:
    events = [
        (0, meta(0x59, b"\x7f\x00")),
        (0, meta(0x58, b"\x04\xff\x18\x08")),
        (0, meta(0x58, b"\x00\x02\x18\x08")),
        (0, meta(0x51, b"\x07\xa1")),
        (0, meta(0x59, b"\xfd\x01")),
        (0, meta(0x58, b"\x03\x03\x18\x08")),
        *one_note(),
    ]
    preflight = check_midi(midi_file(chunk(events)))
    assert preflight.key_signatures == ((0, -3, True),)
    assert preflight.time_signatures == ((0, 3, 8),)
    assert preflight.dropped == {
        "impossible key signatures": 1,
        "impossible time signatures": 2,
        "impossible tempo changes": 1,
    }
    assert len(preflight.warnings) == 3


def test_drums_only_is_a_song_with_a_warning() -> None:
    preflight = check_midi(midi_file(chunk(one_note(36, channel=9))))
    assert preflight.num_notes == 1
    assert any("Only drums" in warning for warning in preflight.warnings)


def test_rmid_is_unwrapped() -> None:
    plain = _varied_file()
    assert check_midi(rmid(plain)).tracks == check_midi(plain).tracks


def test_tolerated_irregularities() -> None:
    body = chunk(one_note())
    long_header = midi_file(body)
    long_header = long_header[:4] + (8).to_bytes(4, "big") + long_header[8:14] + b"xx" + long_header[14:]
    running_after_meta = chunk([(0, note_on(60)), (5, track_name("a")), (475, b"\x3c\x00")])
    for name, content in {
        "header of 8 bytes": long_header,
        "no end of track": midi_file(chunk(one_note(), end=False)),
        "bytes after the end": midi_file(body) + b"\0" * 7,
        "alien chunk": midi_file(chunk([(0, b"1234")], kind=b"XFIH", end=False), body),
        "running status after a meta event": midi_file(running_after_meta),
        "clock bytes": midi_file(chunk([(0, b"\xf8"), *one_note()])),
    }.items():
        assert check_midi(content).num_notes == 1, name


def test_seconds_follow_the_tempo_map() -> None:
    events = [(0, note_on(60)), (960, tempo(60)), (960, tempo(240)), (480, note_off(60))]
    assert check_midi(midi_file(chunk(events))).seconds == pytest.approx(1.0 + 2.0 + 0.25)


def test_a_flood_of_controllers_is_dropped_with_a_warning() -> None:
    flood = [(0, control(7, value % 128)) for value in range(150_000)]
    chunks = [chunk([(0, program(number)), *one_note()]) for number in range(3)]
    preflight = check_midi(midi_file(chunk(flood), *chunks))
    assert preflight.dropped == {"controllers": 150_000}
    assert any("controller" in warning for warning in preflight.warnings)
    assert preflight_to_score(preflight).controls.size == 0


def test_limits_come_from_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    content = midi_bytes()
    check_midi(content)
    for name, value, code in (
        ("MAX_MIDI_NOTES", "10", "too_many_notes"),
        ("MAX_MIDI_TRACKS", "2", "too_many_tracks"),
        ("MAX_MIDI_SECONDS", "3", "too_long"),
        ("MAX_MIDI_BEATS", "9", "too_many_beats"),
    ):
        with monkeypatch.context() as patch:
            patch.setenv(f"MUSICGEN_{name}", value)
            with pytest.raises(RejectedFile) as caught:
                check_midi(content)
        assert caught.value.code == code


def _varied_file() -> bytes:
    conductor = [(0, tempo(100)), (0, meta(0x58, b"\x03\x02\x18\x08")), (0, meta(0x59, b"\x02\x00")), (960, tempo(80))]
    piano = [(0, track_name("Piano")), (0, program(1)), (0, control(64, 127)), (0, b"\xe0\x10\x40")]
    for pitch in (60, 64, 67, 72):
        piano += [(0, note_on(pitch)), (240, b"\x3c\x00" if pitch == 60 else note_off(pitch))]
    drums = [event for pitch in (36, 38, 42) for event in one_note(pitch, 120, channel=9)]
    return midi_file(chunk(conductor), chunk(piano), chunk([(0, b"\xf0\x03abc"), *drums]))


def _mutate(content: bytes, generator: random.Random) -> bytes:
    mutant = bytearray(content)
    for _ in range(generator.choice((1, 1, 2, 8))):
        place = generator.randrange(len(mutant))
        kind = generator.randrange(4)
        if kind == 0:
            mutant[place] = generator.randrange(256)
        elif kind == 1:
            mutant[place] ^= 1 << generator.randrange(8)
        elif kind == 2:
            del mutant[place : place + generator.randrange(1, 9)]
        else:
            mutant[place:place] = bytes(
                generator.choice((0x00, 0x7F, 0x80, 0xFF)) for _ in range(generator.randrange(1, 5))
            )
        if not mutant:
            return b""
    return bytes(mutant)
