"""What can go wrong in the connector, one class per thing the service does about it.

Bad documents are no errors but values (`change.Poison`, `shaping.Refusal`): they become dead letters.
"""

from typing import Any

from inventory_assets.errors import InventoryError


class ConnectorError(InventoryError):
    """Base of all."""


class ConfigurationError(ConnectorError):
    """The configuration cannot be used; the text lists every problem."""


class SourceUnavailableError(ConnectorError):
    """MongoDB did not answer or dropped the connection: the same call may succeed later."""


class SourceRefusedError(ConnectorError):
    """MongoDB refused for good: credentials, rights, no replica set. Retrying does not help."""


class TokenLostError(ConnectorError):
    """The stream cannot be resumed after its token: changes in between are not to be had.

    Attributes:
        code: MongoDB's error code: 286 history lost, 260 invalid token, and their like.
    """

    def __init__(self, message: str, *, code: int | None) -> None:
        super().__init__(message)
        self.code = code


class PublishFailedError(ConnectorError):
    """Messages were not confirmed. What was read after the saved token is read again.

    Attributes:
        failures: What failed, by error text, with how many messages.
        is_permanent: The service refuses them as they are: retrying does not help.
    """

    def __init__(self, message: str, *, failures: dict[str, int], is_permanent: bool) -> None:
        super().__init__(message)
        self.failures = failures
        self.is_permanent = is_permanent


class StoreUnavailableError(ConnectorError):
    """The store of resume tokens did not answer: nothing may be called saved."""


class StoreDamagedError(StoreUnavailableError):
    """What is stored cannot be read as a checkpoint: retrying does not help, and it is not "none yet"."""


class CheckpointConflictError(ConnectorError):
    """The stored checkpoint is not the one this process wrote last.

    Attributes:
        current: What is stored now; None where it is gone.
    """

    def __init__(self, message: str, *, current: Any) -> None:
        super().__init__(message)
        self.current = current


class TakenOverError(ConnectorError):
    """Another process writes this connector's checkpoint: this one has to stop."""
