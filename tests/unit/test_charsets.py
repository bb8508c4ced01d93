"""Names in encodings that nobody wrote down are read as their writers meant them."""

from __future__ import annotations

import pytest
from makers_midi import chunk, meta, midi_file, one_note, track_name

from musicgen.charsets import decode_text, decode_texts
from musicgen.symbolic.midi import read_midi

NAMES = {
    "cp932": "メロディ 曲名テスト ピアノ ドラム ベース 主旋律 さくら ｷﾞﾀｰ ﾋﾟｱﾉ 作曲：山田 千と千尋の神隠し 左手 歌 "
    "夜想曲第2番 残酷な天使のテーゼ 紅蓮華 津軽海峡冬景色 荒城の月 チェロ 弦楽四重奏曲 Aメロ パート１ ソロ",
    "gbk": "钢琴 主旋律 月亮代表我的心 鼓 吉他 贝斯 伴奏 茉莉花 小提琴 古筝 梁祝 左手 "
    "稻香 青花瓷 童话 春江花月夜 琵琶 萨克斯 前奏 音轨1",
    "cp1251": "Скрипка Мелодия Бас Ударные ФОРТЕПИАНО Рояль Хор Вальс Тёмная Соло Партия Бас-гитара Чайковский "
    "Їхав Щедрик",
    "cp1252": "Flöte Médiéval Trompète Señorita Übung Étude ÉTUDE Straße Cœur Percussão Bjørn L’été Garçon Präludium "
    "Fiðla Hörner",
    "big5": "鋼琴 主旋律 月亮代表我的心 吉他 望春風 古箏 男聲",
    "cp949": "피아노 멜로디 드럼 아리랑 바이올린 애국가",
    "koi8_r": "Скрипка Мелодия Ударные",
    "euc_jp": "メロディ さくら 主旋律",
    "cp1253": "Μελωδία Κιθάρα",
    "utf_8": "Flöte Скрипка 钢琴 メロディ Ōgon",
    "utf_16": "Flöte Скрипка 钢琴",
    "iso2022_jp": "メロディ 主旋律",
}
EACH = [(encoding, name) for encoding, names in NAMES.items() for name in names.split()]


@pytest.mark.parametrize(("encoding", "name"), EACH)
def test_a_name_alone_is_told(encoding: str, name: str) -> None:
    assert decode_text(name.encode(encoding)) == name


@pytest.mark.parametrize(
    "phrase", ["Piano à queue", "Ode à la joie", "Frère Jacques", "Klavier für zwei Hände", "Nº 5"]
)
def test_a_few_accents_in_plain_letters_are_western(phrase: str) -> None:
    assert decode_text(phrase.encode("latin-1")) == phrase


@pytest.mark.parametrize("encoding", ["cp852", "cp1250", "cp850", "mac_roman", "cp866"])
def test_what_no_name_tells_alone_several_tell_together(encoding: str) -> None:
    names = {
        "cp852": ["Příliš žluťoučký", "Skřipka", "Dobré ráno", "Žena"],
        "cp1250": ["Skrzypce główne", "Świąteczna pieśń", "Łódź", "Hegedű"],
        "cp850": ["Für Elise", "Étude", "Flöte"],
        "mac_roman": ["Für Elise", "Étude", "Flöte"],
        "cp866": ["Скрипка", "Гитара", "Подмосковные вечера"],
    }[encoding]
    assert decode_texts([name.encode(encoding) for name in names], from_dos=encoding in ("cp850", "cp852")) == names


def test_other_texts_of_a_file_tell_the_encoding_of_a_name() -> None:
    assert decode_text("왼손".encode("cp949")) != "왼손"
    assert decode_texts(["왼손".encode("cp949")], ["고향의 봄".encode("cp949"), b"Arirang"]) == ["왼손"]


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("cp1255", "שיר השירים אשר לשלמה, ישקני מנשיקות פיהו כי טובים דודיך מיין"),
        ("cp1256", "حبيبي يا نور العين"),
        ("cp874", "เพลงไทย"),
    ],
)
def test_longer_texts_of_other_scripts_are_told(encoding: str, text: str) -> None:
    assert decode_text(text.encode(encoding)) == text


@pytest.mark.parametrize("raw", [b"Piano \x90", b"Piano \x98\x98\x98"])
def test_what_no_table_reads_is_left_out_and_not_shown_as_something_else(raw: bytes) -> None:
    assert decode_text(raw) == "Piano "


@pytest.mark.parametrize(
    "raw", [b"", b"\xff", b"\xff\xfe", b"\x80\x81", b"\x00", b"\xc3", b"\x1b$B", bytes(range(256)), b"\xff" * 5_000]
)
def test_any_bytes_have_a_reading(raw: bytes) -> None:
    assert isinstance(decode_text(raw), str)


def test_names_of_tracks_are_told_from_all_that_a_file_says() -> None:
    setup = [(0, meta(0x01, "作曲：山田".encode("cp932")))]
    left = [(0, track_name("左手".encode("cp932"))), *one_note()]
    right = [(0, track_name(b"Piano")), *one_note(72)]
    score = read_midi(midi_file(chunk(setup), chunk(left), chunk(right)))
    assert [track.name for track in score.tracks] == ["左手", "Piano"]


def test_the_language_that_lyrics_declare_is_believed() -> None:
    events = [(0, meta(0x05, b"{@JP}")), (0, track_name("ﾘ".encode("cp932"))), *one_note()]
    assert read_midi(midi_file(chunk(events))).tracks[0].name == "ﾘ"
    events = [(0, meta(0x05, b"{@LATIN}")), (0, track_name(b"\xd8")), *one_note()]
    assert read_midi(midi_file(chunk(events))).tracks[0].name == "Ø"
