"""`inventory serve`: the web console; below it, other services over HTTP."""

from pathlib import Path

import click

from inventory_assets.commands.lazy import LazyGroup
from inventory_assets.option_types import PORT
from inventory_assets.serving.serve import DEFAULT_PORT, HOST_HELP, LOCAL, run_console
from inventory_assets.tls import PairError, read_pair

SERVICES = {"api": ("api.serving.serve:serve_api", "Serve stock, alerts and the plan from memory.")}
_FILE = click.Path(path_type=Path)


@click.group(cls=LazyGroup, lazy=SERVICES, invoke_without_command=True)
@click.option("--host", default=LOCAL, show_default=True,
              help=HOST_HELP)  # fmt: skip
@click.option("--port", type=PORT, default=DEFAULT_PORT, show_default=True,
              help="0 picks a free one.")  # fmt: skip
@click.option(
    "--name", "names", multiple=True, help="Another name it is opened by, such as stock.example.com; repeat it."
)
@click.option("--certificate", type=_FILE, metavar="FILE", help="TLS by this certificate, a chain in PEM.")
@click.option("--key", type=_FILE, metavar="FILE", help="That certificate's key, in PEM and not encrypted.")
@click.pass_context
def serve(
    context: click.Context, host: str, port: int, names: tuple[str, ...], certificate: Path | None, key: Path | None
) -> None:
    """Serve the web console and its JSON API until stopped.

    Alerts, stock, incidents and thresholds as pages, beside a running lake. It
    only reads the lake: what you change leaves as a message, and takes effect
    when the product takes it in (`make run`, or `inventory drain`).
    """
    if context.invoked_subcommand is None:
        try:
            pair = read_pair(certificate, key)
        except PairError as error:
            raise click.ClickException(str(error)) from error
        run_console(host, port, names, pair=pair)
        return
    given = [
        name for name in context.params if context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE
    ]
    if given:
        # They are the console's: a service that listened elsewhere than it was told to is a surprise.
        raise click.UsageError(
            f"options of {context.invoked_subcommand!r} stand behind its name: "
            f"inventory serve {context.invoked_subcommand} --help"
        )
