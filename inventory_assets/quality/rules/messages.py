"""Rules about what was received: `raw.messages` and `core.dead_letters`."""

from inventory_assets.domain.quality.results import Severity
from inventory_assets.lake.stages import Stage
from inventory_assets.lake.tables import DEAD_LETTERS, RAW_MESSAGES
from inventory_assets.quality.rule import Rule

# A sender whose format changed refuses far more than a hundredth; a typing error far less.
REFUSED_PERCENT = 1
LEAST_MESSAGES = 100
RESTORE = (
    "A file of the lake was lost or changed by hand. `inventory archive restore` brings archived rows back; else "
    "restore the lake's data and catalog from a backup of one time. The topics' retention has what came since."
)

MESSAGE_RULES = (
    Rule(
        RAW_MESSAGES, "outcomes_sum_to_messages", ("version",),
        "Every received message has exactly one outcome, and each version as many as it took in.", f"""
        SELECT v.version, v.messages, count(r.seq) AS outcomes FROM meta.versions v
        LEFT JOIN raw.messages r ON r.version = v.version AND r.outcome IS NOT NULL
        WHERE v.stage <> '{Stage.REBUILD}' GROUP BY ALL HAVING count(r.seq) <> v.messages""",
        is_invariant=True, is_light=True,
        what_to_do=RESTORE,
    ),
    Rule(
        RAW_MESSAGES, "versions_have_no_gap", ("version",),
        "The lake's versions are 1, 2, 3 and so on up to the latest, each once.", """
        SELECT version, before AS version_before FROM (
            SELECT version, coalesce(lag(version) OVER (ORDER BY version), 0) AS before FROM meta.versions
            UNION ALL SELECT version + 1, (SELECT max(version) FROM meta.versions) FROM meta.watermarks
        ) WHERE version <> before + 1""",
        is_light=True,
        what_to_do=RESTORE,
    ),
    Rule(
        RAW_MESSAGES, "message_numbers_have_no_gap", ("version",),
        "Within a version messages are numbered 0, 1, 2 and so on, each number once.", """
        SELECT version, count(*) AS messages, min(seq) AS first_seq, max(seq) AS last_seq,
            count(*) - count(DISTINCT seq) AS repeated
        FROM raw.messages GROUP BY version
        HAVING min(seq) <> 0 OR max(seq) <> count(*) - 1 OR count(DISTINCT seq) <> count(*)""",
        what_to_do=RESTORE,
    ),
    Rule(
        RAW_MESSAGES, "messages_are_complete", ("version", "seq"),
        "Every received message has its id, topic, time of publishing, bytes and outcome.", """
        SELECT version, seq, message_id, topic,
            concat_ws(', ', CASE WHEN version IS NULL OR seq IS NULL THEN 'place' END,
                CASE WHEN message_id IS NULL THEN 'message_id' END, CASE WHEN topic IS NULL THEN 'topic' END,
                CASE WHEN publish_time IS NULL THEN 'publish_time' END, CASE WHEN data IS NULL THEN 'data' END,
                CASE WHEN outcome IS NULL THEN 'outcome' END) AS missing
        FROM raw.messages
        WHERE version IS NULL OR seq IS NULL OR message_id IS NULL OR topic IS NULL OR publish_time IS NULL
            OR data IS NULL OR outcome IS NULL""",
        what_to_do=RESTORE,
    ),
    Rule(
        DEAD_LETTERS, "few_messages_are_refused", ("topic",),
        f"Of the last 7 days' messages of a topic, at most {REFUSED_PERCENT} % were refused.", f"""
        WITH refused AS (
            SELECT topic, count(*) AS refused, mode(reason) AS most_often FROM core.dead_letters
            WHERE version > {{recent_version}} GROUP BY topic
        ), received AS (
            SELECT topic, count(*) AS messages FROM raw.messages WHERE version > {{recent_version}} GROUP BY topic
        )
        SELECT topic, messages, refused, round(100.0 * refused / messages, 1) AS percent, most_often
        FROM refused JOIN received USING (topic)
        WHERE messages >= {LEAST_MESSAGES} AND refused * 100 > messages * {REFUSED_PERCENT}""",
        severity=Severity.WARN, is_light=True,
        what_to_do='See the reasons: `inventory sql "SELECT topic, reason, detail FROM core.dead_letters"`. '
        "Mend the sender, then `inventory replay-dead-letters`.",
    ),
)  # fmt: skip
