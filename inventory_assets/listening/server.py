"""uvicorn's server, but that streams end first: it waits for every answer before it tells the application to end."""

import socket
from collections.abc import Callable
from typing import Any

import uvicorn

from inventory_assets.settings import Settings


def proxies_of(settings: Settings) -> dict[str, Any]:
    """What uvicorn is told of proxies: by itself it believes whatever comes from this machine."""
    trusted = list(settings.trusted_proxies)
    return {"proxy_headers": bool(trusted), "forwarded_allow_ips": trusted}


class Server(uvicorn.Server):
    """Says that it ends before it waits."""

    def __init__(self, config: uvicorn.Config, end: Callable[[], None]) -> None:
        """Make it.

        Args:
            config: uvicorn's.
            end: Ends what would not end by itself.
        """
        super().__init__(config)
        self._end = end

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End streams, then what uvicorn ends."""
        self._end()
        await super().shutdown(sockets)
