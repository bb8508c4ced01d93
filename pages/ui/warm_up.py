"""What the server loads before its first visitor, so that the first visit to a page is as quick as the next."""

from __future__ import annotations

import importlib
import pkgutil

import pages

LIGHT = (
    "musicgen.clips.exports",
    "musicgen.doctor",
    "musicgen.comparison.comparison",
    "musicgen.runs.api",
    "musicgen.songs.intake",
    "musicgen.songs.samples",
)


def page_parts() -> list[str]:
    """The modules that pages are made of; not the pages themselves, which run when they are imported."""
    found = (each.name for each in pkgutil.walk_packages(pages.__path__, "pages."))
    return [name for name in found if not name.startswith(("pages.overview", "pages.workflow"))]


def warm_up() -> None:
    """Import what the pages import when they are drawn, and make plotly build the parts that it builds on first use."""
    for name in (*LIGHT, *page_parts()):
        importlib.import_module(name)
    import plotly.tools

    from musicgen.approaches import approaches
    from pages.ui.charts import loss_figure

    approaches()
    plotly.tools.return_figure_from_figure_or_data(loss_figure([{"epoch": 1, "loss": 1.0}], {"floor": 0.5}, 1), True)
