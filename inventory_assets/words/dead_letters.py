"""Dead letters in words: what to do about each reason. Pure."""

WHAT_TO_DO = {
    "invalid_json": "mend the publisher: one JSON object a message, in UTF-8",
    "schema_mismatch": "publish it through the topic's schema",
    "too_large": "split or trim it at its source and publish that; only its beginning is kept here",
    "oversized": "split or trim it",
    "unknown_kind": "send it in an envelope that is known (docs/events.md)",
    "wrong_topic": "publish it to the topic of its kind",
    "unsupported_type": "send what moved as one of the types that are known (docs/events.md)",
    "unsupported_kind": "an earlier release did not read it yet: replay it",
    "missing_field": "fill the field; of a default that was not set: set it and replay",
    "invalid_value": "mend the value",
    "invalid_id": "mend the id: 1 to 256 bytes, no control characters, no white space around it",
    "invalid_sign": "mend the quantity or the type",
    "invalid_threshold": "mend the rule; the earlier one stays in force",
    "invalid_command": "mend the command",
    "invalid_text": "write one line of plain text",
    "event_time_out_of_range": "mend the clock; or change INVENTORY_START_DATE or INVENTORY_MAX_AHEAD and replay",
    "conflicting_duplicate": "find out which is true, and send an ADJUSTMENT or a level under an id of its own",
    "transaction_moved": "give each line of an order a line_id, or send an ADJUSTMENT",
    "unknown_alert": "look the id up: inventory alerts list --state all",
    "unknown_line": "list the lines: inventory plan --all",
    "superseded_line": "decide on the newer line, which the detail names",
    "illegal_transition": "see what state it is in: inventory alerts show",
    "invariant_violation": "report it with its trace; replay it after the fix",
}
"""By reason; all of `domain.events.refusals.REASONS`."""

BODY_IS_GONE = (
    "{} cannot be replayed, as the body was larger than the topic takes and only its first 1,000 bytes "
    "are kept. Publish it again from its source, split or trimmed."
)
