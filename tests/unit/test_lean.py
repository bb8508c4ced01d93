"""What a worker does not load."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib import import_module
from importlib.util import find_spec
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


def test_whoever_asks_the_cluster_does_not_load_ray(home: Path, tmp_path: Path) -> None:
    """Neither the pages' side nor the process that stands for a task, with a cluster configured."""
    token = tmp_path / "token"
    token.write_text("secret")
    token.chmod(0o600)
    script = (
        "import sys, musicgen.runs.api, musicgen.runs.supervisor, musicgen.runs.cluster.stand_in as stand_in\n"
        "import musicgen.runs.cluster.node\n"
        "from musicgen import doctor\n"
        "from musicgen.runs.cluster.configured import is_configured\n"
        "assert is_configured()\n"
        "print({each.name: each.status for each in doctor.examine(at_once=True)}['Cluster'])\n"
        "print(*sys.modules)"
    )
    environment = {
        **os.environ,
        "MUSICGEN_HOME": str(home),
        "MUSICGEN_CLUSTER_ADDRESS": "http://127.0.0.1:8265",
        "MUSICGEN_CLUSTER_FOLDER": str(tmp_path),
        "MUSICGEN_CLUSTER_TOKEN_FILE": str(token),
    }
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    status, loaded = done.stdout.strip().split("\n")
    assert status == ("missing" if find_spec("ray") is None else "ok")
    assert not {name for name in loaded.split() if name.split(".")[0] in ("ray", "tensorflow", "keras")}
