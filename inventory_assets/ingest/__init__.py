"""Messages become versions: engine, warm state, replay, the burst loop. The only writer of state."""
