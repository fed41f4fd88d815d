"""uvicorn's server, but that streams end first: it waits for every answer before it tells the application to end."""

import socket
from collections.abc import Callable

import uvicorn


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
