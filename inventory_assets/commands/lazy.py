"""Groups whose commands are imported when somebody runs one: `--help` and a quick look load nothing else."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click
from click.shell_completion import CompletionItem


class LazyGroup(click.Group):
    """A group that knows its commands by where they are.

    Args:
        lazy: By name, `(module:attribute, one line of help)`; the module is below this package.
    """

    def __init__(self, *args: Any, lazy: Mapping[str, tuple[str, str]], **more: Any) -> None:
        super().__init__(*args, **more)
        self.lazy = lazy

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every name, imported or not."""
        return sorted({*super().list_commands(ctx), *self.lazy})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, imported."""
        if cmd_name not in self.lazy:
            return super().get_command(ctx, cmd_name)
        place, attribute = self.lazy[cmd_name][0].split(":")
        return getattr(import_module(f"inventory_assets.{place}"), attribute)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands in `--help`, from what is written here."""
        rows = []
        for name in self.list_commands(ctx):
            known = self.commands.get(name)
            rows.append((name, self.lazy[name][1] if known is None else known.get_short_help_str()))
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """What a shell may complete: commands by what is written here, none imported for it."""
        if incomplete and not incomplete[0].isalnum():
            return super().shell_complete(ctx, incomplete)
        return [
            CompletionItem(name, help=self.lazy[name][1] if name in self.lazy else None)
            for name in self.list_commands(ctx)
            if name.startswith(incomplete)
        ]
