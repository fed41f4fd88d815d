"""The demo of `make run`: a retailer with a past, which trades on by a clock of its own."""
