"""A Slack-compatible incoming webhook (Slack, Mattermost, Rocket.Chat)."""

from typing import Any

import msgspec

from inventory_assets.domain.notify.notifications import AlertFacts, Outgoing, Receipt, without_repeats
from inventory_assets.notify.channels.channel import Channel
from inventory_assets.notify.channels.http import GuardedClient
from inventory_assets.notify.message.wording import (
    action_lines,
    explain_command,
    figure_lines,
    hierarchy_line,
    incident_lines,
    is_one,
    outlook_lines,
    over_title,
    reason_lines,
    subject_command,
    subject_line,
    title,
    total_lines,
    worst_first,
)
from inventory_assets.words.charts import sparkline
from inventory_assets.words.notifications import marks

# A section takes 3,000 characters and a message 50 blocks; twenty alerts fill a screen.
MAX_ALERTS = 20
MAX_SECTION = 2_900


class SlackChannel(Channel):
    """`Channel` over an incoming webhook. Slack knows no idempotency key: the id is in the message."""

    def __init__(self, client: GuardedClient) -> None:
        self._client = client

    def send(self, notification: Outgoing) -> Receipt:
        """Post the notification."""
        headers = {"Content-Type": "application/json", "Idempotency-Key": notification.notification_id}
        answer = self._client.post(msgspec.json.encode(to_message(notification)), headers)
        return Receipt(answer.response)


def to_message(notification: Outgoing) -> dict[str, Any]:
    """The message: `text` for the pop-up, blocks for the channel."""
    alerts = without_repeats(notification.alerts)
    subject = escape(subject_line(notification))
    blocks = [_section(f"*{subject}*")]
    blocks += [_section("\n".join(map(escape, incident_lines(each)))) for each in notification.incidents[:MAX_ALERTS]]
    if is_one(notification):
        blocks.append(_section(_details(notification, alerts[0])))
    else:
        if alerts and (totals := total_lines(notification, alerts)):
            blocks.append(_section(escape("\n".join(totals))))
        blocks += [_section(_line(facts)) for facts in worst_first(alerts)[:MAX_ALERTS]]
    shown = min(len(alerts), MAX_ALERTS) + min(len(notification.incidents), MAX_ALERTS)
    if (more := notification.total - shown) > 0:
        blocks.append(_section(f"… and {more:,} more"))
    why = subject_command(alerts[0]) if is_one(notification) else explain_command(notification)
    blocks.append({"type": "context", "elements": [_plain(why), _plain(notification.notification_id)]})
    return {"text": subject, "blocks": blocks}


def _details(notification: Outgoing, facts: AlertFacts) -> str:
    lines = [*reason_lines(notification, facts), hierarchy_line(facts.body), *figure_lines(notification, facts)]
    lines.append(sparkline(facts.trend))
    if notification.kind == "resolved":
        return "\n".join(map(escape, lines))
    lines += outlook_lines(facts)
    return "\n".join([*map(escape, lines), *(f"• {escape(line)}" for line in action_lines(facts))])


def _line(facts: AlertFacts) -> str:
    if not facts.is_firing:
        return escape(f"{over_title(facts)} (resolved)")
    actions = "; ".join(action_lines(facts))
    return escape(f"{facts.body['priority']}{marks(facts)} {title(facts)} {sparkline(facts.trend)}\n{actions}")


def _plain(text: str) -> dict[str, Any]:
    # Of a command with `*` or backquotes in it, Slack's formatting would show another one.
    return {"type": "plain_text", "text": text, "emoji": False}


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text[:MAX_SECTION]}}


def escape(text: str) -> str:
    """Slack's three control characters, and what would be its formatting: `<!channel>` must not ring everyone."""
    for character, replacement in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        text = text.replace(character, replacement)
    return text
