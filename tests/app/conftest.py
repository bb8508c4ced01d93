"""Fixtures for all tests of pages."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="module", autouse=True)
def quick_collections() -> Iterator[None]:
    """Streamlit collects garbage after every run of a page. Objects that earlier tests loaded (a framework and its
    graphs, half a million objects) are excluded, so that a page takes one second instead of nine."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()
