"""Processes and messages: run, emulator, publish, drain, simulate."""
