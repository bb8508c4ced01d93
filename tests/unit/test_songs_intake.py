"""The intake, end to end: good files of all kinds become songs, each bad one gets one sentence, nothing is lost."""

from __future__ import annotations

import hashlib
import io
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import zipfile
from pathlib import Path

import numpy as np
import psutil
import pytest
import soundfile

from musicgen.processes import ROOT
from musicgen.songs.intake import FileReport, Upload, add_uploads
from musicgen.songs.library import count_songs, get_song, list_songs, remove_song
from musicgen.songs.report import ImportReport
from musicgen.songs.tidying import Inspection, inspect, tidy
from musicgen.storage.files import sha256_of
from tests.makers_midi import bad_midi_files, chunk, midi_bytes, midi_file, note_off, note_on, rmid, scale_score

pytestmark = pytest.mark.usefixtures("home")


def tone(seconds: float = 1.0, *, sample_rate: int = 16_000, n_channels: int = 1, pitch: float = 440.0) -> np.ndarray:
    """A sine at half scale; float32, shape (n_samples, n_channels)."""
    time = np.arange(round(seconds * sample_rate)) / sample_rate
    wave = 0.5 * np.sin(2 * np.pi * pitch * time)
    return np.repeat(wave[:, np.newaxis], n_channels, axis=1).astype(np.float32)


def sound(format: str = "WAV", subtype: str | None = None, *, sample_rate: int = 16_000, **options: float) -> bytes:
    file = io.BytesIO()
    samples = tone(sample_rate=sample_rate, **options)  # type: ignore[arg-type]
    soundfile.write(file, samples, sample_rate, format=format, subtype=subtype)
    return file.getvalue()


def wav_with_header(sample_rate: int, samples: np.ndarray, format_tag: int = 3) -> bytes:
    """A float32 (or, tag 1, 16-bit) mono WAV that may claim any sample rate and hold any value."""
    data = samples.astype("<f4" if format_tag == 3 else "<i2").tobytes()
    width = 4 if format_tag == 3 else 2
    fmt = (
        np.array([format_tag, 1], "<u2").tobytes()
        + np.array([sample_rate, (sample_rate * width) % 2**32], "<u4").tobytes()
    )
    fmt += np.array([width, 8 * width], "<u2").tobytes()
    body = b"WAVEfmt " + len(fmt).to_bytes(4, "little") + fmt + b"data" + len(data).to_bytes(4, "little") + data
    return b"RIFF" + len(body).to_bytes(4, "little") + body


def crc(data: bytes, polynomial: int, bits: int) -> int:
    value = 0
    for byte in data:
        value ^= byte << (bits - 8)
        for _ in range(8):
            value = (value << 1 ^ polynomial if value >> (bits - 1) else value << 1) & ((1 << bits) - 1)
    return value


def silent_flac(seconds: float, *, sample_rate: int = 8_000, says: int | None = None) -> bytes:
    """Hand-made FLAC: constant frames of 65,535 zeros, 14 bytes each. `says`: the length in its header."""
    size = 65_535
    num_frames = round(seconds * sample_rate / size)
    says = num_frames * size if says is None else says
    packed = sample_rate << 44 | 15 << 36 | says  # mono, 16 bits
    head = b"fLaC\x80\x00\x00\x22" + size.to_bytes(2, "big") * 2 + bytes(6) + packed.to_bytes(8, "big") + bytes(16)
    frames = []
    for number in range(num_frames):
        frame = b"\xff\xf8\x74\x08" + chr(number).encode("utf-8", "surrogatepass") + (size - 1).to_bytes(2, "big")
        frame += bytes([crc(frame, 0x07, 8)]) + b"\x00\x00\x00"
        frames.append(frame + crc(frame, 0x8005, 16).to_bytes(2, "big"))
    return head + b"".join(frames)


