"""Steps that are spread over two devices: the same training as on one, and both of them work."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from musicgen.networks.backend import _gpu_numbers
from musicgen.networks.replicas import padded
from musicgen.processes import ROOT
from tests.two_devices import ENVIRONMENT

pytestmark = [pytest.mark.framework, pytest.mark.slow]  # a process with two devices compiles everything twice


@pytest.fixture(scope="module", params=["tensorflow", "jax"])
def two_devices(request: pytest.FixtureRequest) -> tuple[str, dict[str, Any], str]:
    """The framework, what a process with two devices found, and what it said on the way."""
    if importlib.util.find_spec(request.param) is None:
        pytest.skip(f"{request.param} is not installed")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "tests.two_devices"],
        cwd=ROOT,
        env={**os.environ, **ENVIRONMENT, "KERAS_BACKEND": request.param},
        capture_output=True,
        text=True,
        timeout=1200,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return request.param, json.loads(done.stdout.splitlines()[-1]), done.stdout + done.stderr


def test_two_devices_learn_what_one_would(two_devices: tuple[str, dict[str, Any], str]) -> None:
    framework, found, _ = two_devices
    kinds = ["recurrent", "convolutional"]
    if framework == "jax":  # there, even what is left out by chance is the same
        kinds.append("dropout")
    for kind in kinds:
        assert found[kind]["learned"] > 0.1, kind
        assert found[kind]["losses"] < 1e-5, kind
        assert found[kind]["weights"] < 1e-5, kind


def test_both_devices_work(two_devices: tuple[str, dict[str, Any], str]) -> None:
    framework, found, said = two_devices
    if framework == "tensorflow":  # its gradients are the only compiled calls without a state
        calls = re.findall(r"/PartitionedCall\w*: \(PartitionedCall\): \S*/device:(CPU:\d)", said)
        assert set(calls) == {"CPU:0", "CPU:1"}
    else:  # the program of one device has half of a batch of nine, which was filled up to ten
        assert "f32[4,5,6,3]" in found["program"]
        assert "f32[4,10,6,3]" not in found["program"]
        assert "all-reduce" in found["program"]


def test_a_batch_is_filled_up_with_examples_that_do_not_count() -> None:
    arrays = {"x": np.ones((2, 5, 3), "float32"), "weight": np.ones((2, 5), "float32")}
    filled = padded(arrays, 4)
    assert filled["x"].shape == (2, 8, 3)
    assert filled["weight"].sum() == 10
    np.testing.assert_array_equal(filled["x"][:, :5], arrays["x"])
    assert padded(arrays, 5) is arrays


def test_automatic_means_all_gpus() -> None:
    assert _gpu_numbers("auto", 0) == ("cpu", [])
    assert _gpu_numbers("auto", 1) == ("gpu:0", [0])
    assert _gpu_numbers("auto", 3) == ("gpu:all", [0, 1, 2])
    assert _gpu_numbers("gpu:1", 3) == ("gpu:1", [1])
    assert _gpu_numbers("cpu", 3) == ("cpu", [])
