"""The registry: every module here that defines an Approach, found automatically and sorted by key."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from functools import cache
from typing import Any

from musicgen.contract.approach import Approach
from musicgen.errors import NotFound, sentence


@cache
def approaches() -> dict[str, Approach[Any, Any]]:
    """key → approach. A module that fails to import fails loudly here."""
    found: dict[str, Approach[Any, Any]] = {}
    for module_info in pkgutil.iter_modules(__path__):
        module = importlib.import_module(f"{__name__}.{module_info.name}")
        for _, member in inspect.getmembers(module, inspect.isclass):
            if issubclass(member, Approach) and not inspect.isabstract(member) and member.__module__ == module.__name__:
                found[member.key] = member()
    return dict(sorted(found.items()))


def approach(key: str) -> Approach[Any, Any]:
    """The approach of this key; NotFound lists the known ones."""
    known = approaches()
    if key not in known:
        raise NotFound(sentence(f"Known approaches are {', '.join(known)}", repr(key)))
    return known[key]
