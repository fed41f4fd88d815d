"""The service as processes: connections and their limits, workers on one socket, the command."""
