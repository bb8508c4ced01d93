"""Archives: every entry accounted for, no name becomes a path, no bomb goes off."""

from __future__ import annotations

import struct
import time
import zipfile
import zlib
from pathlib import Path
from typing import Any

import pytest

from musicgen.errors import RejectedFile
from musicgen.processes import run_child
from musicgen.songs import unpacking
from tests import makers_zips

MIDI = b"MThd\x00\x00\x00\x06" + bytes(100)
pytestmark = pytest.mark.usefixtures("home")


def make_zip(path: Path, members: dict[str, bytes] | None = None, compression: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in (members or {}).items():
            archive.writestr(name, content)
    return path


def unpack(archive: Path, folder: Path) -> list[dict[str, Any]]:
    folder.mkdir(exist_ok=True)
    entries: list[dict[str, Any]] = []
    payload = {"archive": str(archive), "folder": str(folder)}
    run_child("musicgen.songs.unpacking", payload, seconds=30, memory_mb=1024, on_line=entries.append)
    return entries


def verdicts(entries: list[dict[str, Any]]) -> dict[str, str]:
    """member → `file`, `ignored` or the code of its rejection."""
    return {
        entry["member"]: entry.get("rejected", {}).get("code") or ("file" if "file" in entry else "ignored")
        for entry in entries
    }


def test_every_entry_is_accounted_for(tmp_path: Path) -> None:
    members = {
        "a.mid": MIDI,
        "album/b.mid": MIDI,
        "album/": b"",
        "readme.txt": b"hello",
        ".DS_Store": b"x",
        "album/.hidden.mid": MIDI,
        "__MACOSX/album/._b.mid": b"x",
        "Thumbs.db": b"x",
        "inner.zip": b"PK\x03\x04" + bytes(30),
        "empty.mid": b"",
        "list.mp3": b"#EXTM3U\nhttp://127.0.0.1/a.mp3",
    }
    entries = unpack(make_zip(tmp_path / "a.zip", members), tmp_path / "out")
    assert verdicts(entries) == {
        "a.mid": "file",
        "album/b.mid": "file",
        "album/": "ignored",
        "readme.txt": "not_music",
        ".DS_Store": "ignored",
        "album/.hidden.mid": "ignored",
        "__MACOSX/album/._b.mid": "ignored",
        "Thumbs.db": "ignored",
        "inner.zip": "archive",
        "empty.mid": "empty",
        "list.mp3": "playlist",
    }
    files = [entry["file"] for entry in entries if "file" in entry]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(files)
    assert all((tmp_path / "out" / name).read_bytes() == MIDI for name in files)


@pytest.mark.parametrize(
    "name",
    [
        "../../escaped.mid",
        "/tmp/escaped.mid",
        "C:\\escaped.mid",
        "..\\..\\escaped.mid",
        "a/../../escaped.mid",
        "x" * 300 + ".mid",
        "😀.mid",
    ],
)
def test_no_name_becomes_a_path(tmp_path: Path, name: str) -> None:
    (tmp_path / "deep" / "er").mkdir(parents=True)
    entries = unpack(make_zip(tmp_path / "deep" / "a.zip", {name: MIDI}), tmp_path / "deep" / "er" / "out")
    assert [path.name for path in (tmp_path / "deep" / "er" / "out").iterdir()] == [entries[0]["file"]]
    assert not list(tmp_path.rglob("*escaped*"))
    assert not Path("/tmp/escaped.mid").exists()


def test_names_without_the_utf8_flag(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "a.zip", {"PLACEHOLDER.mid": MIDI})
    path.write_bytes(path.read_bytes().replace(b"PLACEHOLDER", "Prélude-12"[:10].encode()))
    assert unpack(path, tmp_path / "out")[0]["member"] == "Prélude-12.mid"


def test_links_are_refused(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("link.mid")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(link, "/etc/passwd")
    assert verdicts(unpack(tmp_path / "a.zip", tmp_path / "out")) == {"link.mid": "not_a_file"}


def test_locked_files_are_named(tmp_path: Path) -> None:
    content = bytearray(make_zip(tmp_path / "a.zip", {"a.mid": MIDI, "b.mid": MIDI}).read_bytes())
    local, central = content.index(b"PK\x03\x04"), content.index(b"PK\x01\x02")
    content[local + 6] |= 1
    content[central + 8] |= 1
    (tmp_path / "a.zip").write_bytes(content)
    assert verdicts(unpack(tmp_path / "a.zip", tmp_path / "out")) == {"a.mid": "locked", "b.mid": "file"}


def test_a_damaged_member_does_not_spoil_the_others(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "a.zip", {"a.mid": MIDI, "b.mid": MIDI + b"b"}, zipfile.ZIP_STORED)
    content = path.read_bytes()
    path.write_bytes(content.replace(MIDI + b"b", MIDI + b"c", 1))
    entries = unpack(path, tmp_path / "out")
    assert verdicts(entries) == {"a.mid": "file", "b.mid": "archive_damaged"}
    assert [path.name for path in (tmp_path / "out").iterdir()] == [entries[0]["file"]]


@pytest.mark.parametrize("cut", [4, 30, 60, -1])
def test_a_truncated_archive_is_one_sentence(tmp_path: Path, cut: int) -> None:
    path = make_zip(tmp_path / "a.zip", {"a.mid": MIDI})
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(RejectedFile) as caught:
        unpack(path, tmp_path / "out")
    assert caught.value.code == "archive_damaged"


@pytest.mark.parametrize("members", [{}, {"folder/": b""}, {"__MACOSX/._a.mid": b"x"}])
def test_an_archive_without_files(tmp_path: Path, members: dict[str, bytes]) -> None:
    with pytest.raises(RejectedFile) as caught:
        unpack(make_zip(tmp_path / "a.zip", members), tmp_path / "out")
    assert caught.value.code == "empty"


def test_too_many_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUSICGEN_MAX_ZIP_FILES", "10")
    members = {f"{index}.mid": MIDI for index in range(10)} | {f".{index}": b"" for index in range(10)}
    assert len(unpack(make_zip(tmp_path / "a.zip", members), tmp_path / "out")) == 20
    with pytest.raises(RejectedFile, match="11") as caught:
        unpack(make_zip(tmp_path / "b.zip", members | {"one more.mid": MIDI}), tmp_path / "out")
    assert caught.value.code == "too_many_files"


@pytest.mark.parametrize("compression", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_bombs_of_zeros_are_never_unpacked(tmp_path: Path, compression: int) -> None:
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", compression) as archive, archive.open("zeros.wav", "w") as member:
        for _ in range(150):
            member.write(bytes(1 << 20))
    begun = time.monotonic()
    assert verdicts(unpack(path, tmp_path / "out")) == {"zeros.wav": "not_music"}
    assert time.monotonic() - begun < 20
    assert list((tmp_path / "out").iterdir()) == []


def test_a_bomb_that_looks_like_music(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUSICGEN_MAX_UPLOAD_MB", "20")
    monkeypatch.setenv("MUSICGEN_MAX_ZIP_MB", "50")
    wav = b"RIFF\x00\x00\x00\x00WAVEfmt " + bytes(15 << 20)
    members = {"large.wav": wav + bytes(6 << 20)} | {f"{index}.wav": wav for index in range(5)} | {"z.mid": MIDI}
    entries = unpack(make_zip(tmp_path / "bomb.zip", members), tmp_path / "out")
    assert list(verdicts(entries).values()) == [
        *("too_large", "file", "file", "file", "archive_too_large", "archive_too_large", "file")
    ]
    assert sum(path.stat().st_size for path in (tmp_path / "out").iterdir()) < 50 << 20


def test_a_directory_that_lies_about_sizes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The declared size says 112 bytes, the content is 30 MB."""
    monkeypatch.setenv("MUSICGEN_MAX_UPLOAD_MB", "5")
    path = make_zip(tmp_path / "bomb.zip", {"a.wav": b"RIFF\x00\x00\x00\x00WAVEfmt " + bytes(30 << 20)})
    content = bytearray(path.read_bytes())
    central, local = content.index(b"PK\x01\x02"), content.index(b"PK\x03\x04")
    struct.pack_into("<I", content, central + 24, 112)
    struct.pack_into("<I", content, local + 22, 112)
    path.write_bytes(content)
    assert verdicts(unpack(path, tmp_path / "out")) == {"a.wav": "archive_damaged"}
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize("make", [makers_zips.same_content_many_times, makers_zips.quoting])
def test_overlapping_members_are_refused_as_a_whole(tmp_path: Path, make: Any) -> None:
    """Each would be a song: few bytes for many."""
    wav = b"RIFF\x00\x00\x00\x00WAVEfmt " + bytes(1 << 20)
    path = make(tmp_path / "bomb.zip", wav, 300)
    assert path.stat().st_size < 100_000
    with zipfile.ZipFile(path) as archive:
        assert len(archive.infolist()) == 300, "an archive that others open"
    with pytest.raises(RejectedFile, match="may not overlap") as caught:
        unpack(path, tmp_path / "out")
    assert caught.value.code == "archive_overlap"
    assert list((tmp_path / "out").iterdir()) == []


def test_an_archive_behind_something_else_is_no_overlap(tmp_path: Path) -> None:
    """As a program that unpacks itself."""
    path = make_zip(tmp_path / "a.zip", {"a.mid": MIDI, "b.mid": MIDI + b"b"})
    path.write_bytes(b"program" * 1000 + path.read_bytes())
    assert verdicts(unpack(path, tmp_path / "out")) == {"a.mid": "file", "b.mid": "file"}


@pytest.mark.parametrize("told", [None, 3])
def test_a_million_names_are_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: int | None) -> None:
    def opened(*_arguments: Any) -> None:
        raise AssertionError("every name was read")

    path = makers_zips.many_names(tmp_path / "names.zip", 60_000, told=told)
    monkeypatch.setattr(zipfile, "ZipFile", opened)
    with pytest.raises(RejectedFile, match=r"at most 5,000 files\. Received: \d+,\d+ names or more") as caught:
        unpacking._open(path)
    assert caught.value.code == "too_many_files"


def test_damaged_members_use_the_budget_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or thousands of them would be unpacked to their end, one after the other, each for nothing."""
    monkeypatch.setenv("MUSICGEN_MAX_ZIP_MB", "10")
    wav = b"RIFF\x00\x00\x00\x00WAVEfmt " + bytes(3 << 20)
    path = make_zip(tmp_path / "a.zip", {f"{number}.wav": wav for number in range(6)} | {"z.mid": MIDI})
    makers_zips.spoil_checksums(path)
    codes = list(verdicts(unpack(path, tmp_path / "out")).values())
    assert codes == ["archive_damaged"] * 3 + ["archive_too_large"] * 3 + ["archive_damaged"]


def test_what_does_not_fit_is_not_begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its size is in the directory."""
    monkeypatch.setenv("MUSICGEN_MAX_ZIP_MB", "10")
    wav = b"RIFF\x00\x00\x00\x00WAVEfmt " + bytes(6 << 20)
    path = make_zip(tmp_path / "a.zip", {f"{number}.wav": wav for number in range(4)} | {"z.mid": MIDI})
    (tmp_path / "out").mkdir()
    told: list[dict[str, Any]] = []
    monkeypatch.setattr(unpacking, "send_line", told.append)
    spent = unpacking.unpack({"archive": str(path), "folder": str(tmp_path / "out")})["bytes"]
    assert [each.get("rejected", {}).get("code", "") for each in told] == ["", *["archive_too_large"] * 3, ""]
    assert spent == len(wav) + len(MIDI)


def zip_with_raw_names(path: Path, names: list[bytes], *, extra: bytes = b"") -> Path:
    """Names as they stand, without the UTF-8 flag."""
    with zipfile.ZipFile(path, "w") as archive:
        for number, name in enumerate(names):
            member = zipfile.ZipInfo(chr(97 + number) * len(name))
            member.extra = extra
            archive.writestr(member, MIDI)
    content = path.read_bytes()
    for number, name in enumerate(names):
        content = content.replace(bytes((97 + number,)) * len(name), name)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("encoding", "names"),
    [
        ("cp932", ["曲名テスト.mid"]),
        ("cp932", ["ソナタ/表.mid", "ソナタ/第2楽章.mid"]),
        ("gbk", ["月亮代表我的心.mid", "歌曲/茉莉花.mid"]),
        ("cp1251", ["Калинка.mid"]),
        ("cp866", ["Подмосковные вечера.mid"]),
        ("cp437", ["Für Elise.mid"]),
        ("cp850", ["Étude.mid", "Café à Paris.mid"]),
        ("cp1252", ["Für Elise.mid", "Étude.mid"]),
        ("cp949", ["아리랑.mid"]),
        ("utf-8", ["Für Elise.mid", "曲名テスト.mid"]),
    ],
)
def test_names_without_the_utf8_flag_are_read_as_they_were_meant(
    tmp_path: Path, encoding: str, names: list[str]
) -> None:
    archive = zip_with_raw_names(tmp_path / "a.zip", [name.encode(encoding) for name in names])
    assert verdicts(unpack(archive, tmp_path / "out")) == dict.fromkeys(names, "file")


def test_a_name_in_the_unicode_field_is_believed(tmp_path: Path) -> None:
    raw, name = b"\xd8.mid", "愛.mid"
    field = b"\x01" + struct.pack("<I", zlib.crc32(raw)) + name.encode()
    extra = struct.pack("<HH", 0x7075, len(field)) + field
    archive = zip_with_raw_names(tmp_path / "a.zip", [raw], extra=extra)
    assert verdicts(unpack(archive, tmp_path / "out")) == {name: "file"}


def test_one_name_helps_to_read_another(tmp_path: Path) -> None:
    names = ["왼손.mid", "고향의 봄.mid"]
    archive = zip_with_raw_names(tmp_path / "a.zip", [name.encode("cp949") for name in names])
    assert verdicts(unpack(archive, tmp_path / "out")) == dict.fromkeys(names, "file")


def test_the_name_of_a_real_archive(shared: Path, tmp_path: Path) -> None:
    archive = shared / "data" / "faults" / "sjis_name.zip"
    if not archive.is_file():
        pytest.skip("the folder with faulty files is not here")
    assert verdicts(unpack(archive, tmp_path / "out")) == {"曲名テスト.mid": "file"}
