"""Give memory back to the system after work that took much of it for a moment."""

import ctypes


def release_memory() -> None:
    """Hand free pages of the heap back. glibc keeps them otherwise; elsewhere nothing is done."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
