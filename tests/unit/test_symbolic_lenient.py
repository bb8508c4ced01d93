"""What is broken in a MIDI file is dropped or mended and said, and the music is kept: a test for each kind of fault."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from makers_midi import (
    chunk,
    control,
    meta,
    midi_file,
    note_off,
    note_on,
    one_note,
    program,
    rmid,
    tempo,
    track_name,
    variable_length,
)

from musicgen.errors import RejectedFile
from musicgen.songs.content import sniff
from musicgen.symbolic.midi import preflight_to_score, read_midi, score_to_midi_bytes
from musicgen.symbolic.preflight import Preflight, check_midi
from musicgen.symbolic.score import Score, make_notes

SCALE = [event for pitch in (60, 62, 64, 65, 67, 69, 71, 72) for event in one_note(pitch)]
NOTES = [(480 * place, 480, pitch) for place, pitch in enumerate((60, 62, 64, 65, 67, 69, 71, 72))]


def notes(preflight: Preflight) -> list[tuple[int, int, int]]:
    """(onset, length, pitch) of all notes."""
    table = preflight_to_score(preflight).notes
    return [(int(n["onset_ticks"]), int(n["duration_ticks"]), int(n["pitch"])) for n in table]


def with_length(content: bytes, change: int, at: int = 18) -> bytes:
    size = int.from_bytes(content[at : at + 4], "big") + change
    return content[:at] + size.to_bytes(4, "big") + content[at + 4 :]


@pytest.mark.parametrize(
    "event",
    [
        b"\xb0\x07\xc8",
        b"\xb0\x87\x40",
        b"\xb0\x87\xc8",
        b"\xc0\xff",
        b"\xd0\x80",
        b"\xe0\x80\x80",
        b"\xa0\x3c\xff",
        b"\x90\xc8\x00",
    ],
)
@pytest.mark.parametrize("place", [0, 2, 15, 16])
def test_a_data_byte_above_127_costs_no_note(event: bytes, place: int) -> None:
    preflight = check_midi(midi_file(chunk([*SCALE[:place], (0, event), *SCALE[place:]])))
    assert notes(preflight) == NOTES
    num_large = sum(byte > 127 for byte in event[1:])
    assert f"Set to 127: {num_large} data byte" in preflight.warnings[0]


def test_velocities_of_eight_bits_throughout_are_set_to_127() -> None:
    events = [(delta, event[:2] + b"\xc8" if event[0] == 0x90 else event) for delta, event in SCALE]
    preflight = check_midi(midi_file(chunk(events)))
    assert notes(preflight) == NOTES
    assert preflight_to_score(preflight).notes["velocity"].tolist() == [127] * 8


def test_a_stray_byte_between_two_events_is_left_out_and_counted() -> None:
    preflight = check_midi(midi_file(chunk([*SCALE[:6], (0, b"\x55" + SCALE[6][1]), *SCALE[7:]])))
    assert notes(preflight) == NOTES
    assert preflight.dropped == {"bytes that are not events": 1}
    assert preflight.warnings == ("Left out: 1 byte that is not an event.",)


@pytest.mark.parametrize("change", [1, 7, 99, 1 << 20, -1, -2, -3, -4, -30])
def test_a_wrong_length_of_the_last_track_loses_nothing(change: int) -> None:
    preflight = check_midi(with_length(midi_file(chunk(SCALE)), change))
    assert notes(preflight) == NOTES
    assert any("length of track 1" in warning for warning in preflight.warnings)
    assert preflight.dropped == {}


@pytest.mark.parametrize("change", [1, 2, 8, 11, 20, 1 << 20, -1, -4, -9])
def test_a_wrong_length_in_the_middle_does_not_swallow_the_next_track(change: int) -> None:
    tracks = [chunk([(0, tempo(100))]), chunk(SCALE), chunk([(0, program(40, 1)), *one_note(50, channel=1)])]
    at = 18 + len(tracks[0])
    content = with_length(midi_file(*tracks), change, at)
    assert sorted(notes(check_midi(content))) == sorted([*NOTES, (0, 480, 50)])
    swallows_all = with_length(midi_file(*tracks), len(tracks[2]), at)
    assert sorted(notes(check_midi(swallows_all))) == sorted([*NOTES, (0, 480, 50)])


@pytest.mark.parametrize("missing", [1, 2, 3, 4])
def test_missing_last_bytes_lose_no_note(missing: int) -> None:
    assert notes(check_midi(midi_file(chunk(SCALE))[:-missing])) == NOTES


def test_a_file_that_is_cut_keeps_what_is_there_and_ends_what_sounds() -> None:
    preflight = check_midi(midi_file(chunk(SCALE))[:-9])
    assert notes(preflight) == [*NOTES[:7], (3360, 0, 72)]
    assert any("zero length" in warning for warning in preflight.warnings)


def test_bytes_behind_the_end_of_track_are_counted() -> None:
    behind = chunk([*SCALE, (0, b"\xff\x2f\x00"), (0, b"some text")], end=False)
    preflight = check_midi(midi_file(behind))
    assert notes(preflight) == NOTES
    assert preflight.dropped == {"bytes that are not events": 10}
    outside = check_midi(midi_file(chunk(SCALE)) + b"\0" * 7)
    assert outside.dropped == {"bytes outside the tracks": 7}
    assert outside.warnings == ("Left out: 7 bytes outside the tracks.",)


def test_a_track_that_goes_on_behind_an_end_of_track_is_read_to_its_last_one() -> None:
    events = [*SCALE[:8], (0, b"\xff\x2f\x00"), *SCALE[8:]]
    assert notes(check_midi(midi_file(chunk(events)))) == NOTES


def test_what_stands_between_chunks_is_passed_over() -> None:
    first, second = chunk([(0, tempo(100))]), chunk(SCALE)
    for junk in (b"\0", b"\r\n\r\n", b"\x1a" * 30, b"XFIH\0\0\0\4abcd", b"JUNK"):
        assert notes(check_midi(midi_file(first, junk, second, announced=2))) == NOTES, junk


def test_a_second_piece_in_the_file_is_left_out_and_said() -> None:
    content = midi_file(chunk(SCALE))
    preflight = check_midi(content + midi_file(chunk(one_note(50))))
    assert notes(preflight) == NOTES
    assert preflight.dropped == {"bytes of another piece": len(midi_file(chunk(one_note(50))))}


@pytest.mark.parametrize("size", [0, 4, 7, 10, 1 << 20])
def test_a_header_of_another_length_is_a_header(size: int) -> None:
    content = midi_file(chunk(SCALE))
    padding = bytes(min(max(size - 6, 0), 4))
    assert notes(check_midi(content[:4] + size.to_bytes(4, "big") + content[8:14] + padding + content[14:])) == NOTES


def test_events_that_say_a_wrong_length_cost_no_note() -> None:
    ending_early = b"\xf0\x05\x41\x10\xf7\x00\xf7"
    for event in (
        ending_early,
        b"\xff\x01\xff\xff\x7f",
        b"\xf0\x43\x10\x4c\x00\x00\x7e\x00\xf7",
        b"\xf0\x83\x00",
        b"\xff\x7f\x81\x80\x00",
    ):
        assert notes(check_midi(midi_file(chunk([*SCALE[:4], (0, event), *SCALE[4:]])))) == NOTES, event


@pytest.mark.parametrize("ticks", [96, 480, 32_767])
def test_a_song_is_as_long_as_it_sounds_however_fine_its_ticks(ticks: int) -> None:
    events = [event for _ in range(320) for event in one_note(60, ticks)]
    preflight = check_midi(midi_file(chunk(events), division=ticks))
    assert (preflight.num_notes, preflight.seconds) == (320, pytest.approx(160.0))
    assert read_midi(score_to_midi_bytes(preflight_to_score(preflight))).num_notes == 320


def test_two_hours_of_the_finest_ticks_can_be_written_again() -> None:
    events = [event for _ in range(130) for event in one_note(60, 32_767 * 100)]
    score = read_midi(midi_file(chunk(events), division=32_767))
    assert score.seconds == pytest.approx(6_500)
    again = read_midi(score_to_midi_bytes(score))
    assert np.array_equal(again.notes, score.notes)


@pytest.mark.parametrize("ending", [[], [(0, control(64, 0))], [(0, meta(0x06, b"end"))], [(0, tempo(90))]])
def test_silence_behind_the_music_is_cut_off_and_said(ending: list[tuple[int, bytes]]) -> None:
    far = [(12_000_000, ending[0][1] if ending else b"\xff\x2f\x00")]
    preflight = check_midi(midi_file(chunk([*SCALE, *far], end=bool(ending))))
    assert notes(preflight) == NOTES
    assert preflight.seconds == 4.0
    assert any(
        warning.startswith("Cut off: 3 h of silence") or "h of silence" in warning for warning in preflight.warnings
    )
    assert preflight_to_score(preflight).controls.size == 0
    assert preflight.tempos == ()


def test_an_end_of_track_some_seconds_behind_the_music_is_no_silence_to_speak_of() -> None:
    assert check_midi(midi_file(chunk([*SCALE, (1920, b"\xff\x2f\x00")], end=False))).warnings == ()


def test_as_many_tempo_changes_as_a_file_can_hold_keep_the_time() -> None:
    slower = [(1, tempo(120 - place % 60)) for place in range(60_000)]
    content = midi_file(chunk([(0, note_on(60)), *slower, (480, note_off(60))]))
    preflight = check_midi(content)
    expected = sum(60 / (120 - place % 60) / 480 for place in range(59_999)) + 60 / (120 - 59_999 % 60) * 481 / 480
    assert preflight.seconds == pytest.approx(expected + 0.5 / 480 - 60 / (120 - 59_999 % 60) / 480, rel=1e-4)
    assert len(preflight.tempos) <= 20_000
    assert preflight.dropped["tempo changes merged with others"] == 60_000 - len(preflight.tempos)


@pytest.mark.parametrize("silencer", [120, 123])
def test_notes_that_a_channel_s_silence_ends_are_notes(silencer: int) -> None:
    events = [(delta, control(silencer, 0) if event[0] == 0x80 else event) for delta, event in SCALE]
    assert notes(check_midi(midi_file(chunk(events)))) == NOTES


def test_a_silence_ends_what_no_note_off_ends_before_the_key_is_struck_again() -> None:
    events = [
        (0, note_on(60)),
        (0, note_on(64)),
        (480, control(123, 0)),
        (120, note_off(64)),
        (360, note_on(60)),
        (480, note_off(60)),
    ]
    assert notes(check_midi(midi_file(chunk(events)))) == [(0, 480, 60), (0, 600, 64), (960, 480, 60)]


def test_a_silence_in_another_track_of_the_channel_counts_and_one_of_another_channel_does_not() -> None:
    silences = chunk([(240, control(123, 0, 1)), (240, control(123, 0, 0))])
    held = chunk([(0, note_on(60)), (1920, b"\xff\x2f\x00")], end=False)
    assert notes(check_midi(midi_file(held, silences))) == [(0, 480, 60)]


def test_notes_that_nothing_ends_end_with_their_track() -> None:
    held = chunk([(0, note_on(60)), (480, note_on(62)), (960, b"\xff\x2f\x00")], end=False)
    preflight = check_midi(midi_file(held))
    assert notes(preflight) == [(0, 1440, 60), (480, 960, 62)]
    assert "Kept: 2 notes of track 1, channel 1 without a note-off, held to the end of the track." in preflight.warnings


def test_an_end_of_track_hours_away_does_not_stretch_a_note_over_them() -> None:
    held = chunk([*SCALE, (0, note_on(60)), (12_000_000, b"\xff\x2f\x00")], end=False)
    assert notes(check_midi(midi_file(held)))[-1] == (3840, 480, 60)


@pytest.mark.parametrize(
    ("data", "key"),
    [(b"\xfd\xff", (-3, False)), (b"\x02\x07", (2, False)), (b"\x05", (5, False)), (b"\x01\x01", (1, True))],
)
def test_a_key_signature_with_a_bad_mode_keeps_its_sharps(data: bytes, key: tuple[int, bool]) -> None:
    preflight = check_midi(midi_file(chunk([(0, meta(0x59, data)), *SCALE])))
    assert preflight.key_signatures == ((0, *key),)
    said = ("Read as major: 1 key signature that says neither major nor minor.",)
    assert preflight.warnings == (() if data == b"\x01\x01" else said)


def test_a_tempo_of_nothing_is_dropped_and_the_song_kept() -> None:
    preflight = check_midi(midi_file(chunk([(0, meta(0x51, b"\0\0\0")), *SCALE])))
    assert (preflight.seconds, preflight.dropped) == (4.0, {"impossible tempo changes": 1})


@pytest.mark.parametrize("num_zeros", [1, 3, 4, 6])
def test_delta_times_with_zeros_in_front_are_delta_times(num_zeros: int) -> None:
    body = b"".join(
        (b"\x80" * num_zeros if number % 3 == 0 else b"") + variable_length(delta) + event
        for number, (delta, event) in enumerate([*SCALE, (0, b"\xff\x2f\x00")])
    )
    preflight = check_midi(midi_file(b"MTrk" + len(body).to_bytes(4, "big") + body))
    assert notes(preflight) == NOTES
    assert preflight.dropped == {}


@pytest.mark.parametrize("name", [b"MTRK", b"mtrk", b"NTrk", b"M\0rk", b"MTrj"])
def test_a_chunk_that_is_nearly_called_a_track_is_one(name: bytes) -> None:
    assert notes(check_midi(midi_file(chunk([(0, tempo(100))]), chunk(SCALE, kind=name)))) == NOTES


@pytest.mark.parametrize("size", [0, 20, 0xFFFFFFFF, "three more", "three less"])
def test_a_wrapper_that_lies_about_its_size(size: int | str) -> None:
    content = midi_file(chunk([(0, tempo(100))]), chunk(SCALE))
    number = size if isinstance(size, int) else len(content) + (3 if size == "three more" else -3)
    info = b"LIST\x04\0\0\0INFO"
    wrapped = b"RIFF\0\0\0\0RMID" + info + b"data" + number.to_bytes(4, "little") + content
    assert notes(check_midi(wrapped)) == NOTES
    assert notes(check_midi(rmid(content)[:12] + info + rmid(content)[12:] + info)) == NOTES


def test_a_track_that_is_shifted_is_not_taken_for_one_with_running_status() -> None:
    """Read some bytes later, `0x91 pitch` looks like a delta time and a velocity like a pitch, to the end."""
    tune = [event for pitch in range(40, 100) for event in one_note(pitch, 120, channel=1)]
    body = b"".join(variable_length(delta) + event for delta, event in tune)
    for at in range(80, 120):
        for damage in (b"", bytes(4), b"\x35\x50"):
            spoiled = body[:at] + damage + body[at + 4 :] + b"\0\xff\x2f\0"
            found = notes(check_midi(midi_file(b"MTrk" + len(spoiled).to_bytes(4, "big") + spoiled)))
            assert {pitch for _, _, pitch in found} >= set(range(40, 48)) | set(range(58, 100)), (at, damage)


@pytest.mark.parametrize("data", [b"\xff\x2f\x00", b"MTrk\0\0\0\4", b"\x90\x3c\x40", b"\0\xff\x51\x03\1\2\3"])
def test_what_looks_like_events_inside_a_message_is_none(data: bytes) -> None:
    exclusive = b"\xf0" + variable_length(len(data) + 1) + data + b"\xf7"
    for event in (exclusive, meta(0x7F, data), meta(0x01, data)):
        preflight = check_midi(midi_file(chunk([*SCALE[:6], (0, event), *SCALE[6:8], (0, event), *SCALE[8:]])))
        assert notes(preflight) == NOTES, event
        assert preflight.seconds == 4.0


def test_a_message_without_length_and_end_is_over_at_the_next_status() -> None:
    """Whatever its first byte, read as a length, reaches."""
    for first in range(1, 0x7F, 7):
        event = bytes((0xF0, first)) + b"\x10\x4c\x00\x00\x7e\x00"
        found = notes(check_midi(midi_file(chunk([*SCALE[:4], (0, event), *SCALE[4:]]))))
        assert [pitch for _, _, pitch in found] == [pitch for _, _, pitch in NOTES], first


def test_hours_of_rest_are_damage_in_a_damaged_track() -> None:
    stray = (0, b"\x55" + SCALE[6][1])
    hours = (0x0FFF_FFFF, SCALE[10][1])
    preflight = check_midi(midi_file(chunk([*SCALE[:6], stray, *SCALE[7:10], hours, *SCALE[11:]])))
    assert notes(preflight) == NOTES
    assert preflight.dropped == {"bytes that are not events": 5}
    with pytest.raises(RejectedFile, match="beats"):
        check_midi(midi_file(chunk([*SCALE[:10], hours, *SCALE[11:]])))


def test_an_end_of_track_with_data_is_one() -> None:
    for end in (b"\xff\x2f\x01\x00", b"\xff\x2f\x03abc"):
        assert notes(check_midi(midi_file(chunk([*SCALE, (0, end)], end=False)))) == NOTES
        assert notes(check_midi(midi_file(chunk([*SCALE[:8], (0, end), *SCALE[8:]])))) == NOTES


GS_RESET = b"\xf0\x0a\x41\x10\x42\x12\x40\x00\x7f\x00\x41\xf7"
XG_ON = b"\xf0\x08\x43\x10\x4c\x00\x00\x7e\x00\xf7"


def gs_part(block: int, mode: int) -> bytes:
    return b"\xf0\x0a\x41\x10\x42\x12\x40" + bytes((0x10 | block, 0x15, mode, 0)) + b"\xf7"


@pytest.mark.parametrize(
    ("channel", "setup", "is_drum"),
    [
        (9, [], True),
        (10, [], False),
        (10, [gs_part(0xA, 2)], True),
        (0, [gs_part(1, 1)], True),
        (9, [gs_part(0, 0)], False),
        (10, [GS_RESET, control(0, 127, 10)], False),
        (10, [control(0, 127, 10), program(0, 10)], True),
        (10, [XG_ON, control(0, 127, 10), program(0, 10)], True),
        (10, [XG_ON, control(0, 126, 10), program(0, 10)], True),
        (9, [XG_ON, control(0, 0, 9), program(0, 9)], False),
        (9, [control(0, 0, 9), program(0, 9)], True),
        (10, [b"\xf0\x08\x43\x10\x4c\x08\x0a\x07\x02\xf7"], True),
        (10, [control(0, 120, 10), program(0, 10)], True),
        (9, [control(0, 121, 9), program(0, 9)], False),
        (10, [control(0, 127, 10), control(0, 0, 10)], False),
        (10, [control(0, 127, 9)], False),
    ],
)
def test_percussion_is_what_the_file_says_is_percussion(channel: int, setup: list[bytes], is_drum: bool) -> None:
    events = [*((0, event) for event in setup), *one_note(40, channel=channel)]
    content = midi_file(chunk(events))
    assert [track.is_drum for track in read_midi(content).tracks] == [is_drum]
    assert [track.is_drum for track in read_midi(score_to_midi_bytes(read_midi(content))).tracks] == [is_drum]


def test_a_channel_that_becomes_percussion_makes_two_tracks() -> None:
    events = [*one_note(60), (0, control(0, 127)), (0, program(0)), *one_note(36)]
    assert [track.is_drum for track in read_midi(midi_file(chunk(events))).tracks] == [False, True]


def mac_binary(content: bytes, *, says_its_size: bool) -> bytes:
    size = len(content) if says_its_size else 0
    header = bytes((0, 8)) + b"song.mid" + bytes(73) + size.to_bytes(4, "big") + bytes(41)
    return header + content + (bytes(-len(content) % 128) + b"resource" * 16 if says_its_size else b"")


def test_files_that_hold_one_piece_are_one_piece() -> None:
    plain = midi_file(chunk([(0, tempo(100))]), chunk(SCALE))
    empty, scale = chunk([(0, track_name("nothing"))]), chunk(SCALE)
    for name, content in {
        "MacBinary": mac_binary(plain, says_its_size=True),
        "MacBinary without a size": mac_binary(plain, says_its_size=False),
        "RMID": rmid(plain),
        "RMID whose sizes are wrong": rmid(plain)[:4] + bytes(4) + rmid(plain)[8:],
        "behind a mail header": b"Content-Type: audio/midi\r\n\r\n" + plain,
        "type 2 with one pattern": midi_file(scale, format=2),
        "type 2 with one pattern that has notes": midi_file(empty, scale, format=2),
        "type 5": midi_file(scale, format=5),
    }.items():
        assert sniff(content[:4096]) == "midi", name
        assert notes(check_midi(content)) == NOTES, name


def test_patterns_of_their_own_are_no_song() -> None:
    with pytest.raises(RejectedFile, match="2 pieces") as caught:
        check_midi(midi_file(chunk(SCALE), chunk(SCALE), format=2))
    assert caught.value.code == "midi_type"


@pytest.mark.parametrize(("division", "seconds"), [(0xE728, 0.48), (0xE250, 0.2), (0xE351, 480 / (30 * 81 / 1.001))])
def test_time_code_is_read_as_beats_that_take_the_same_time(division: int, seconds: float) -> None:
    preflight = check_midi(midi_file(chunk([*one_note(), (0, tempo(30))]), division=division))
    assert preflight.seconds == pytest.approx(seconds, rel=1e-5)
    assert any("120 beats a minute" in warning for warning in preflight.warnings)


def test_the_faults_of_real_files(shared: Path) -> None:
    folder = shared / "data" / "faults"
    if not folder.is_dir():
        pytest.skip("the folder with faulty files is not here")
    expected = {"r39_databyte_above_127.mid": 16, "maps_like_ppq_32767.mid": 320}
    names = {"r11_name_sjis.mid": "メロディ", "r13_name_cp1251.mid": "Скрипка"}
    for path in sorted([*folder.glob("r*.mid"), *folder.glob("maps*.mid")]):
        preflight = check_midi(path.read_bytes())
        assert preflight.num_notes == expected.get(path.name, 8), path.name
        assert preflight.tracks[0].name == names.get(path.name, "Piano" if path.name.startswith("maps") else ""), (
            path.name
        )
        lengths = preflight_to_score(preflight).duration_beats
        assert lengths.tolist() == [1.0] * preflight.num_notes, path.name


def test_gaps_that_midi_cannot_write_are_refused() -> None:
    from musicgen.errors import InvalidInput

    with pytest.raises(InvalidInput, match="between two events"):
        score_to_midi_bytes(Score(make_notes([0, 1 << 29], 480, 60, 80)))
