"""Recognises out-of-memory errors of the frameworks without loading them: their classes are known by name."""

from __future__ import annotations

import errno
import os

FULL_DISK = os.strerror(errno.ENOSPC)
NAMES = ("ResourceExhaustedError",)  # TensorFlow
MARKS = (  # XLA, on either framework, and the layers below it
    "RESOURCE_EXHAUSTED",
    "CUDA_ERROR_OUT_OF_MEMORY",
    "CUDNN_STATUS_ALLOC_FAILED",
    "CUBLAS_STATUS_ALLOC_FAILED",
    "OOM when allocating",
)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether a computation failed for lack of memory, on the device or in main memory."""
    text = str(error)
    if FULL_DISK in text:  # has the same class, but is cured by other means
        return False
    if isinstance(error, MemoryError) or type(error).__name__ in NAMES:
        return True
    return any(mark in text for mark in MARKS)
