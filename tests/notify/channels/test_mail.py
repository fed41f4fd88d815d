"""Mail, received by aiosmtpd: both parts, ids, refusals, TLS, and names that try to break out."""

import email
import socket
import ssl
import subprocess
from email import policy as policies
from html.parser import HTMLParser

import msgspec
import pytest

from inventory_assets.domain.notify.notifications import ChannelFaultError, DeliveryError, RefusedError
from inventory_assets.notify.channels.mail import MailChannel, MailServer, to_mail, valid_addresses
from inventory_assets.notify.message.html import render_html
from inventory_assets.notify.message.wording import plain_text
from tests.notify.notices import HOSTILE, facts, group, single
from tests.notify.servers import smtp_server


@pytest.fixture
def smtp():
    with smtp_server() as found:
        yield found


def mail_to(port: int, **server) -> MailChannel:
    made = MailServer(**{"host": "127.0.0.1", "port": port, "security": "none", "timeout_seconds": 30, **server})
    return MailChannel(made, sender="alerts@example.com", to=["planner@example.com"])


def received(mailbox):
    return email.message_from_bytes(mailbox.mails[-1].content, policy=policies.default)


def test_mail_has_a_text_and_an_html_part_that_say_the_same(smtp):
    mailbox, port = smtp

    receipt = mail_to(port).send(single())

    message = received(mailbox)
    text, html = (message.get_body((kind,)).get_content() for kind in ("plain", "html"))
    assert ["planner@example.com"] == mailbox.mails[0].rcpt_tos
    assert "[HIGH] Low stock: Test message, nothing to do at TEST-EAST (45 left)" == message["Subject"]
    assert "<ntf-1@example.com>" == message["Message-ID"] == receipt.provider_id
    for part in (text, html):
        assert "Move 60 here from TEST-WEST" in part
        assert "Order 100 from TEST-SUPPLIER now, lead time 12 days, in packs of 10" in part
        assert "The message suggests 160" in part
        assert "inventory explain alt-1" in part
        assert "the rule for category C" in part
    assert "█" in text
    assert 6 == html.count("border-radius:2px 2px 0 0")
    assert 6 == html.count("border-top:2px dashed")
    assert "line: minimum 50" in html
    assert html.index("What to do") < html.index("border-top:2px dashed")


def test_unknown_figures_are_absent_not_invented(smtp):
    mailbox, port = smtp
    known = single()
    bare = msgspec.structs.replace(known, alerts=(msgspec.structs.replace(known.alerts[0], line=None),))

    mail_to(port).send(bare)

    html = received(mailbox).get_body(("html",)).get_content()
    assert "revenue" not in html.lower()
    assert "days to stockout" not in html


def test_a_big_group_lists_the_worst_and_says_how_to_see_the_rest(smtp):
    """Gmail cuts a mail at 102 kB; names are long here."""
    mailbox, port = smtp
    names = {"product_name": "Long name " * 12, "sku": "S" * 100, "warehouse_id": "W" * 100}

    mail_to(port).send(group(500, **names))

    message = received(mailbox)
    text, html = (message.get_body((kind,)).get_content() for kind in ("plain", "html"))
    assert "[HIGH] 500 alerts: category Mugs" == message["Subject"]
    assert 50 == text.count("- HIGH Low stock")
    assert len(html.encode()) < 102_000
    for part in (text, html):
        assert "and 450 more" in part
        assert "inventory explain ntf-1 --format json" in part
        assert "in the price list" in part


def test_a_list_says_what_it_comes_to_so_far_as_that_is_known():
    known, unknown = facts(1), msgspec.structs.replace(facts(2), line=None)
    sold_out = facts(3, alert_type="STOCKOUT", priority="CRITICAL", available_stock=0)
    notification = msgspec.structs.replace(
        group(3), alerts=(unknown, known, sold_out), alert_ids=("alt-2", "alt-1", "alt-3")
    )

    text = plain_text(notification, limit=50)

    assert "Low stock 2, Out of stock 1" in text
    assert "Next to sell out in 4 days (known for 2 of 3)" in text
    assert "2,507.40 in the price list's currency (known for 2 of 3)" in text
    assert [text.index(f"alt-{number}\n") for number in (3, 1, 2)] == sorted(
        text.index(f"alt-{number}\n") for number in (1, 2, 3)
    )


def test_a_phone_is_not_made_to_scroll_sideways():
    for notification in (single(), group(3)):
        html = render_html(notification, limit=50)

        assert 'name="viewport"' in html
        assert "word-break" not in html
        assert "nowrap" not in html.replace("margin:0 24px 10px 0;white-space:nowrap", "")


def test_a_stockout_has_no_threshold_to_show():
    html = render_html(single(alert_type="STOCKOUT", priority="CRITICAL", available_stock=0, threshold=0), limit=50)

    assert "minimum" not in html
    assert "&lt;= 0" not in html


