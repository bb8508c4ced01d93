"""Makes verovio's drawings safe and small: pages that hold outlines and text only, and refer to nothing outside.

A page has no script, style sheet, link, image or font; the glyphs of the music font are outlines in it. It is drawn in
`currentColor`: set the CSS property `color` on a page to choose its ink, on one of its notes to light it. Only note
heads and glyphs have ids, and all ids begin with the prefix of the clip, so that many scores can stand in one document.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from musicgen.errors import ResourceUnavailable, sentence

NAMESPACE = "http://www.w3.org/2000/svg"
FONTS = "Times, 'Times New Roman', 'Liberation Serif', serif"
MUSIC_FONT = "Leipzig"
GAP = 24  # CSS pixels between pages that are joined

_SHAPES = {
    "g": (),
    "path": ("d",),
    "ellipse": ("cx", "cy", "rx", "ry"),
    "rect": ("x", "y", "width", "height", "rx"),
    "polygon": ("points",),
    "polyline": ("points",),
}
_LOOKS = ("transform", "fill", "fill-opacity", "stroke-width", "stroke-linecap", "stroke-linejoin", "stroke-dasharray")
_PLAIN = re.compile(r"[-+\w.,() ]*")  # numbers, path commands, names and transforms: no address fits
_CODE = re.compile(r"[0-9A-F]{4,5}")  # of a glyph
_BOLD = {"ending", "fing", "reh", "tempo"}
_ITALIC = {"dir", "dynam", "mNum"}
_HIDDEN = {"placeholder", "bounding-box"}
_PRIVATE = re.compile("([\ue000-\uf8ff]+)")  # where music fonts have their glyphs
_ROOT = re.compile(r'<svg [^>]*?width="(\d+)" height="(\d+)"')


@dataclass(frozen=True)
class _Run:
    """A part of a text in one font."""

    text: str
    size: float
    is_music: bool


class Glyphs:
    """The outlines of verovio's music font, for the few that it writes as letters, such as the note in ♩ = 120.

    `folder`: verovio's resources."""

    def __init__(self, folder: str) -> None:
        self.folder = Path(folder)

    def outline(self, code: str) -> str:
        """The path of a glyph on an em of 1000, with y downwards. `code`: in hexadecimal. Empty if there is none."""
        try:
            drawn = ElementTree.parse(self.folder / MUSIC_FONT / f"{code}.xml").getroot()
        except FileNotFoundError:
            return ""
        return "".join(_outlines(drawn))

    def width(self, code: str) -> float:
        """How far the next letter is, on an em of 1000."""
        return self._widths.get(code, 0.0)

    @cached_property
    def _widths(self) -> dict[str, float]:
        root = ElementTree.parse(self.folder / f"{MUSIC_FONT}.xml").getroot()
        return {str(glyph.get("c")): float(glyph.get("h-a-x", 0)) for glyph in root.iter("g")}


def clean_page(drawn: str, glyphs: Glyphs, *, prefix: str, number: int, heads: Collection[str], width: int) -> bytes:
    """A page as drawn by verovio → a safe SVG document (UTF-8).

    Args:
        prefix: of all ids. number: of the page. heads: the ids that note heads keep, after the prefix.
        width: of the page in CSS pixels.

    Raises ResourceUnavailable for a drawing in another form than known.
    """
    root = ElementTree.fromstring(drawn)
    page = root.find(f"{{{NAMESPACE}}}svg")
    box = "" if page is None else page.get("viewBox", "")
    if page is None or not re.fullmatch(r"0 0 [1-9]\d* [1-9]\d*", box):
        rule = "Verovio must draw pages as this program knows them"
        raise ResourceUnavailable(sentence(rule, "another drawing", "Install the version in requirements.txt."))
    _, _, across, down = map(int, box.split())
    drawings = dict(_definitions(root))
    body = _Body(glyphs, drawings, f"{prefix}{number}-", prefix, heads)
    inside = "".join(body.children(page, frozenset()))
    outlines = {**drawings, **body.letters}
    defs = "".join(f'<g id="{body.name(code)}">{outlines[code]}</g>' for code in sorted(body.used))
    head = (
        f'<svg xmlns="{NAMESPACE}" width="{width}" height="{round(width * down / across)}" viewBox="{box}" '
        f'fill="currentColor" font-family="{FONTS}">'
    )
    return f"{head}<defs>{defs}</defs>{inside}</svg>\n".encode()


def join_pages(pages: Sequence[bytes]) -> bytes:
    """Pages as one document, one below the other."""
    texts = [page.decode() for page in pages]
    sizes = [(int(found[1]), int(found[2])) for text in texts if (found := _ROOT.match(text))]
    if len(texts) == 1:
        return pages[0]
    width, height = max(size[0] for size in sizes), sum(size[1] for size in sizes) + GAP * (len(sizes) - 1)
    lines = [f'<svg xmlns="{NAMESPACE}" width="{width}" height="{height}" viewBox="0 0 {width} {height}">']
    top = 0
    for text, size in zip(texts, sizes, strict=True):
        lines.append(text.strip().replace("<svg ", f'<svg y="{top}" ', 1))
        top += size[1] + GAP
    return "\n".join([*lines, "</svg>", ""]).encode()


