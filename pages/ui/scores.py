"""The pages of a clip's score for the pages of the app: what exists at once, what is missing in the background."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from musicgen.errors import MusicgenError
from pages.ui.background import forget, later

if TYPE_CHECKING:
    from concurrent.futures import Future

    from musicgen.clips import Clip
    from musicgen.clips.sheets import Sheet


@dataclass(frozen=True)
class ScorePages:
    """What there is now.

    Attributes:
        sheet: the pages so far; None before the first one.
        work: the work on the missing ones; None if none of the wanted ones is missing.
        error: why they could not be made; `try_again` starts anew.
    """

    sheet: Sheet | None
    work: Future[Sheet] | None = None
    error: MusicgenError | None = None

    @property
    def is_working(self) -> bool:
        """Whether more will come: ask again once `work` is done."""
        return self.work is not None and self.error is None


def score_pages(clip: Clip, wanted: Sequence[int] = (1,)) -> ScorePages:
    """The pages of a clip with a score that exist now. Those of the `wanted` ones (from 1) that are missing are started
    in a child process; ask again for the pages that are scrolled to. Returns at once."""
    from musicgen.clips.sheets import ensure_pages, stored_sheet

    sheet = stored_sheet(clip)
    missing = list(wanted) if sheet is None else sheet.missing(wanted)
    if not missing:
        return ScorePages(sheet)
    key = _key(clip, wanted)
    work: Future[Sheet] = later(key, partial(ensure_pages, clip, tuple(wanted)))
    if not work.done():
        return ScorePages(sheet, work)
    error = work.exception()
    if isinstance(error, MusicgenError):
        return ScorePages(sheet, work, error)
    if error is None and (sheet := stored_sheet(clip)) and not sheet.missing(wanted):
        return ScorePages(sheet)
    forget(key)  # what was made is gone again, or a bug: `result` raises it
    return ScorePages(work.result(), later(key, partial(ensure_pages, clip, tuple(wanted))))


def score_lane(sheet: Sheet, url_of: Callable[[Path], str]) -> dict[str, Any]:
    """A score as the player takes it for a lane: `pages` (`url`, `width`, `height` in CSS pixels; no url for a page
    that is not made yet) and the address of the `timemap`. `url_of`: where the browser finds a file."""
    from musicgen.clips.sheets import TIMEMAP

    pages = [
        {"url": url_of(page.path) if page.path else "", "width": page.width, "height": page.height}
        for page in sheet.pages
    ]
    return {"pages": pages, "timemap": url_of(sheet.folder / TIMEMAP)}


def try_again(clip: Clip, wanted: Sequence[int] = (1,)) -> None:
    """Forget an error, so that the next `score_pages` starts the work again."""
    forget(_key(clip, wanted))


def _key(clip: Clip, wanted: Sequence[int]) -> str:
    return f"score|{clip.folder.name}|{','.join(map(str, wanted))}"
