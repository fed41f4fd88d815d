"""Fixtures of the emulator's tests: those of messaging that need a broker."""

from tests.messaging.conftest import emulator_host, ours

__all__ = ["emulator_host", "ours"]
