"""Reports by mail: the short of it and the files, once, under one id, and recorded."""

import email
import socket
from email import policy as policies

import pytest

from inventory_assets.domain.notify.notifications import DeliveryError
from inventory_assets.notify.policy_source import AlertingFileError
from inventory_assets.reports.make import mail_report
from tests.notify.servers import smtp_server

TABLE = "[reports]\nchannel = 'mail'\nrecipients = ['ana@example.com', 'ben@example.com']\n"
NOW = 1_650_000_000.0


@pytest.fixture
def mailbox(shop, settings):
    """A policy that mails reports, and who receives them."""
    with smtp_server() as (found, port):
        (settings.home / "alerting.toml").write_text(policy(port) + TABLE)
        yield found


def policy(port: int) -> str:
    return (
        f"[channels.mail]\nkind = 'email'\nhost = '127.0.0.1'\nport = {port}\nsecurity = 'none'\n"
        "from = 'stock@example.com'\nto = ['all@example.com']\ntimeout_seconds = 10\n"
    )


def recorded(shop):
    return shop.lake.query(
        "SELECT subject_id, channel, status, attempt, message_id FROM out.deliveries ORDER BY version"
    ).rows()


def test_a_report_is_mailed_with_its_page_and_its_lists(mailbox, shop, settings, build):
    report = build()

    sent = mail_report(settings, report.rendered, now=NOW)

    message = email.message_from_bytes(mailbox.mails[-1].content, policy=policies.default)
    assert ["ana@example.com", "ben@example.com"] == mailbox.mails[-1].rcpt_tos
    # Python folds a long subject before its first word.
    assert "Nightly report, Wednesday 20 April 2022: 2 shelves are empty, 1 of them new" == message["Subject"].strip()
    assert f"<{sent.report_id}@example.com>" == message["Message-ID"]
    text, html = (message.get_body((kind,)).get_content() for kind in ("plain", "html"))
    for part in (text, html):
        assert "Kettle red" in part
        assert "Order 70 from SUPP-1 now" in part
        assert "SUPP-1" in part
    attached = {part.get_filename(): part.get_content() for part in message.iter_attachments()}
    assert {
        "nightly-2022-04-20-report.html", "nightly-2022-04-20-orders.csv",
        "nightly-2022-04-20-stockouts.csv",
    } == set(attached)  # fmt: skip
    # It travels alone: no link of it leads to a file beside it.
    assert 'href="orders.csv"' not in attached["nightly-2022-04-20-report.html"]
    assert [(sent.report_id, "mail", "sent", 1, message["Message-ID"])] == recorded(shop)


def test_building_again_does_not_send_again_unless_asked(mailbox, shop, settings, build):
    report = build()
    first = mail_report(settings, report.rendered, now=NOW)

    second = mail_report(settings, build().rendered, now=NOW)
    third = mail_report(settings, report.rendered, now=NOW, again=True)

    assert ("sent", "sent before", "sent") == (first.status, second.status, third.status)
    assert 2 == len(mailbox.mails)
    ids = {email.message_from_bytes(mail.content)["Message-ID"] for mail in mailbox.mails}
    assert 1 == len(ids)


def test_a_mail_that_is_not_taken_is_recorded_and_owed(mailbox, shop, settings, build):
    report = build()
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        (settings.home / "alerting.toml").write_text(policy(closed.getsockname()[1]) + TABLE)
        with pytest.raises(DeliveryError):
            mail_report(settings, report.rendered, now=NOW)

    assert [("mail", "failed", 1)] == [row[1:4] for row in recorded(shop)]


def test_a_kind_that_is_not_named_is_not_sent(mailbox, settings, build):
    path = settings.home / "alerting.toml"
    path.write_text(path.read_text() + "send = ['weekly']\n")

    assert mail_report(settings, build().rendered, now=NOW) is None
    assert [] == mailbox.mails


@pytest.mark.big
def test_the_same_people_in_another_order_are_the_same_mail(mailbox, settings, build):
    report = build()
    first = mail_report(settings, report.rendered, now=NOW)
    path = settings.home / "alerting.toml"
    path.write_text(
        path.read_text().replace("'ana@example.com', 'ben@example.com'", "'ben@example.com', 'ana@example.com'")
    )

    assert first.report_id == mail_report(settings, report.rendered, now=NOW).report_id


def test_a_table_with_mistakes_lists_all_of_them(shop, settings, build):
    (settings.home / "alerting.toml").write_text(
        "[channels.console]\nkind = 'console'\n"
        "[reports]\nchannel = 'console'\nrecipients = ['nobody']\nsend = ['hourly']\nwho = 1\n"
    )

    with pytest.raises(AlertingFileError) as raised:
        mail_report(settings, build().rendered, now=NOW)

    assert [
        "reports: 'who' is not known; expected channel, recipients, send",
        "reports.channel: 'console' is of kind console, expected email",
        "reports.recipients: 'nobody' is no mail address",
        "reports.send: 'hourly' is none of nightly, weekly",
    ] == raised.value.problems
