"""Whether a request of a browser was meant: the name it asks for, and the page it comes from.

Here: decisions over a request's head, for every door that browsers reach. Not here: tokens.
"""

import ipaddress
from collections.abc import Collection, Mapping
from urllib.parse import urlsplit

# A form on another site can send these three and no other without asking first.
FORM_TYPES = frozenset({"", "application/x-www-form-urlencoded", "multipart/form-data", "text/plain"})


def is_ours(host: str, names: Collection[str]) -> bool:
    """Whether a Host header names us.

    A page elsewhere whose name is made to point here (DNS rebinding) sends that
    name; it cannot send a bare address.
    """
    name = _host_name(host)
    if name is None:
        return False
    if name in names:
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _host_name(header: str) -> str | None:
    try:
        parts = urlsplit(f"//{header}")
        return None if parts.username is not None or parts.path else (parts.hostname or None)
    except ValueError:
        return None


def is_meant(method: str, headers: Mapping[str, str], *, is_bearer: bool = False) -> bool:
    """Whether a write comes from our own pages or a program, and not from a page of somebody else's (CSRF)."""
    origin = headers.get("origin")
    if origin is not None and not is_own_origin(origin, headers.get("host", "")):
        return False
    if headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
        return False
    content_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    return is_bearer or method in ("PUT", "DELETE") or content_type not in FORM_TYPES or origin is not None


def is_own_origin(origin: str, host: str) -> bool:
    """Whether a page of this origin came from the host that is asked."""
    try:
        return urlsplit(origin).netloc == host
    except ValueError:
        return False  # such as `http://[`