def zip_of(members: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


def add(files: dict[str, bytes]) -> ImportReport:
    return add_uploads([Upload(name, stream=io.BytesIO(content)) for name, content in files.items()])


def check_whole(home: Path) -> None:
    """Rows, folders and blobs belong together, and nothing else is left."""
    assert inspect() == Inspection((), (), ())
    assert list((home / "tmp").iterdir()) == []
    for song in list_songs():
        assert (song.folder / "facts.json").is_file()


GOOD = {
    "mono.wav": lambda: sound("WAV", "PCM_16"),
    "24 bit.wav": lambda: sound("WAV", "PCM_24", pitch=441),
    "32 bit.wav": lambda: sound("WAV", "PCM_32", pitch=442),
    "float.wav": lambda: sound("WAV", "FLOAT", pitch=443),
    "stereo.wav": lambda: sound("WAV", "PCM_16", n_channels=2),
    "surround.wav": lambda: sound("WAV", "PCM_16", n_channels=6),
    "8 kHz.wav": lambda: sound("WAV", "PCM_16", sample_rate=8_000),
    "192 kHz.wav": lambda: sound("WAV", "PCM_16", sample_rate=192_000),
    "song.flac": lambda: sound("FLAC"),
    "song.ogg": lambda: sound("OGG", "VORBIS"),
    "song.mp3": lambda: sound("MP3"),
    "song.mid": midi_bytes,
    "wrapped.rmi": lambda: rmid(midi_bytes()),
}


def test_good_files_of_all_kinds(home: Path) -> None:
    contents = {name: make() for name, make in GOOD.items()}
    report = add(contents)
    assert [(file.path, file.status, file.reason) for file in report.files] == [(name, "accepted", "") for name in GOOD]
    assert len(set(report.song_ids)) == len(GOOD) == count_songs()
    for file in report.files:
        song = get_song(file.id or "")
        assert song.name == file.path.rsplit(".", 1)[0]
        assert (song.medium, song.format) == (file.medium, file.format)
        assert song.seconds == file.seconds == pytest.approx(song.facts["seconds"])
        assert song.report == file.to_json()
        assert file.kept["seconds"] == pytest.approx(song.seconds, abs=0.1)
        assert (home / "blobs" / song.sha256[:2] / song.sha256[2:4] / song.sha256).read_bytes() == contents[file.path]
        if song.medium == "audio":
            assert song.seconds == pytest.approx(1.0, abs=0.1)
            assert song.clip.waveform().seconds == pytest.approx(song.seconds)
        else:
            assert song.facts["num_notes"] == file.kept["notes"]
            assert song.clip.score_path.is_file()
    surround = next(file for file in report.files if file.path == "surround.wav")
    assert surround.kept["channels"] == 2
    assert "mixed to stereo" in " ".join(surround.warnings)
    check_whole(home)


def bad_uploads() -> dict[str, tuple[bytes, str]]:
    """name → (content, code): what the issue lists, and more."""
    silence = wav_with_header(44_100, np.zeros(44_100))
    with_nan = tone(2.0, sample_rate=16_000)[:, 0]
    with_nan[19_744] = np.nan
    return {
        "empty.wav": (b"", "empty"),
        "text.mp3": (b"This is only text.\n" * 40, "not_music"),
        "playlist.mp3": (b"ffconcat version 1.0\nfile 'secret.wav'\n", "playlist"),
        "stream.mp3": (b"#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/x.wav\n", "playlist"),
        "page.wav": (b"<!DOCTYPE html><html><body>404</body></html>", "not_music"),
        "nan.wav": (wav_with_header(16_000, with_nan), "not_finite"),
        "infinite.wav": (wav_with_header(16_000, np.full(16_000, np.inf)), "not_finite"),
        "short.wav": (sound("WAV", "PCM_16", seconds=0.1), "too_short"),
        "1 Hz.wav": (wav_with_header(1, np.zeros(200)), "sample_rate"),
        "7999 Hz.wav": (wav_with_header(7_999, np.zeros(8_000)), "sample_rate"),
        "2^31-1 Hz.wav": (wav_with_header(2**31 - 1, np.zeros(8_000)), "sample_rate"),
        "header only.wav": (silence[:44], "too_short"),
        "mp3 cut to nothing.mp3": (sound("MP3")[:40], "damaged"),
        "mp3 cut in its first frame.mp3": (sound("MP3")[:150], "damaged"),
        "instruments.sf2": (b"RIFF\x10\x00\x00\x00sfbkLIST" + bytes(16), "sound_font"),
        **{f"{name}.mid": file for name, file in bad_midi_files().items()},
    }


def test_each_bad_file_gets_one_sentence_and_the_good_ones_are_kept(home: Path) -> None:
    bad = bad_uploads()
    files = {
        "first.mid": midi_bytes(),
        **{name: content for name, (content, _) in bad.items()},
        "last.flac": sound("FLAC"),
    }
    report = add(files)
    assert [file.path for file in report.files] == list(files)
    assert (report.files[0].status, report.files[-1].status) == ("accepted", "accepted")
    for file in report.files[1:-1]:
        wanted = {"not_midi": ("empty", "not_music"), "too_short": ("too_short", "damaged")}
        code = bad[file.path][1]
        assert file.status == "rejected", file
        assert file.code in wanted.get(code, (code,)), (file.path, file.code, code)
        assert file.id is None
        assert re.fullmatch(r"[^\n]{20,400}\.", file.reason), file.reason
        assert "Received: " in file.reason
        assert "Traceback" not in file.reason
    assert "1.23 s" in next(file.reason for file in report.files if file.path == "nan.wav")
    assert count_songs() == 2
    check_whole(home)


@pytest.mark.parametrize("says", [None, 0, 8_000, 2**36 - 1])
def test_ten_hours_of_silence_in_some_kilobytes(home: Path, says: int | None) -> None:
    bomb = silent_flac(36_000, says=says)
    assert len(bomb) < 64_000
    begun = time.monotonic()
    (file,) = add({"bomb.flac": bomb}).files
    assert (file.status, file.code) == ("rejected", "too_long")
    assert "2 hours" in file.reason
    assert time.monotonic() - begun < 40
    check_whole(home)


@pytest.mark.parametrize("says", [0, 2**36 - 1])
def test_a_flac_that_lies_about_its_length_is_as_long_as_it_is(says: int) -> None:
    (file,) = add({"a.flac": silent_flac(30, says=says)}).files
    assert (file.status, file.seconds) == ("accepted", pytest.approx(30, abs=5))


PLAYLISTS = {
    "hls": b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nhttp://127.0.0.1:%d/a.mp3\n#EXT-X-ENDLIST\n",
    "hls to a file": b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n",
    "ffconcat": b"ffconcat version 1.0\nfile 'secret.wav'\n",
    "ffconcat absolute": b"ffconcat version 1.0\nfile '/work/secret.wav'\n",
    "dash": b'<?xml version="1.0"?><MPD><BaseURL>http://127.0.0.1:%d/</BaseURL></MPD>',
    "hidden behind a tag": b"ID3\x04\x00\x00\x00\x00\x00\x00#EXTM3U\nhttp://127.0.0.1:%d/a.mp3\n",
    "under another flag": b"\x00\x00\x00\x1cftypM4A \x00\x00\x00\x00ffconcat version 1.0\nfile 'secret.wav'\n",
}


def test_playlists_reach_neither_the_net_nor_other_files(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home.parent / "secret.wav").write_bytes(sound())
    (home / "secret.wav").write_bytes(sound())
    monkeypatch.chdir(home.parent)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        contents = {name: content.replace(b"%d", str(port).encode()) for name, content in PLAYLISTS.items()}
        endings = ("mp3", "wav", "flac", "ogg", "m4a", "mid", "m3u8")
        report = add({f"{name}.{ending}": content for name, content in contents.items() for ending in endings})
        server.settimeout(0.2)
        with pytest.raises(TimeoutError):
            server.accept()
    assert {file.status for file in report.files} == {"rejected"}
    assert len(report.files) == 7 * len(PLAYLISTS)
    assert count_songs() == 0


def test_a_truncated_mp3_keeps_what_can_be_decoded(home: Path) -> None:
    whole = sound("MP3", seconds=10, sample_rate=44_100)
    (file,) = add({"cut.mp3": whole[: len(whole) // 2]}).files
    assert file.status == "accepted"
    assert file.seconds == pytest.approx(5.0, abs=0.5)
    assert file.warnings


def test_drums_only_is_kept_with_a_warning() -> None:
    drums = midi_file(chunk([(0, note_on(36, channel=9)), (480, note_off(36, channel=9))] * 8))
    (file,) = add({"drums.mid": drums}).files
    assert file.status == "accepted"
    assert any("drums" in warning.lower() for warning in file.warnings)


@pytest.mark.parametrize(
    ("name", "make", "format"),
    [
        ("really flac.mp3", lambda: sound("FLAC"), "flac"),
        ("really midi.wav", midi_bytes, "midi"),
        ("no ending", midi_bytes, "midi"),
    ],
)
def test_content_decides_what_a_file_is(name: str, make: object, format: str) -> None:
    (file,) = add({name: make()}).files  # type: ignore[operator]
    assert (file.status, file.format) == ("accepted", format)
    assert bool([warning for warning in file.warnings if "The name ends in" in warning]) == ("." in name)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("../../../../etc/cron.d/x.mid", "x"),
        ("C:\\..\\evil.mid", "evil"),
        ("🎵 ночь 夜.mid", "🎵 ночь 夜"),
        ("x" * 300 + ".mid", "x" * 119 + "…"),
        ("\u202edim.exe.mid", "dim.exe"),
        ("\x00.mid", "untitled"),
        ("-rf.mid", "-rf"),
        ("CON.mid", "CON"),
        ("\udcff.mid", "untitled"),
        ("", "untitled"),
    ],
)
def test_names_are_shown_and_never_paths(home: Path, name: str, shown: str) -> None:
    before = {path for path in home.parent.rglob("*") if home not in path.parents}
    report = add({name: midi_bytes()})
    assert report.files[0].status == "accepted"
    assert list_songs()[0].name == shown
    report.to_json()
    check_whole(home)
    assert {path for path in home.parent.rglob("*") if home not in path.parents} == before


def test_the_same_content_is_one_song(home: Path) -> None:
    content = midi_bytes()
    first = add({"a.mid": content, "b.mid": content, "c.mid": midi_bytes(scale_score())})
    assert first.files[0].id == first.files[1].id != first.files[2].id
    assert "Same content as a.mid" in first.files[1].warnings[-1]
    again = add({"d.mid": content}).files[0]
    assert (again.status, again.id) == ("accepted", first.files[0].id)
    assert again.warnings == ("Already in the library as “a”.",)
    assert (again.kept, again.seconds) == (first.files[0].kept, first.files[0].seconds)
    assert count_songs() == 2
    check_whole(home)


def test_the_same_content_from_several_at_once_is_one_song(home: Path) -> None:
    reports: list[ImportReport] = []
    threads = [
        threading.Thread(target=lambda: reports.append(add({"a.mid": midi_bytes(), "b.wav": sound()})))
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {file.status for report in reports for file in report.files} == {"accepted"}
    assert len({tuple(report.song_ids) for report in reports}) == 1
    assert count_songs() == 2
    check_whole(home)


def test_a_removed_song_can_come_again(home: Path) -> None:
    (song_id,) = add({"a.mid": midi_bytes()}).song_ids
    remove_song(song_id)
    check_whole(home)
    (again,) = add({"a.mid": midi_bytes()}).song_ids
    assert again != song_id
    check_whole(home)


def test_a_zip_is_accounted_for_to_its_last_entry(home: Path) -> None:
    members = {
        "good.mid": midi_bytes(),
        "album/good.flac": sound("FLAC"),
        "album/": b"",
        "../../escape.mid": midi_bytes(scale_score()),
        "again/good.mid": midi_bytes(),
        "x" * 300 + "😀.mid": midi_bytes(scale_score(20)),
        "__MACOSX/._good.mid": b"x",
        ".hidden.mid": midi_bytes(),
        "inner.zip": zip_of({"a.mid": midi_bytes()}),
        **{f"bad/{name}": content for name, (content, _) in bad_uploads().items()},
    }
    report = add({"music.zip": zip_of(members), "after.mid": midi_bytes(scale_score(30))})
    assert len(report.files) + len(report.ignored) == len(members) + 1
    assert {entry.path for entry in report.ignored} == {
        *("music.zip/album/", "music.zip/__MACOSX/._good.mid", "music.zip/.hidden.mid")
    }
    found = {file.path: file for file in report.files}
    assert found["music.zip/good.mid"].id == found["music.zip/again/good.mid"].id
    assert found["music.zip/inner.zip"].code == "archive"
    assert {file.status for path, file in found.items() if "/bad/" in path} == {"rejected"}
    assert {song.name for song in list_songs()} == {"good", "escape", "x" * 119 + "…", "after"}
    assert report.to_json()["accepted"] == 6
    check_whole(home)


@pytest.mark.parametrize("content", [zip_of({}), zip_of({"a.mid": midi_bytes()})[:-30], b"PK\x03\x04" + bytes(500)])
def test_a_bad_zip_gets_one_sentence(home: Path, content: bytes) -> None:
    report = add({"bad.zip": content, "good.mid": midi_bytes()})
    assert [file.status for file in report.files] == ["rejected", "accepted"]
    assert "Received: " in report.files[0].reason
    check_whole(home)


def test_uploads_that_cannot_be_read(home: Path, tmp_path: Path) -> None:
    closed = io.BytesIO(b"x")
    closed.close()
    os.mkfifo(tmp_path / "pipe.wav")
    uploads = [
        Upload("gone.wav", path=tmp_path / "gone.wav"),
        Upload("folder", path=tmp_path),
        Upload("pipe.wav", path=tmp_path / "pipe.wav"),
        Upload("closed.wav", stream=closed),
        Upload("nothing.wav"),
        Upload("zero.wav", path=Path("/dev/zero")),
        Upload("good.mid", stream=io.BytesIO(midi_bytes())),
    ]
    report = add_uploads(uploads)
    assert [file.code for file in report.files] == [
        *("unreadable", "folder", "not_a_file", "unreadable", "unreadable", "not_a_file", "")
    ]
    check_whole(home)


def test_size_limit(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUSICGEN_MAX_UPLOAD_MB", "1")
    (tmp_path / "large.wav").write_bytes(wav_with_header(44_100, np.zeros(400_000)))
    report = add_uploads(
        [
            Upload("path.wav", path=tmp_path / "large.wav"),
            Upload("stream.wav", stream=io.BytesIO((tmp_path / "large.wav").read_bytes())),
            Upload("good.mid", stream=io.BytesIO(midi_bytes())),
        ]
    )
    assert [file.code for file in report.files] == ["too_large", "too_large", ""]
    assert "1 MB" in report.files[0].reason
    check_whole(home)


def test_a_stream_is_read_from_its_beginning() -> None:
    stream = io.BytesIO(midi_bytes())
    stream.seek(0, io.SEEK_END)
    (file,) = add_uploads([Upload("a.mid", stream=stream)]).files
    assert file.status == "accepted"
    assert get_song(file.id or "").sha256 == hashlib.sha256(midi_bytes()).hexdigest()


def test_source_is_kept(home: Path) -> None:
    (song_id,) = add_uploads([Upload("a.mid", stream=io.BytesIO(midi_bytes()))], source="sample: x").song_ids
    assert get_song(song_id).source == "sample: x"


def test_nothing_at_all() -> None:
    assert add_uploads([]).to_json() == {"files": [], "ignored": [], "accepted": 0, "rejected": 0}


def test_hundreds_of_midi_files(home: Path) -> None:
    members = {f"{index}.mid": midi_bytes(scale_score(20 + index)) for index in range(120)}
    begun = time.monotonic()
    report = add({"collection.zip": zip_of(members)})
    assert len(report.accepted) == 120
    assert time.monotonic() - begun < 120
    assert count_songs() == 120


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL")
def test_a_killed_import_leaves_no_half_song(home: Path) -> None:
    program = (
        "import io, sys\n"
        "from musicgen.songs.intake import Upload, add_uploads\n"
        "from tests.makers_midi import midi_bytes, scale_score\n"
        "from tests.unit.test_songs_intake import sound\n"
        "files = {f'{i}.mid': midi_bytes(scale_score(16 + i)) for i in range(60)}\n"
        "files['a.flac'] = sound('FLAC', seconds=20)\n"
        "uploads = [Upload(name, stream=io.BytesIO(content)) for name, content in files.items()]\n"
        "add_uploads(uploads, on_progress=lambda done, total, name: print(done, flush=True))\n"
    )
    for stop_at in (b"1\n", b"26\n", b"60\n"):
        parent = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE)
        assert parent.stdout is not None
        while (line := parent.stdout.readline()) and line != stop_at:
            pass
        children = psutil.Process(parent.pid).children(recursive=True)
        parent.send_signal(signal.SIGKILL)
        parent.wait()
        parent.stdout.close()
        psutil.wait_procs(children, timeout=10)
        assert not any(child.is_running() for child in children)
        tidy(0)
        check_whole(home)
        for song in list_songs():
            assert sha256_of(home / "blobs" / song.sha256[:2] / song.sha256[2:4] / song.sha256) == song.sha256


def test_the_parent_stays_light() -> None:
    program = (
        "import io, sys\n"
        "from musicgen.songs.intake import Upload, add_uploads\n"
        "from musicgen.songs.library import list_songs\n"
        "report = add_uploads([Upload('a.mid', stream=io.BytesIO(bytes.fromhex(sys.argv[1])))])\n"
        "assert report.accepted and list_songs(search='a')\n"
        "print(*sorted(sys.modules))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, midi_bytes().hex()], cwd=ROOT, capture_output=True, text=True, check=True
    )
    loaded = set(done.stdout.split())
    assert "musicgen.songs.intake" in loaded
    assert not {"numpy", "scipy", "soundfile", "symusic", "music21", "librosa", "numba", "keras", "streamlit"} & loaded


def test_reports_are_json(home: Path) -> None:
    report = ImportReport([FileReport("a.mid", "accepted", "song-000000000000", warnings=("x",))])
    document = report.to_json()
    assert document["files"][0] == {
        "path": "a.mid",
        "status": "accepted",
        "id": "song-000000000000",
        "reason": "",
        "code": "",
        "kept": {},
        "dropped": {},
        "warnings": ["x"],
        "format": "",
        "medium": "",
        "seconds": None,
    }
