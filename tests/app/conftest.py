"""What all tests of pages share."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="module", autouse=True)
def quick_collections() -> Iterator[None]:
    """Streamlit collects garbage after every run of a page. What the tests before have loaded (a framework and its
    graphs, half a million objects) is left out of that: a page takes a second then, not nine."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()