def _definitions(root: ElementTree.Element) -> Iterator[tuple[str, str]]:
    """The glyphs in a drawing: their codes and outlines."""
    for each in root.iterfind(f"{{{NAMESPACE}}}defs/*"):
        code = each.get("id", "").partition("-")[0]
        if _CODE.fullmatch(code):
            yield code, "".join(_outlines(each))


def _outlines(glyph: ElementTree.Element) -> Iterator[str]:
    for path in (each for each in glyph.iter() if _kind(each) == "path"):
        yield f"<path{_attributes(path, ('transform', 'd'))}/>"


def _kind(element: ElementTree.Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _attributes(element: ElementTree.Element, names: Sequence[str]) -> str:
    """Those of these attributes that hold nothing but numbers and words."""
    found = ((name, element.get(name, "").strip()) for name in names)
    return "".join(f' {name}="{value}"' for name, value in found if value and _PLAIN.fullmatch(value))


class _Body:
    """Copies the known elements of a page. `used`: the codes of its glyphs; `letters`: outlines of those in texts."""

    def __init__(
        self, glyphs: Glyphs, drawings: Mapping[str, str], glyph_prefix: str, prefix: str, heads: Collection[str]
    ) -> None:
        self.glyphs, self.drawings, self.glyph_prefix, self.prefix, self.heads = (
            glyphs,
            drawings,
            glyph_prefix,
            prefix,
            heads,
        )
        self.used: set[str] = set()
        self.letters: dict[str, str] = {}

    def name(self, code: str) -> str:
        """The id of a glyph on this page."""
        return self.glyph_prefix + code

    def children(self, parent: ElementTree.Element, classes: frozenset[str]) -> Iterator[str]:
        for child in parent:
            yield from self._element(child, classes)

    def _element(self, element: ElementTree.Element, classes: frozenset[str]) -> Iterator[str]:
        kind, own = _kind(element), frozenset(element.get("class", "").split())
        if own & _HIDDEN:
            return
        if kind == "use":
            yield from self._use(element)
        elif kind == "text":
            yield from self._text(element, classes)
        elif kind == "g":
            yield from self._group(element, classes | own)
        elif kind in _SHAPES:
            stroke = ' stroke="currentColor"' if element.get("stroke-width") else ""
            yield f"<{kind}{_attributes(element, (*_SHAPES[kind], *_LOOKS))}{stroke}/>"

    def _group(self, element: ElementTree.Element, classes: frozenset[str]) -> Iterator[str]:
        """A group is kept only where it says something: the name of a note head, or a place."""
        inside = "".join(self.children(element, classes))
        id = element.get("id", "")
        named = f' id="{self.prefix}{id}"' if id in self.heads else ""
        looks = _attributes(element, _LOOKS)
        if inside:
            yield f"<g{named}{looks}>{inside}</g>" if named or looks else inside

    def _use(self, element: ElementTree.Element) -> Iterator[str]:
        code = element.get("href", "").removeprefix("#").partition("-")[0]
        if code in self.drawings:
            self.used.add(code)
            yield f'<use href="#{self.name(code)}"{_attributes(element, ("transform",))}/>'

    def _text(self, element: ElementTree.Element, classes: frozenset[str]) -> Iterator[str]:
        """A text: letters of the music font become glyphs, and what follows them stands to their right."""
        x, y = float(element.get("x", 0)), float(element.get("y", 0))
        looks = (' font-weight="bold"' if classes & _BOLD else "") + (
            ' font-style="italic"' if classes & _ITALIC else ""
        )
        looks += _attributes(element, ("text-anchor", "transform"))
        for run in _merged(list(_runs(element, 0.0))):
            if not run.is_music:
                yield f'<text x="{x:g}" y="{y:g}" font-size="{run.size:g}"{looks}>{escape(run.text)}</text>'
                continue
            for letter in run.text:
                code = f"{ord(letter):04X}"
                if outline := self.glyphs.outline(code):
                    self.letters[code] = outline
                    self.used.add(code)
                    scale = run.size / 1000
                    place = f"translate({x:g}, {y:g}) scale({scale:g}, {scale:g})"
                    yield f'<use href="#{self.name(code)}" transform="{place}"/>'
                    x += self.glyphs.width(code) * scale


def _runs(element: ElementTree.Element, size: float) -> Iterator[_Run]:
    """The text inside an element, in order, each part with its size."""
    if (own := element.get("font-size", "")) and own != "0px":
        size = float(own.removesuffix("px"))
    for piece in _PRIVATE.split(element.text or ""):
        if piece:
            yield _Run(piece, size, _PRIVATE.fullmatch(piece) is not None)
    for child in element:
        yield from _runs(child, size)
        if child.tail and child.tail.strip():
            yield _Run(child.tail, size, False)


def _merged(runs: list[_Run]) -> list[_Run]:
    """Parts that follow each other in one font as one."""
    merged: list[_Run] = []
    for run in runs:
        if merged and (merged[-1].size, merged[-1].is_music) == (run.size, run.is_music):
            merged[-1] = _Run(merged[-1].text + run.text, run.size, run.is_music)
        else:
            merged.append(run)
    return merged
