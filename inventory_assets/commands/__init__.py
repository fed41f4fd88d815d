"""The `inventory` command's subcommands, by subject. Thin: read arguments, call, print."""
