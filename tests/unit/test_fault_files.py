"""The files that once were refused, halved or changed, through the whole intake: what each of them holds is kept."""

from __future__ import annotations

from pathlib import Path

import pytest
from readers_musicxml import differences, read_musicxml, sounding, written

from musicgen.songs.intake import Upload, add_uploads
from musicgen.songs.library import get_song
from musicgen.symbolic.keys import estimate_key
from musicgen.symbolic.metre import Metre, metre_at
from musicgen.symbolic.midi import read_midi
from musicgen.symbolic.notation import score_to_musicxml
from musicgen.symbolic.score import Score

NOTES = {  # file → notes
    **{"jig_0.mid": 156, "k01_c_major_scale_signed_C.mid": 32, "maps_like_ppq_32767.mid": 320},
    **{"n05_quintuplets.mid": 40, "n13_6_8_dotted.mid": 24, "n15_ts_change_mid_bar.mid": 14},
    **{"n24_dotted_half_quarter.mid": 15, "r02_track_len_too_long_last.mid": 8, "r05_missing_last_byte.mid": 8},
    **{"r09_far_eot.mid": 8, "r11_name_sjis.mid": 8, "r13_name_cp1251.mid": 8, "r21_all_notes_off.mid": 8},
    **{"r37_macbinary_128.mid": 8, "r39_databyte_above_127.mid": 16, "r43_key_mode_255.mid": 8, "sjis_name.zip": 24},
}
SECONDS = {  # file → seconds of sound, and bytes that are none
    **{"mp3_cut_mid_frame.mp3": (5.996, 588), "mp3_joined.mp3": (12.0, 0), "mp3_junk_5k_first.mp3": (6.0, 5_000)},
    **{"ogg_chained.ogg": (12.0, 0), "ogv_theora.ogg": (6.0, 0)},
}
NOTATION = ("n05_quintuplets.mid", "n13_6_8_dotted.mid", "n15_ts_change_mid_bar.mid", "n24_dotted_half_quarter.mid")
METRES = {
    **{"jig_0.mid": Metre(6, 8), "n13_6_8_dotted.mid": Metre(6, 8)},
    "n24_dotted_half_quarter.mid": Metre(4, 4),
}


@pytest.fixture
def faults(shared: Path) -> Path:
    folder = shared / "data" / "faults"
    if not folder.is_dir():
        pytest.skip("the folder with faulty files is not here")
    return folder


@pytest.mark.usefixtures("home")
def test_every_file_is_a_song_with_all_that_is_in_it(faults: Path) -> None:
    paths = {path.name: path for path in sorted(faults.iterdir())}
    report = add_uploads([Upload(name, path=path) for name, path in paths.items()])
    found = {file.path.partition("/")[0]: file for file in report.files}
    refused = found.pop("mp2_named_mp3.mp3")
    assert "Received: an MP2 file" in refused.reason
    assert set(found) == {*NOTES, *SECONDS}
    assert {name: found[name].kept["notes"] for name in NOTES} == NOTES
    for name, (seconds, n_left_out) in SECONDS.items():
        file = found[name]
        assert (file.kept["seconds"], file.dropped.get("bytes", 0)) == (seconds, n_left_out), name
    assert found["sjis_name.zip"].path == "sjis_name.zip/曲名テスト.mid"
    assert get_song(found["k01_c_major_scale_signed_C.mid"].id or "").facts["key"] == "C major"


@pytest.mark.parametrize("name", NOTATION)
def test_what_is_exact_is_exact_on_paper(faults: Path, tmp_path: Path, name: str) -> None:
    score = read_midi(faults / name)
    (part,) = read_musicxml(score_to_musicxml(score), tmp_path).parts
    assert differences(written(score, 0), sounding(part)) == []


def test_metres_and_keys(faults: Path) -> None:
    scores: dict[str, Score] = {name: read_midi(faults / name) for name in METRES}
    assert {name: metre_at(score) for name, score in scores.items()} == METRES
    key = estimate_key(read_midi(faults / "k01_c_major_scale_signed_C.mid"))
    assert (key.tonic, key.is_minor) == (0, False)
