"""Placement of arrays on JAX when steps are spread over several devices; the compiler does the rest."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from musicgen.codecs.examples import Arrays
from musicgen.networks.replicas import padded, spread_devices


class Placement:
    """Batches are split along their second axis, everything else is replicated. On one device: unchanged."""

    def __init__(self) -> None:
        self.devices = spread_devices()
        if self.devices:
            mesh = Mesh(np.array(self.devices), ("batch",))
            self._cut = NamedSharding(mesh, PartitionSpec(None, "batch"))
            self._same = NamedSharding(mesh, PartitionSpec())

    def cut(self, arrays: Arrays) -> Any:
        """A part of each batch on each device."""
        return jax.device_put(padded(arrays, len(self.devices)), self._cut) if self.devices else arrays

    def everywhere(self, tree: Any) -> Any:
        """A copy on each device."""
        return jax.device_put(tree, self._same) if self.devices else tree

    def kept_same(self, tree: Any) -> Any:
        """Inside a compiled function: keeps the compiler from splitting what a loop carries."""
        return jax.lax.with_sharding_constraint(tree, self._same) if self.devices else tree

    def here(self, tree: Any) -> Any:
        """The copy on the first device, where generation and checkpoints expect it."""
        return jax.tree.map(lambda array: array.addressable_data(0), tree) if self.devices else tree
