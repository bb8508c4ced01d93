"""Child: makes pages of sheet music of a clip. Started by `sheets.ensure_pages`, which holds the clip's lock."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from musicgen.child import child_main, send_line
from musicgen.clips.clip import Clip
from musicgen.clips.sheets import FOLDER, PORTION, PORTION_SHARE, SHEET, SIZE, TIMEMAP, VERSION, page_path, stored_sheet
from musicgen.storage.files import noticing_a_full_disk, publishing, read_json, write_bytes

if TYPE_CHECKING:
    from musicgen.symbolic.engraving.engraver import Engraving


def engrave(payload: dict[str, Any]) -> dict[str, int]:
    """payload: `folder` of the clip, `pages` (numbers; null for all). Sends `page` and `of` for each page made; returns
    `num_pages`."""
    from musicgen.symbolic.engraving.engraver import engrave_score

    clip = Clip(Path(payload["folder"]))
    engraving = engrave_score(clip.score(), prefix=prefix_of(clip))
    folder, of = clip.folder / FOLDER, engraving.num_pages
    with noticing_a_full_disk(clip.folder, "Pages of sheet music are stored whole"):
        if not _fits(clip, engraving):
            _publish(folder, engraving)
            send_line({"page": 1, "of": of})
        for number in _wanted(payload["pages"], of):
            path = page_path(folder, number)
            if not path.is_file():
                write_bytes(path, engraving.page(number))
                send_line({"page": number, "of": of})
    return {"num_pages": of}


def prefix_of(clip: Clip) -> str:
    """Of the ids in the pages: different for each clip, and the same whenever they are made again."""
    name = "/".join((*clip.folder.resolve().parts[-2:], str(clip.facts.get("sha256", ""))))
    return f"m{hashlib.sha256(name.encode()).hexdigest()[:10]}-"


def _fits(clip: Clip, engraving: Engraving) -> bool:
    """Whether the stored pages were laid out in the same way, so that further ones fit to them."""
    sheet = stored_sheet(clip)
    if sheet is None:
        return False
    facts = read_json(clip.folder / FOLDER / SHEET)
    return (sheet.num_pages, facts.get("engraver")) == (engraving.num_pages, engraving.engraver)


def _publish(folder: Path, engraving: Engraving) -> None:
    """The folder with the first page, in place of one that is there."""
    page = engraving.page(1)
    facts = {
        "version": VERSION,
        "engraver": engraving.engraver,
        "num_pages": engraving.num_pages,
        "width": engraving.width,
        "height": _height(page) if engraving.num_pages > 1 else engraving.height,
        "prefix": engraving.prefix,
    }
    shutil.rmtree(folder, ignore_errors=True)
    with publishing(folder) as place:
        page_path(place, 1).write_bytes(page)
        (place / TIMEMAP).write_text(json.dumps(engraving.timemap(), separators=(",", ":")))
        (place / SHEET).write_text(json.dumps(facts, indent=1))


def _height(page: bytes) -> int:
    """A page that is not made yet is expected to be as high as the first one."""
    found = SIZE.search(page)
    assert found is not None
    return int(found[2])


def _wanted(numbers: list[int] | None, of: int) -> Iterator[int]:
    """The pages to make: the wanted ones first, then those that follow them, as far as one portion goes."""
    if numbers is None:
        yield from range(1, of + 1)
        return
    inside = [number for number in numbers if 1 <= number <= of]
    yield from inside
    portion = max(PORTION, round(PORTION_SHARE * of))
    yield from sorted({n + more for n in inside for more in range(portion) if n + more <= of} - set(inside))


if __name__ == "__main__":
    child_main(engrave)
