"""Pages of sheet music as one PDF: outlines stay outlines, text stays text. By fpdf2; no network. Children only."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree

from musicgen.errors import ResourceUnavailable, sentence
from musicgen.symbolic.engraving.pages import NAMESPACE

if TYPE_CHECKING:
    from fpdf import FPDF

A4 = (595.28, 841.89)  # points
OTHER_LETTERS = "musicgen"  # the family for text that the PDF's own Times cannot write
_SVG = f"{{{NAMESPACE}}}"
_STYLES = {"": "DejaVuSerif", "B": "DejaVuSerif-Bold", "I": "DejaVuSerif-Italic"}
_FONTS = ("mpl-data", "fonts", "ttf")  # music21 brings matplotlib, which brings DejaVu


def pages_to_pdf(pages: Sequence[bytes]) -> bytes:
    """Pages made by `pages.clean_page` → a PDF file, each on a page of A4, or a longer one if it is longer.

    Letters that neither Times nor DejaVu Serif has are left out. Raises ResourceUnavailable if fpdf2 is missing."""
    try:
        from fpdf import FPDF
        from fpdf.svg import SVGObject
    except ImportError as error:
        remedy = "Install it with: pip install -r requirements.txt. Everything else works without it."
        rule = "A PDF needs the package fpdf2"
        raise ResourceUnavailable(sentence(rule, f"an installation without it ({error})", remedy)) from error
    logging.getLogger("fpdf").setLevel(logging.ERROR)
    pdf = FPDF(unit="pt", format=A4)
    pdf.set_auto_page_break(False)
    pdf.set_creator("musicgen")
    for page in pages:
        root = ElementTree.fromstring(page.decode().replace("currentColor", "black"))
        _, _, across, down = map(float, root.get("viewBox", "").split())
        height = A4[0] * down / across
        root.set("width", f"{A4[0]:g}pt")
        root.set("height", f"{height:g}pt")
        _flatten(root)
        _choose_fonts(root, pdf)
        pdf.add_page(format=(A4[0], max(height, A4[1])))
        drawing = SVGObject(ElementTree.tostring(root, encoding="unicode"))
        pdf.draw_path(drawing.transform_to_page_viewport(pdf)[2], copy=False)
    return bytes(pdf.output())


def _flatten(root: ElementTree.Element) -> None:
    """Draw the same without named groups and references: fpdf2 copies everything inside them several times."""
    glyphs = {glyph.get("id"): list(glyph) for glyph in root.iterfind(f"{_SVG}defs/{_SVG}g")}
    for defs in root.findall(f"{_SVG}defs"):
        root.remove(defs)

    def flat(parent: ElementTree.Element) -> Iterator[ElementTree.Element]:
        for child in parent:
            if child.tag == f"{_SVG}use":
                for outline in glyphs[child.get("href", "").removeprefix("#")]:
                    place = f"{child.get('transform', '')} {outline.get('transform', '')}".strip()
                    yield ElementTree.Element(f"{_SVG}path", {"transform": place, "d": outline.get("d", "")})
            elif child.tag == f"{_SVG}g" and not set(child.attrib) - {"id"}:
                yield from flat(child)
            else:
                child[:] = list(flat(child))
                yield child

    root[:] = list(flat(root))


def _choose_fonts(root: ElementTree.Element, pdf: FPDF) -> None:
    """Texts that are not Latin-1 get a font that has more letters."""
    for text in root.iter(f"{_SVG}text"):
        words = text.text or ""
        if _is_latin(words):
            continue
        style = "B" if text.get("font-weight") else "I" if text.get("font-style") else ""
        known = _letters(pdf, style)
        text.text = re.sub(r"\s+", " ", "".join(letter for letter in words if ord(letter) in known))
        if not _is_latin(text.text):
            text.set("font-family", OTHER_LETTERS)


def _is_latin(words: str) -> bool:
    return all(ord(letter) < 256 for letter in words)


def _letters(pdf: FPDF, style: str) -> frozenset[int]:
    """The letters of the other font, which is added when it is first needed; Latin-1 if it is missing."""
    key = OTHER_LETTERS + style
    if key not in pdf.fonts:
        spec = find_spec("matplotlib")
        path = Path(spec.origin).parent.joinpath(*_FONTS, f"{_STYLES[style]}.ttf") if spec and spec.origin else None
        if path is None or not path.is_file():
            return frozenset(range(256))
        pdf.add_font(OTHER_LETTERS, style, path)
    return frozenset(getattr(pdf.fonts[key], "cmap", range(256)))
