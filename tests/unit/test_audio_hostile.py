"""Files made to do harm: playlists that point elsewhere, bombs, and thousands of damaged ones."""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from musicgen.audio.decoding import decode
from musicgen.audio.sources import m4a
from musicgen.errors import RejectedFile
from musicgen.settings import settings
from tests.makers_audio import (
    PLAYLISTS,
    flac_with_total,
    float_wav,
    id3_tag,
    ogg_page,
    pcm_wav,
    playlist,
    silent_flac,
    sine,
    write_encoded,
)

ROOT = Path(__file__).resolve().parents[2]
EXTENSIONS = ("mp3", "wav", "flac", "ogg", "m4a", "m3u8", "")
SECRET = 1234


@contextmanager
def listening() -> Iterator[tuple[str, list[bytes]]]:
    """A server on the loopback interface and all that it was sent."""
    received: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.1)
        is_over = threading.Event()

        def serve() -> None:
            while not is_over.is_set():
                try:
                    connection, _ = server.accept()
                except TimeoutError:
                    continue
                with connection:
                    received.append(connection.recv(1000))

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}", received
        finally:
            is_over.set()
            thread.join()


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "secret.wav"
    path.write_bytes(pcm_wav(np.full((1, 44_100), SECRET, np.int16)))
    return path


@pytest.mark.parametrize("kind", PLAYLISTS)
def test_playlists_under_any_name_open_nothing(kind: str, tmp_path: Path, secret: Path) -> None:
    with listening() as (url, received):
        for extension in EXTENSIONS:
            path = tmp_path / f"song.{extension}"
            for prefix in (b"", b"\xef\xbb\xbf", id3_tag(16)):
                path.write_bytes(prefix + playlist(kind, url=url, secret=secret))
                for format in (None, "wav", "mp3", "flac", "ogg", "m4a"):
                    with pytest.raises(RejectedFile):
                        decode(path, format)
    assert received == []


