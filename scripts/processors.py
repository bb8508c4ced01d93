"""Runs the numeric tests as other processors would compute them, by switching off features of this one.

    python -m scripts.processors [NAME…]

Each setting limits every library that chooses its kernels by the processor: oneDNN, XLA, NumPy, OpenBLAS and numba.
Prints a line for each setting; exit code 1 if a test failed.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SETTINGS = {
    "sse4": {
        "ONEDNN_MAX_CPU_ISA": "SSE41", "XLA_FLAGS": "--xla_cpu_max_isa=SSE4_2", "OPENBLAS_CORETYPE": "Nehalem",
        "NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": "",
    },
    "avx2": {
        "ONEDNN_MAX_CPU_ISA": "AVX2", "XLA_FLAGS": "--xla_cpu_max_isa=AVX2", "OPENBLAS_CORETYPE": "Haswell",
        "NUMBA_CPU_NAME": "haswell",
    },
    "no_onednn": {"TF_ENABLE_ONEDNN_OPTS": "0"},
}  # fmt: skip
# avx2 is what most people have: all of it. Of the others, what compares numbers most; programs do not use oneDNN.
ONLY = {
    "sse4": ["--named", "contract,cached,earlier,network,sampling,wavenet"],
    "no_onednn": ["--named", "network,cached,sampling"],
}
NUMPY_WIDTHS = {"sse4": ("AVX", "F16C", "FMA", "X86_V3", "X86_V4"), "avx2": ("AVX512", "X86_V4")}


def numpy_features(prefixes: tuple[str, ...]) -> str:
    """NumPy's names of the features that can be switched off here; it refuses those that it was not built for."""
    from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__

    found = [name for name in __cpu_dispatch__ if name.startswith(prefixes) and __cpu_features__.get(name)]
    return " ".join(found)


def run(name: str) -> bool:
    environment = {**os.environ, **SETTINGS[name]}
    if features := numpy_features(NUMPY_WIDTHS.get(name, ())) if name in NUMPY_WIDTHS else "":
        environment["NPY_DISABLE_CPU_FEATURES"] = features
    began = time.monotonic()
    command = [sys.executable, "-m", "scripts.run_tests", "--numeric", *ONLY.get(name, ())]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    counts = re.findall(r"^\d+ passed, \d+ failed.*$", done.stdout, re.MULTILINE)
    print(f"{name}: {counts[-1] if counts else 'no test ran'} ({time.monotonic() - began:.0f} s)", flush=True)
    if done.returncode:
        print(done.stdout[-6000:], done.stderr[-2000:])
    return done.returncode == 0


if __name__ == "__main__":
    unknown = [name for name in sys.argv[1:] if name not in SETTINGS]
    if unknown:
        sys.exit(f"The settings are {', '.join(SETTINGS)}. Received: {', '.join(unknown)}.")
    results = [run(name) for name in sys.argv[1:] or SETTINGS]
    sys.exit(0 if all(results) else 1)
