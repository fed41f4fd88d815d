"""Alerts to people: plan, ledger, queues, the process that sends. Channels are in `channels`, texts in `message`."""
