"""The commands of the command line, imported: a lazy group does not hold them."""

import click


def subcommands(group: click.Group) -> dict[str, click.Command]:
    """A group's commands by name."""
    context = click.Context(group)
    found = {name: group.get_command(context, name) for name in group.list_commands(context)}
    assert found and None not in found.values()
    return {name: command for name, command in found.items() if command is not None}
