"""What became of a dropped file: the report beside it, and a sentence. Pure."""

from collections.abc import Sequence

from inventory_assets.domain.values import to_datetime
from inventory_assets.words.numbers import counted
from inventory_assets.words.text import clean, visible_lines
from inventory_assets.words.times import to_second

WRONG_ROWS = "rows of it are wrong"
# Whole: its report may be named by its beginning.
MAX_NAME = 1_024


def to_report(
    *,
    name: str,
    verdict: str,
    at: int,
    sha256: str,
    mapping: str,
    topic: str,
    envelope: str,
    rows: int,
    sent: int,
    bad: int,
    problems: Sequence[str],
    why: str,
) -> str:
    """The report on a file, for who put it there."""  # fmt: skip
    lines = [
        f"{clean(name, MAX_NAME)}: {verdict}, {to_second(to_datetime(at))} UTC",
        "",
        said(verdict, rows, sent, bad, why),
    ]
    if verdict == "refused":
        lines += ["Put a mended file in its place, or mend its mapping: as it is, it is not tried again."]
    lines += [""]
    facts = {
        "rows": f"{rows:,}", "sent": f"{sent:,} to {topic} as {envelope}" if sent else "0",
        "wrong": f"{bad:,}", "mapping": mapping or "none: columns by the names that are known", "sha256": sha256,
    }  # fmt: skip
    lines += [f"{label:<9}{clean(value, 300)}" for label, value in facts.items() if value]
    if problems:
        lines += ["", "Left out:" if sent else "What is wrong:"]
        lines += [f"  {clean(problem, 1_000)}" for problem in problems]
    if bad > len(problems):
        lines += [f"  and {counted(bad - len(problems), 'more line')}"]
    if bad and sent:
        lines += ["", "Give these, mended, in a file of their own: the whole one again would count the others twice."]
    return visible_lines("\n".join(lines)) + "\n"


def said(verdict: str, rows: int, sent: int, bad: int, why: str) -> str:
    """A sentence of it."""
    if verdict == "published":
        left = f", {counted(bad, 'wrong row')} left out" if bad else ""
        return f"{counted(sent, 'message')} published{left}."
    if verdict == "known":
        return f"Nothing was published: {why}."
    of = f": {bad:,} of {rows:,}" if bad else ""
    return f"Nothing was published: {why.rstrip('.')}{of}."