def test_a_digest_of_one_reads_as_one():
    digest = msgspec.structs.replace(single(), kind="digest", reason="maintenance")

    mail = to_mail(digest, sender="a@b.c", to=["d@e.f"])

    assert mail["Subject"].startswith("[HIGH] Low stock")
    for kind in ("plain", "html"):
        assert "On hold during maintenance until now" in mail.get_body((kind,)).get_content()


def test_the_sums_are_not_said_twice():
    text = plain_text(single(), limit=50)

    for figure in ("95 = target", "Move 60", "runs out on 2026-01-05", "1,253.70"):
        assert 1 == text.count(figure), figure
    assert "1253.70" not in text


def test_hostile_names_break_neither_headers_nor_html(smtp):
    mailbox, port = smtp
    notification = single(product_name=HOSTILE, sku=HOSTILE, warehouse_id=HOSTILE, alert_type=HOSTILE)

    mail_to(port).send(notification)

    message = received(mailbox)
    assert message["Bcc"] is None
    assert ["planner@example.com"] == mailbox.mails[0].rcpt_tos
    tags = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag, attributes):
            tags.append(tag)

    Reader().feed(message.get_body(("html",)).get_content())
    assert "script" not in tags
    assert "\u202e" not in message["Subject"]


def test_a_long_name_is_cut_in_the_subject(smtp):
    assert len(to_mail(single(product_name="x" * 5000), sender="a@b.c", to=["d@e.f"])["Subject"]) <= 150


def test_a_rules_recipients_come_instead_of_the_channels_own(smtp):
    mailbox, port = smtp
    chosen = msgspec.structs.replace(single(), recipients=("buyer@example.com", "bad\r\nBcc: x@y.z", "no address"))

    mail_to(port).send(chosen)

    assert ["buyer@example.com"] == mailbox.mails[0].rcpt_tos


@pytest.mark.parametrize("address", ["a b@c.d", "a@b,c@d", "a@b\n", "<a@b.c>", "a" * 300 + "@b.c", "a@b@c", ""])
def test_what_is_no_address_is_left_out(address):
    assert () == valid_addresses([address])


@pytest.mark.parametrize(
    ("reply", "error"),
    [("451 try later", DeliveryError), ("554 no spam", RefusedError), ("550 gone", RefusedError)],
)
def test_4xx_is_tried_again_and_5xx_is_final(smtp, reply, error):
    mailbox, port = smtp
    mailbox.reply = reply

    with pytest.raises(error) as raised:
        mail_to(port).send(single())

    assert error is type(raised.value)


@pytest.mark.parametrize(
    ("code", "recipients", "error"),
    [
        ("450 busy", (), DeliveryError),
        ("450 busy", ("buyer@example.com",), DeliveryError),
        ("550 unknown", (), ChannelFaultError),
        ("550 unknown", ("buyer@example.com",), RefusedError),
    ],
)
def test_a_refused_recipient_is_judged_by_its_code_and_by_whose_it_is(smtp, code, recipients, error):
    """The channel's own is a mistake of the configuration; a rule's is this notification's alone."""
    mailbox, port = smtp
    mailbox.refused |= dict.fromkeys(("planner@example.com", "buyer@example.com"), code)

    with pytest.raises(DeliveryError) as raised:
        mail_to(port).send(msgspec.structs.replace(single(), recipients=recipients))

    assert error is type(raised.value)


def test_a_dead_server_is_a_failed_try():
    # Bound, so that nobody else can have the port, and not listening.
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))

        with pytest.raises(DeliveryError, match="did not take it"):
            mail_to(bound.getsockname()[1]).send(single())


def test_a_server_that_says_nothing_costs_bounded_time():
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()

        with pytest.raises(DeliveryError):
            mail_to(silent.getsockname()[1], timeout_seconds=0.3).send(single())


def test_starttls_that_is_not_offered_is_not_gone_without(smtp):
    mailbox, port = smtp

    with pytest.raises(ChannelFaultError, match="STARTTLS"):
        mail_to(port, security="starttls").send(single())

    assert [] == mailbox.mails


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    path = tmp_path_factory.mktemp("tls")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", path / "key.pem", "-out",
         path / "cert.pem", "-days", "2", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"],
        check=True, capture_output=True,
    )  # fmt: skip
    return path


def test_starttls_checks_the_certificate(certificate):
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")

    with smtp_server(tls_context=context) as (mailbox, port):
        with pytest.raises(ChannelFaultError, match="TLS"):
            mail_to(port, security="starttls").send(single())
        assert [] == mailbox.mails

        mail_to(port, security="starttls", ca_file=str(certificate / "cert.pem")).send(single())

        assert 1 == len(mailbox.mails)


def test_html_is_whole_for_every_kind():
    for notification in (single(), group(3), group(3, kind="digest", reason="rate_limit"), single(stock_trend=[])):
        html = render_html(notification, limit=2)

        assert html.count("<table") == html.count("</table>")
        assert html.count("<div") == html.count("</div>")
        assert html.endswith("</html>")
