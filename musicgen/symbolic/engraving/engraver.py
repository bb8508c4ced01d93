"""Lays out a score as pages and draws them, by verovio (LGPL 3, R. Pugin et al., ISMIR 2014). Children only."""

from __future__ import annotations

import re
from bisect import bisect_right
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from musicgen.errors import ResourceUnavailable, sentence
from musicgen.symbolic.engraving.pages import Glyphs, clean_page
from musicgen.symbolic.engraving.timemap import Moment, timemap
from musicgen.symbolic.notation import written_to_musicxml
from musicgen.symbolic.score import Score
from musicgen.symbolic.written_score import WrittenNote, WrittenScore, write_down

WIDTH, HEIGHT = 2100, 2970  # A4, in tenths of a millimetre
STAVES = 12  # on a page at the usual size; with more in one system, all is drawn smaller
NAME_LENGTH = 20  # letters of the name of a part: longer ones would leave no room for the music
SHOWN = 0.4  # CSS pixels in a tenth of a millimetre: a page is 840 wide
_MEASURE = re.compile(r'<note xml:id="P\d+-(\d+)-')  # of a note, in its id
OPTIONS = {
    "adjustPageHeight": True,
    "breaks": "auto",
    "footer": "none",
    "header": "none",
    "pageMarginLeft": 120,  # names are wider where Times is not installed
    "pageMarginRight": 60,
    "smuflTextFont": "none",
    "svgFormatRaw": True,
    "svgRemoveXlink": True,
    "svgViewBox": True,
    "xmlIdSeed": 1,
}


class Engraving:
    """A score laid out as pages.

    Attributes:
        prefix: of all ids. engraver: the program and its version. num_pages: how many pages there are.
        width, height: of a full page in CSS pixels.
    """

    def __init__(self, written: WrittenScore, prefix: str) -> None:
        self.written, self.prefix = written, prefix
        self.width, self.height = round(WIDTH * SHOWN), round(HEIGHT * SHOWN)
        self.engraver = f"verovio {_version()}"
        self._toolkit = _toolkit(len(written.parts))
        self._glyphs = Glyphs(str(self._toolkit.getResourcePath()))
        if not self._toolkit.loadData(written_to_musicxml(written, has_ids=True, name_length=NAME_LENGTH).decode()):
            raise _failed("a score that it cannot read")
        self.num_pages = int(self._toolkit.getPageCount())
        if self.num_pages < 1:
            raise _failed("no page")

    def page(self, number: int) -> bytes:
        """A page, from 1, as an SVG document (UTF-8): see `pages.clean_page`."""
        drawn = self._toolkit.renderToSVG(number)
        if not drawn:
            raise _failed(f"nothing for page {number}")
        return clean_page(drawn, self._glyphs, prefix=self.prefix, number=number, heads=self._ids, width=self.width)

    def timemap(self) -> list[Moment]:
        """When which note heads are lit."""
        return timemap(self.written, self._page_of, prefix=self.prefix)

    @cached_property
    def _heads(self) -> list[WrittenNote]:
        return list(self.written.notes())

    @cached_property
    def _ids(self) -> frozenset[str]:
        return frozenset(head.id for head in self._heads)

    def _page_of(self, head: WrittenNote) -> int:
        return bisect_right(self._first_measures, head.measure)

    @cached_property
    def _first_measures(self) -> list[int]:
        """The first measure with notes of each page, by index. Asking verovio for each note would take long."""
        laid_out = self._toolkit.getMEI({"scoreBased": False}).split("<page ")[1:]
        firsts = [min(map(int, _MEASURE.findall(page)), default=len(self.written.measures)) for page in laid_out]
        for page in range(len(firsts) - 2, -1, -1):  # a page of rests lights nothing
            firsts[page] = min(firsts[page], firsts[page + 1])
        return firsts


def engrave_score(score: Score, *, prefix: str = "") -> Engraving:
    """Lay out a score. `prefix`: of all ids in its pages; begins with a letter.

    Raises:
        InvalidInput: no notes, or more than 20,000. ResourceUnavailable: verovio is missing, or cannot draw this.
    """
    return Engraving(write_down(score), prefix)


def _toolkit(num_parts: int) -> Any:
    try:
        import verovio
    except ImportError as error:
        remedy = "Install it with: pip install -r requirements.txt. Everything else works without it."
        raise ResourceUnavailable(
            sentence("Sheet music needs the package verovio", f"an installation without it ({error})", remedy),
            code="no_engraver",
        ) from error
    verovio.enableLog(verovio.LOG_OFF)
    toolkit = verovio.toolkit()
    smaller = max(1.0, num_parts / STAVES)
    sizes = {"pageWidth": round(WIDTH * smaller), "pageHeight": round(HEIGHT * smaller)}
    toolkit.setOptions({**OPTIONS, **sizes})
    return toolkit


def _version() -> str:
    try:
        return version("verovio")
    except PackageNotFoundError:
        return ""


def _failed(received: str) -> ResourceUnavailable:
    remedy = "Download the MusicXML file instead, which other programs can draw."
    return ResourceUnavailable(sentence("Verovio must draw this score", received, remedy), code="engraver_failed")
