"""A pushed message, out of the request that Pub/Sub wraps it in."""

import msgspec

from inventory_assets.errors import InventoryError


class NotPushedError(InventoryError, ValueError):
    """A request is no push of Pub/Sub's."""


class Pushed(msgspec.Struct, frozen=True, rename="camel"):
    """One message; `publish_time` as text, in RFC 3339."""

    message_id: str
    data: bytes = b""
    attributes: dict[str, str] = {}
    ordering_key: str = ""
    publish_time: str = ""
    subscription: str = ""


class _Wrapper(msgspec.Struct):
    message: Pushed
    subscription: str


def read_push(body: bytes) -> Pushed:
    """Read a request's body.

    Raises:
        NotPushedError: It is none, or its data are no base64.
    """
    try:
        wrapper = msgspec.json.decode(body, type=_Wrapper)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise NotPushedError(
            f"the body was no message as Pub/Sub wraps it: {str(error)[:200]}. Push with the wrapper, so without "
            "--push-no-wrapper."
        ) from error
    if not wrapper.message.message_id or not wrapper.subscription:
        raise NotPushedError("the body named no messageId or no subscription")
    return msgspec.structs.replace(wrapper.message, subscription=wrapper.subscription)
