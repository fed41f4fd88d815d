"""`inventory completion`: what makes a shell complete commands, options and ids."""

import click
from click.shell_completion import get_completion_class

SHELLS = ("bash", "zsh", "fish")


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print what completes this command in a shell, for the file that it reads at its start.

    \b
    echo 'eval "$(inventory completion bash)"' >> ~/.bashrc
    echo 'eval "$(inventory completion zsh)"' >> ~/.zshrc
    echo 'inventory completion fish | source' >> ~/.config/fish/config.fish
    """
    kind = get_completion_class(shell)
    assert kind is not None  # Click has all of them
    click.echo(kind(context.find_root().command, {}, "inventory", "_INVENTORY_COMPLETE").source())
