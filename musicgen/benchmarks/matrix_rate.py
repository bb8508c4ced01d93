"""What this machine could do at most: products of matrices as large as a network's own, and nothing else.

A training multiplies a batch by each kernel. In a recurrent layer the batch is multiplied step by step, elsewhere all
steps of the batch at once. The rate is that of these products alone, with each kernel's share of the work: no
activations, no gradients, no reading of examples, no optimiser.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

SECONDS = 0.15  # for each shape
MOST_ROWS = 4096  # a matrix as high as this is as fast as a higher one
LOOKED_UP = ("embedding", "motion", "spacing")  # tables whose rows are read and not multiplied


@dataclass(frozen=True)
class Product:
    """A (rows, inner) matrix times an (inner, columns) one."""

    rows: int
    inner: int
    columns: int

    @property
    def work(self) -> int:
        """Multiply-adds for each row: its kernel's share of the work of a network that uses every kernel at each
        step."""
        return self.inner * self.columns


def products(model: Any, batch: int, steps: int) -> list[Product]:
    """Those of one batch going through a Keras model.

    Args:
        steps: time steps of an example.
    """
    found = []
    for variable in model.trainable_variables:
        shape = tuple(int(size) for size in variable.shape)
        if len(shape) < 2 or any(word in variable.path for word in LOOKED_UP):
            continue
        rows = batch if "recurrent_kernel" in variable.path else batch * steps
        found.append(Product(min(rows, MOST_ROWS), prod(shape[:-1]), shape[-1]))
    return found


def flops_per_second(each: Iterable[Product]) -> float:
    """The rate of all products together, with two operations for a multiply-add."""
    work = seconds = 0.0
    for product in each:
        work += 2.0 * product.work
        seconds += 2.0 * product.work / _rate(product)
    return work / seconds


def _rate(product: Product) -> float:
    left = np.ones((product.rows, product.inner), np.float32)
    right = np.ones((product.inner, product.columns), np.float32)
    out = np.empty((product.rows, product.columns), np.float32)
    np.matmul(left, right, out=out)
    times, passed, began = 0, 0.0, time.perf_counter()
    while not times or passed < SECONDS:
        np.matmul(left, right, out=out)
        times, passed = times + 1, time.perf_counter() - began
    return 2.0 * product.rows * product.work * times / passed
