"""The steps from messages to alerts: read, one domain call, write, in a given transaction."""
