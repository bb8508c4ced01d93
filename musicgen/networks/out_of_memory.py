"""How the frameworks say that memory ran out. Loads none of them: their classes are known by name."""

from __future__ import annotations

NAMES = ("ResourceExhaustedError",)  # TensorFlow
MARKS = (  # XLA, on either framework, and what lies below it
    "RESOURCE_EXHAUSTED",
    "CUDA_ERROR_OUT_OF_MEMORY",
    "CUDNN_STATUS_ALLOC_FAILED",
    "CUBLAS_STATUS_ALLOC_FAILED",
    "OOM when allocating",
)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether a computation failed for want of memory, that of the device or that of the machine."""
    if isinstance(error, MemoryError) or type(error).__name__ in NAMES:
        return True
    text = str(error)
    return any(mark in text for mark in MARKS)
