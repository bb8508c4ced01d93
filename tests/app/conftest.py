"""Fixtures for all tests of pages."""

from __future__ import annotations

import functools
import gc
from collections.abc import Iterator

import pytest
from streamlit.components.v2 import manifest_scanner


@pytest.fixture(scope="session", autouse=True)
def packages_looked_at_once() -> Iterator[None]:
    """Streamlit looks for components in every installed package, once for each app: a second of each test."""
    patch = pytest.MonkeyPatch()
    patch.setattr(
        manifest_scanner, "scan_component_manifests", functools.cache(manifest_scanner.scan_component_manifests)
    )
    yield
    patch.undo()


@pytest.fixture(scope="module", autouse=True)
def quick_collections() -> Iterator[None]:
    """Streamlit collects garbage after every run of a page. Objects that earlier tests loaded (a framework and its
    graphs, half a million objects) are excluded, so that a page takes one second instead of nine."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture(autouse=True)
def _children(quick_children: None) -> None:
    """For every test of a page."""
