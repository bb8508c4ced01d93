"""Sheet music of a clip with a score: pages as SVG, and when which note is lit. Light; made in a child process.

sheet/sheet.json     what is known about all pages; the folder appears with it, the time map and the first page
sheet/timemap.json   see symbolic.engraving.timemap.Moment
sheet/page-1.svg     each page on request, whole or not at all
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from musicgen.clips.alone import alone
from musicgen.clips.clip import Clip
from musicgen.errors import InvalidInput, WrongState, sentence
from musicgen.processes import run_child
from musicgen.storage.files import check_free_space, damaged, read_json

FOLDER, SHEET, TIMEMAP = "sheet", "sheet.json", "timemap.json"
VERSION = 1  # of what is stored; other versions are made again
LOCK = ".sheet.lock"
# Pages made in one go, from a wanted page on: at least so many, and a share of all pages, because laying out a score
# takes longer than drawing its pages.
PORTION, PORTION_SHARE = 4, 0.5
SECONDS = 180.0  # for a score of 20,000 notes, and a machine that is busy
MEMORY_MB = 4096
AGAIN = "Remove the folder sheet of this piece: it is made again. Everything else works as before."

SIZE = re.compile(rb'<svg [^>]*?width="(\d+)" height="(\d+)"')
_HEAD_BYTES = 400
_OPENING = re.compile(r"<svg [^>]*>")


@dataclass(frozen=True)
class SheetPage:
    """A page. `path`: None until it is made. `width`, `height`: in CSS pixels; the height is a guess until then."""

    number: int
    path: Path | None
    width: int
    height: int


@dataclass(frozen=True)
class Sheet:
    """The pages of a clip, as far as they are made.

    Attributes:
        num_pages: how many there will be. width: of each, in CSS pixels.
        prefix: of all ids in the pages, different for every clip.
    """

    folder: Path
    num_pages: int
    width: int
    height: int
    prefix: str

    def page(self, number: int) -> SheetPage:
        """A page, from 1. Raises InvalidInput if there is no such page."""
        if not 1 <= number <= self.num_pages:
            raise InvalidInput(sentence(f"This score has the pages 1 to {self.num_pages}", number))
        path = page_path(self.folder, number)
        try:
            with open(path, "rb") as file:
                found = SIZE.search(file.read(_HEAD_BYTES))
        except FileNotFoundError:
            return SheetPage(number, None, self.width, self.height)
        if found is None:
            raise damaged(path, "is a page of sheet music", "something else", AGAIN)
        return SheetPage(number, path, int(found[1]), int(found[2]))

    @property
    def pages(self) -> list[SheetPage]:
        """All pages in order, made or not."""
        return [self.page(number) for number in range(1, self.num_pages + 1)]

    def missing(self, numbers: Sequence[int]) -> list[int]:
        """Those of these pages that are not made yet. Numbers of pages that do not exist are left out."""
        return [n for n in numbers if 1 <= n <= self.num_pages and not page_path(self.folder, n).is_file()]

    def timemap(self) -> list[dict[str, Any]]:
        """The moments in order: `seconds`, `on` and `off` (ids in the pages), `page`. Raises DamagedFile."""
        path = self.folder / TIMEMAP
        moments = read_json(path, remedy=AGAIN)
        if not isinstance(moments, list):
            raise damaged(path, "lists when the notes sound", "something else", AGAIN)
        return moments


def page_path(folder: Path, number: int) -> Path:
    return folder / f"page-{number}.svg"


def stored_sheet(clip: Clip) -> Sheet | None:
    """What has been made so far; None if nothing has, or by an earlier version of this program."""
    folder = clip.folder / FOLDER
    facts = read_json(folder / SHEET, remedy=AGAIN)
    if facts is None or facts.get("version") != VERSION:
        return None
    return Sheet(folder, facts["num_pages"], facts["width"], facts["height"], facts["prefix"])


def ensure_pages(
    clip: Clip, numbers: Sequence[int] | None = (1,), *, on_page: Callable[[int, int], None] | None = None
) -> Sheet:
    """Make pages that are missing, and with them the time map. Safe to call from any process and thread.

    Args:
        numbers: the pages that are wanted, from 1; those beyond the last page are left out. None: all pages.
        on_page: called with the number of each new page and how many there are in all. The first one is stored and can
            be shown while others are being made.

    Raises:
        WrongState: a recording. InvalidInput: a score without notes or with more than 20,000.
        ResourceUnavailable: verovio is missing or failed, time ran out, or the disk is full.
    """
    if clip.medium != "midi":
        raise WrongState(sentence("Sheet music needs written music", "a recording"), code="no_score")
    if (sheet := _complete(clip, numbers)) is not None:
        return sheet
    check_free_space()
    with alone(clip.folder / LOCK, f"Sheet music must be made within {SECONDS:g} s", patience=SECONDS):
        if (sheet := _complete(clip, numbers)) is None:  # another process made it while we waited
            run_child(
                "musicgen.clips.engraving",
                {"folder": str(clip.folder.resolve()), "pages": None if numbers is None else list(numbers)},
                seconds=SECONDS,
                memory_mb=MEMORY_MB,
                on_line=None if on_page is None else lambda line: on_page(line["page"], line["of"]),
            )
            sheet = _complete(clip, numbers)
    if sheet is None:
        raise damaged(clip.folder / FOLDER / SHEET, "names the pages of this piece", "fewer pages", AGAIN)
    return sheet


def _complete(clip: Clip, numbers: Sequence[int] | None) -> Sheet | None:
    """The sheet if all of these pages are made."""
    sheet = stored_sheet(clip)
    if sheet is None:
        return None
    return None if sheet.missing(range(1, sheet.num_pages + 1) if numbers is None else numbers) else sheet


def on_paper(page: str) -> str:
    """A page (SVG) in black on white paper, for showing it as an image: images do not take the colour of the page."""
    return _OPENING.sub(r'\g<0><rect width="100%" height="100%" fill="#fff"/>', page, count=1).replace(
        "<svg ", '<svg color="#000" ', 1
    )
