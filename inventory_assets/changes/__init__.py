"""Changes that are asked for over HTTP, for the console and the stock service: checked, and published.

Nothing here writes the lake: the burst loop takes these messages in as it does all others, so they are recorded,
replayed and verified alike.
"""
