"""The console in a real browser: `make browser`, part of `make test-all`."""