@pytest.mark.parametrize("kind", PLAYLISTS)
def test_ffmpeg_itself_is_held_even_where_our_own_checks_fail(
    kind: str, tmp_path: Path, secret: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(m4a, "_check_boxes", lambda *_: None)
    path = tmp_path / "song.m4a"
    with listening() as (url, received):
        path.write_bytes(playlist(kind, url=url, secret=secret))
        with pytest.raises(RejectedFile, match="moov atom not found"):
            m4a.M4aSource(path)
    assert received == []


@pytest.mark.parametrize("kind", PLAYLISTS)
def test_ffmpeg_is_held_where_it_reads_a_part_of_a_file(
    kind: str, tmp_path: Path, secret: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(m4a, "_check_boxes", lambda *_: None)
    path = tmp_path / "song, of all.m4a"
    with listening() as (url, received):
        path.write_bytes(b"12345" + playlist(kind, url=url, secret=secret))
        with pytest.raises(RejectedFile, match="moov atom not found"):
            m4a.M4aSource(path, 5, path.stat().st_size)
    assert received == []


SHORT_FRAME = bytes.fromhex("fffb9064") + bytes(413)
OTHER_FRAME = bytes.fromhex("fff340c4") + bytes(92)
BEGINNINGS = {
    "frames": b"\xff\xfb\x90" * 300_000,
    "tag and frames": id3_tag(10) + b"\xff\xfb\x90" * 300_000,
    "two kinds": (SHORT_FRAME * 3 + OTHER_FRAME * 3) * 5_000,
    "summaries": (SHORT_FRAME[:36] + b"Xing" + bytes(4) + SHORT_FRAME[44:] + SHORT_FRAME) * 5_000,
    "tags": id3_tag(0) * 300_000,
    "ogg marks": b"OggS\0" * 300_000,
    "ogg streams": b"".join(ogg_page(n, 0, b"\x01vorbis" + bytes(23), is_first=True) for n in range(300)) * 20,
    "flac marks": b"fLaC\0\0\0\x22\x10\0\x10\0" * 100_000,
    "wav files": pcm_wav(np.zeros((1, 100), np.int16)) * 10_000,
    "empty chunks": pcm_wav(np.zeros((1, 100), np.int16)) + b"data\0\0\0\0" * 300_000,
    "mp4 boxes": b"\0\0\0\x10ftypM4A \0\0\0\0" * 300_000,
}


@pytest.mark.parametrize("kind", BEGINNINGS)
def test_a_file_of_nothing_but_beginnings_is_read_within_bounds(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "beginnings"
    path.write_bytes(BEGINNINGS[kind])
    code, _, megabytes = measured(path)
    assert code in (None, "damaged", "not_audio", "too_short", "too_long")
    assert megabytes < 300


def test_an_m4a_that_refers_to_another_file_is_refused(tmp_path: Path) -> None:
    path = write_encoded(tmp_path / "a.m4a", sine(1.0))
    content = path.read_bytes()
    at = content.index(b"url \0\0\0\x01")
    path.write_bytes(content[: at + 7] + b"\0" + content[at + 8 :])
    with pytest.raises(RejectedFile, match="refers to another file"):
        decode(path)


MEASURED = """
import json, re, sys, time
from pathlib import Path
from musicgen.audio.decoding import decode
from musicgen.errors import RejectedFile
from musicgen.audio.sources import sndfile, wav, m4a  # what every child has loaded before the upload comes
import soundfile
start, code = time.monotonic(), None
try:
    decode(Path(sys.argv[1]))
except RejectedFile as error:
    code = error.code
seconds = time.monotonic() - start
peak = int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) / 1024
print(json.dumps([code, seconds, peak]))
"""


def measured(path: Path) -> tuple[str | None, float, float]:
    """(code of the refusal, seconds, MB of memory) of decoding a file in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, str(path)], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    code, seconds, megabytes = json.loads(done.stdout)
    return code, seconds, megabytes


@pytest.mark.parametrize(
    ("sample_rate", "n_channels", "total"),
    [(8_000, 1, None), (8_000, 1, 0), (44_100, 8, None), (44_100, 2, 2**36 - 1), (44_100, 2, 1)],
)
def test_ten_hours_of_silence_in_a_flac(tmp_path: Path, sample_rate: int, n_channels: int, total: int | None) -> None:
    content = silent_flac(36_000, sample_rate=sample_rate, n_channels=n_channels, total=total)
    assert len(content) < 1_000_000
    path = tmp_path / "bomb.flac"
    path.write_bytes(content)
    code, seconds, megabytes = measured(path)
    assert code == "too_long"
    assert seconds < 2
    assert megabytes < 300


def test_a_bomb_in_which_one_cannot_search_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUSICGEN_MAX_AUDIO_SECONDS", "600")
    content = silent_flac(8, sample_rate=8_000, total=0)
    head, frame = content[:42], content[42:]
    path = tmp_path / "bomb.flac"
    path.write_bytes(head + frame * 200)  # all frames say that they are the first one
    code, seconds, megabytes = measured(path)
    assert code == "too_long"
    assert seconds < 2
    assert megabytes < 300


@pytest.mark.parametrize("extension", ["ogg", "mp3", "m4a"])
def test_silence_in_other_formats(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, extension: str) -> None:
    path = write_encoded(tmp_path / f"bomb.{extension}", np.zeros((1, 8_000 * 1_200), np.float32), 8_000)
    monkeypatch.setenv("MUSICGEN_MAX_AUDIO_SECONDS", "60")
    code, seconds, megabytes = measured(path)
    assert code == "too_long"
    assert seconds < 2
    assert megabytes < 300


def test_nothing_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    path = write_encoded(tmp_path / "a.m4a", sine(2.0))
    decode(path)
    monkeypatch.setenv("MUSICGEN_MAX_AUDIO_SECONDS", "1")
    with pytest.raises(RejectedFile):
        decode(path)
    assert list((tmp_path / "tmp").iterdir()) == []


def mutants(content: bytes, n: int, seed: int) -> Iterator[bytes]:
    """`content` with a few bytes changed, a piece removed, doubled or overwritten."""
    rng = np.random.default_rng(seed)
    for _ in range(n):
        mutant = bytearray(content)
        for _ in range(int(rng.integers(1, 5))):
            first = int(rng.integers(0, len(mutant) if rng.random() < 0.5 else min(len(mutant), 300)))
            length = int(rng.integers(1, 40))
            match rng.integers(0, 4):
                case 0:
                    mutant[first] ^= 1 << int(rng.integers(0, 8))
                case 1:
                    mutant[first : first + length] = rng.bytes(length)
                case 2:
                    del mutant[first : first + length * 10]
                case _:
                    mutant[first:first] = mutant[first : first + length]
            mutant = mutant or bytearray(b"\0")
        yield bytes(mutant)


def check_mutants(folder: Path, extension: str, n: int) -> None:
    seconds = 5.0 if extension in ("ogg", "opus") else 1.0  # pages with a wrong checksum are left out: have many
    samples = np.random.default_rng(0).normal(0, 0.1, (2, round(seconds * 48_000))).astype(np.float32)
    source = folder / f"source.{extension}"
    if extension == "wav":
        source.write_bytes(float_wav(samples, 48_000))
    else:
        write_encoded(source, samples, 48_000)
    path, limits = folder / "mutant", settings()
    n_accepted = 0
    for mutant in mutants(source.read_bytes(), n, seed=1):
        path.write_bytes(mutant)
        try:
            decoded = decode(path)
        except RejectedFile:
            continue
        n_accepted += 1
        assert limits.min_audio_seconds <= decoded.seconds <= limits.max_audio_seconds
        assert limits.min_sample_rate <= decoded.sample_rate <= limits.max_sample_rate
        assert sum(block.shape[1] for block in decoded.blocks()) == decoded.n_samples
    assert 0 < n_accepted <= n
    if extension != "mp3":  # whose damaged frames are passed over: what is left is a song, as for a player
        assert n_accepted < n


@pytest.mark.parametrize(
    ("extension", "n"), [("wav", 200), ("flac", 60), ("ogg", 200), ("opus", 60), ("mp3", 200), ("m4a", 12)]
)
def test_damaged_files_are_read_or_refused(tmp_path: Path, extension: str, n: int) -> None:
    check_mutants(tmp_path, extension, n)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("extension", "n"),
    [("wav", 10_000), ("flac", 2_000), ("ogg", 10_000), ("opus", 2_000), ("mp3", 10_000), ("m4a", 500)],
)
def test_thousands_of_damaged_files_are_read_or_refused(tmp_path: Path, extension: str, n: int) -> None:
    check_mutants(tmp_path, extension, n)


@pytest.mark.slow
@pytest.mark.parametrize("kind", PLAYLISTS)
def test_what_the_kernel_sees(kind: str, tmp_path: Path, secret: Path) -> None:
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    folder = tmp_path / "job"
    folder.mkdir()
    (folder / "song.m4a").write_bytes(playlist(kind, url="http://127.0.0.1:9", secret=secret))
    bypass = "from musicgen.audio.sources import m4a; m4a._check_boxes = lambda *_: None; "
    code = bypass + "from pathlib import Path; m4a.M4aSource(Path('song.m4a').resolve())"
    done = subprocess.run(
        ["strace", "-f", "-e", "trace=connect,openat", sys.executable, "-c", code],
        cwd=folder, capture_output=True, text=True, check=False, env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    assert "AF_INET" not in done.stderr
    assert not re.search(r"openat\([^\n]*secret\.wav", done.stderr)
    assert "RejectedFile" in done.stderr


def test_a_lying_flac_total_does_not_hide_the_rest(tmp_path: Path) -> None:
    path = tmp_path / "a.flac"
    path.write_bytes(flac_with_total(silent_flac(60, sample_rate=8_000), 8_000))
    assert decode(path).seconds > 60
