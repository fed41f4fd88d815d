"""People's and programs' commands, as messages of `control-topic`."""
