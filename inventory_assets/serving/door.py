"""Who may ask the stock service where the console serves it: whoever may ask the console, by the same tokens."""

import math
from collections.abc import Mapping

from inventory_assets.api.door import OPEN, Door, refused_by, text_of
from inventory_assets.api.http import Problem
from inventory_assets.console.access import Access, given_grant, login_grant
from inventory_assets.console.guard import note_failure, wait_of
from inventory_assets.domain.access.grants import Grant, Reason, Refusal
from inventory_assets.domain.access.tokens import bearer_of

_MISSING = Refusal(401, Reason.MISSING, "a token is needed: Authorization: Bearer inv_…, or log in to the console")


class ConsoleDoor(Door):
    """The service's door, that knows the console's logins and the variable's token, too."""

    def __init__(self, access: Access) -> None:
        super().__init__(access.names, access.gate)
        self._access = access

    def enter(self, method: str, scope: str, headers: Mapping[bytes, bytes], *, client: str = "unknown") -> Grant:
        """What who asks may do, from where it asks.

        Raises:
            Problem: 401, 403, 429 or 503.
        """
        if scope == OPEN or not self._access.is_needed:
            return super().enter(method, scope, headers, client=client)
        given = headers.get(b"authorization")
        # A page of the console has no secret to send; its cookie comes with what other sites' pages ask, too.
        self.check_meant(method, scope, headers, is_bearer=given is not None)
        if given is None:
            return self.allowed(login_grant(text_of(headers), self._access) or _MISSING, scope)
        return self._bearer(bearer_of(given.decode("latin-1")) or "", scope, client)

    def _bearer(self, secret: str, scope: str, client: str) -> Grant:
        # Not looked at while it must wait: a guess then says nothing.
        wait = wait_of(self._access, client, secret)
        found = None if wait else given_grant(secret, self._access)
        if isinstance(found, Grant):
            self._access.logins.succeeded(client)
            return self.allowed(found, scope)
        if found is not None and found.status != 401:
            raise refused_by(found)
        wait = wait or note_failure(self._access, client, "/v1", secret)
        if wait:
            seconds = math.ceil(wait)
            raise Problem(
                429, f"too many wrong tokens; try again in {seconds} s", headers=[(b"retry-after", b"%d" % seconds)]
            )
        raise refused_by(found or _MISSING)
