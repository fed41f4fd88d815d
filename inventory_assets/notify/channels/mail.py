"""SMTP mail with a text and an HTML part."""

import re
import smtplib
import socket
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from inventory_assets.domain.notify.notifications import (
    ChannelFaultError,
    DeliveryError,
    Outgoing,
    Receipt,
    RefusedError,
)
from inventory_assets.domain.values import to_datetime
from inventory_assets.notify.channels.channel import Channel
from inventory_assets.notify.message.html import render_html
from inventory_assets.notify.message.wording import plain_text, subject_line
from inventory_assets.words.text import clean

DEFAULT_PORTS = {"none": 25, "starttls": 587, "tls": 465}
# Gmail cuts a mail at 102 kB, and nobody works through more before the first coffee.
MAX_ALERTS = 50
_ADDRESS = re.compile(r"[^@\s,;<>\"()\x00-\x1f]+@[^@\s,;<>\"()\x00-\x1f]+")

_TELEPHONE = re.compile(r"\+[0-9][0-9 ]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class MailServer:
    """Where mail is handed in. `security` is none, starttls or tls."""

    host: str
    port: int
    security: str = "starttls"
    username: str | None = None
    password: str | None = None
    ca_file: str | None = None
    timeout_seconds: float = 20.0


class MailChannel(Channel):
    """`Channel` over SMTP. The Message-ID is the notification's id: a repeat is recognisable."""

    def __init__(self, server: MailServer, *, sender: str, to: Sequence[str]) -> None:
        self._server = server
        self._sender = sender
        self._to = tuple(to)

    def send(self, notification: Outgoing) -> Receipt:
        """Hand the mail to the server."""
        named = valid_addresses(notification.recipients)
        return self.hand_over(lambda sender, to: to_mail(notification, sender=sender, to=to), named)

    def hand_over(self, write: Callable[[str, Sequence[str]], EmailMessage], named: Sequence[str] = ()) -> Receipt:
        """Hand any mail to the server, once.

        Args:
            write: Makes it, from the sender's address and the recipients.
            named: Recipients of this mail; none is the channel's own.

        Raises:
            DeliveryError: As `Channel.send`.
        """
        recipients = tuple(named) or self._to
        message = write(self._sender, recipients)
        try:
            with self._connect() as connection:
                refused = connection.send_message(message, from_addr=self._sender, to_addrs=list(recipients))
        except smtplib.SMTPRecipientsRefused as error:
            is_final = min(code for code, _ in error.recipients.values()) >= 500
            # A rule's recipients are this notification's; the channel's own are every notification's.
            permanent = RefusedError if named else ChannelFaultError
            kind = permanent if is_final else DeliveryError
            raise kind(f"no recipient was accepted: {clean(error.recipients, 300)}") from error
        except smtplib.SMTPAuthenticationError as error:
            raise ChannelFaultError(f"the login was refused: {error.smtp_code}") from error
        except smtplib.SMTPNotSupportedError as error:
            raise ChannelFaultError(f"{self._server.host} does not offer what is configured: {error}") from error
        except smtplib.SMTPResponseException as error:
            raise _judge(error) from error
        except ssl.SSLCertVerificationError as error:
            raise ChannelFaultError(
                f"the certificate of {self._server.host} does not hold: TLS, {clean(error, 200)}"
            ) from error
        except socket.gaierror as error:
            raise ChannelFaultError(f"the name {self._server.host!r} was not resolved: {error}") from error
        except ssl.SSLError as error:
            raise DeliveryError(f"TLS with {self._server.host} failed: {clean(error, 200)}") from error
        except (OSError, smtplib.SMTPException) as error:
            raise DeliveryError(
                f"{self._server.host}:{self._server.port} did not take it: {clean(error, 200)}"
            ) from error
        partly = f"; not accepted: {clean(refused, 300)}" if refused else ""
        return Receipt(f"handed to {self._server.host}{partly}", message["Message-ID"])

    def _connect(self) -> smtplib.SMTP:
        server = self._server
        context = ssl.create_default_context(cafile=server.ca_file)
        connection: smtplib.SMTP
        if server.security == "tls":
            connection = smtplib.SMTP_SSL(server.host, server.port, timeout=server.timeout_seconds, context=context)
        else:
            connection = smtplib.SMTP(server.host, server.port, timeout=server.timeout_seconds)
        try:
            if server.security == "starttls":
                connection.starttls(context=context)
            if server.username is not None and server.password is not None:
                connection.login(server.username, server.password)
        except BaseException:
            connection.close()
            raise
        return connection


def _judge(error: smtplib.SMTPResponseException) -> DeliveryError:
    text = f"the server answered {error.smtp_code} {clean(error.smtp_error, 200)}"
    if error.smtp_code < 500:
        return DeliveryError(text)
    # Only an answer to the mail itself speaks of the mail; before it, of who hands it in.
    return RefusedError(text) if isinstance(error, smtplib.SMTPDataError) else ChannelFaultError(text)


def valid_addresses(addresses: Sequence[str]) -> tuple[str, ...]:
    """Those of a rule's recipients that are mail addresses."""
    return tuple(address for address in addresses if len(address) <= 254 and _ADDRESS.fullmatch(address))


def recipient_problem(recipient: str) -> str | None:
    """What is wrong with whom a rule names to be told; None for a mail address or a telephone number.

    What no channel can reach would be kept, and nobody told of it.
    """
    if valid_addresses((recipient,)) or _TELEPHONE.fullmatch(recipient):
        return None
    return (
        f"was {recipient!r}; expected a mail address such as buying@example.com, "
        "a telephone number such as +4915112345678."
    )


def to_mail(notification: Outgoing, *, sender: str, to: Sequence[str]) -> EmailMessage:
    """Write the mail."""
    message = EmailMessage(policy=SMTP)
    message["Subject"] = subject_line(notification)
    message["From"] = sender
    message["To"] = ", ".join(to)
    message["Date"] = format_datetime(to_datetime(notification.planned_at))
    message["Message-ID"] = f"<{notification.notification_id}@{sender.partition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    message["X-Inventory-Notification"] = notification.notification_id
    message.set_content(plain_text(notification, limit=MAX_ALERTS))
    message.add_alternative(render_html(notification, limit=MAX_ALERTS), subtype="html")
    return message
