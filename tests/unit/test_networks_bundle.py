"""Networks on disk: written to plain arrays, and refused when they do not fit."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

from musicgen.errors import CorruptArtifact
from musicgen.networks.bundle import OPTIMIZER, STATE, WEIGHTS, Networks

pytestmark = pytest.mark.framework


def small(units: int = 3) -> Networks:
    return Networks(
        {
            name: keras.Sequential([keras.Input((2,)), keras.layers.Dense(units), keras.layers.Dense(1)])
            for name in ("left", "right")
        }
    )


def test_counts() -> None:
    assert small().count == 2
    assert small().parameters == [13, 13]


def test_round_trip_with_optimiser_and_state(tmp_path: Path) -> None:
    net = small()
    net.state["error"] = {"left": 0.5}
    optimizer = net.attach("left", keras.optimizers.Adam(0.25))
    optimizer.apply([np.ones(v.shape, "float32") for v in net.models["left"].trainable_variables])
    net.save(tmp_path)
    other = small()
    other.load(tmp_path)
    for name in net.models:
        for one, two in zip(net.models[name].get_weights(), other.models[name].get_weights(), strict=True):
            np.testing.assert_array_equal(one, two)
    restored = other.attach("left", keras.optimizers.Adam(0.25))
    assert int(restored.iterations) == 1
    for one, two in zip(optimizer.variables, restored.variables, strict=True):
        np.testing.assert_array_equal(one, two)
    assert other.state == {"error": {"left": 0.5}}


def test_without_optimiser(tmp_path: Path) -> None:
    net = small()
    net.attach("left", keras.optimizers.Adam())
    net.save(tmp_path, with_optimizer=False)
    assert not (tmp_path / OPTIMIZER).exists()
    small().load(tmp_path)


def test_another_network_is_refused_in_one_sentence(tmp_path: Path) -> None:
    small().save(tmp_path)
    with pytest.raises(CorruptArtifact, match="shapes"):
        small(units=4).load(tmp_path)


@pytest.mark.parametrize("damage", ["truncated", "not a zip", "missing state", "pickled"])
def test_damaged_files_are_refused(tmp_path: Path, damage: str) -> None:
    small().save(tmp_path)
    path = tmp_path / WEIGHTS
    if damage == "truncated":
        path.write_bytes(path.read_bytes()[:300])
    elif damage == "not a zip":
        path.write_bytes(b"weights")
    elif damage == "missing state":
        (tmp_path / STATE).unlink()
    else:
        np.savez(path, **{f"{name}/{n:03d}": np.array([object()]) for name in ("left", "right") for n in range(4)})
    with pytest.raises(CorruptArtifact):
        small().load(tmp_path)


def test_an_array_that_claims_to_be_huge_is_refused(tmp_path: Path) -> None:
    """The header says 4 TiB; the entry is as small as it should be."""
    import io
    import zipfile

    net = small()
    net.save(tmp_path)
    with zipfile.ZipFile(tmp_path / WEIGHTS) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f4", "fortran_order": False, "shape": (1 << 40,)})
    entries["left/000.npy"] = header.getvalue()[:152]
    with zipfile.ZipFile(tmp_path / WEIGHTS, "w") as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    with pytest.raises(CorruptArtifact):
        small().load(tmp_path)
