"""Run the connector: logs, metrics, health, circuits, waits."""
