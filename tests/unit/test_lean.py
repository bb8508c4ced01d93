"""What a worker does not load."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from musicgen.networks.lean import without

ROOT = Path(__file__).resolve().parents[2]
OPTIONAL = ("matplotlib", "sklearn", "pandas")


def test_what_is_hidden_can_be_imported_afterwards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "optional_one.py").write_text("value = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    with without("optional_one", "optional_two"), pytest.raises(ImportError):
        import_module("optional_one")
    first = import_module("optional_one")
    with without("optional_one"):
        assert import_module("optional_one") is first, "what is loaded stays"
    assert sys.modules.pop("optional_one") is first
    assert "optional_two" not in sys.modules


@pytest.mark.slow
def test_the_network_library_is_loaded_without_what_nobody_needs() -> None:
    script = "import sys, musicgen.networks.backend; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert not set(done.stdout.split()) & set(OPTIONAL)
