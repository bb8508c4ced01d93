"""The player's modules as one: every file is in it, nothing is imported at run time, and no two names collide."""

from __future__ import annotations

import re

import pytest

from musicgen.comparison.player_script import FOLDER, joined_modules

DECLARED = re.compile(r"^(?:export )?(?:async )?(?:const|let|class|function\*?) ([A-Za-z_]\w*)", re.MULTILINE)
FILES = sorted(path.name for path in FOLDER.glob("*.js"))


def test_every_module_is_in_it_once_and_nothing_is_imported() -> None:
    joined = joined_modules()
    assert not re.search(r"^\s*import[ {]", joined, re.MULTILINE)
    assert re.findall(r"^export (\w+)", joined, re.MULTILINE) == ["default"]
    for name in FILES:
        for declared in DECLARED.findall((FOLDER / name).read_text()):
            assert len(re.findall(rf"^(?:async )?(?:const|let|class|function\*?) {declared}\b", joined, re.M)) == 1, (
                f"{declared} of {name} is missing or declared twice"
            )


def test_a_module_comes_after_what_it_needs() -> None:
    joined = joined_modules()
    assert joined.index("class Timeline") < joined.index("class Engine") < joined.index("class Player")


@pytest.mark.parametrize("name", FILES)
def test_a_module_is_short_and_loads_nothing_from_outside(name: str) -> None:
    text = (FOLDER / name).read_text()
    assert len(text.splitlines()) <= 300
    assert text.startswith("/**"), "it says what it is for"
    assert "http" not in text.replace("http://www.w3.org/2000/svg", "")
    assert "innerHTML" not in text, "names are data"
