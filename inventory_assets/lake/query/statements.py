"""Where a statement of SQL ends, in text that comes line by line. Pure; DuckDB says whether it is SQL."""

import re

# What a `;` may stand in: texts, names, comments, bodies between dollars. The last of each may not have ended yet.
_PARTS = re.compile(
    r"""
    '(?:[^']|'')*(?P<open_text>'|\Z)
    | "(?:[^"]|"")*(?P<open_name>"|\Z)
    | --[^\n]*
    | /\*.*?(?P<open_comment>\*/|\Z)
    | (?P<dollar>\$\w*\$).*?(?:(?P=dollar)|(?P<open_body>\Z))
    | (?P<end>;)
    """,
    re.VERBOSE | re.DOTALL,
)
_COMMENTS = re.compile(r"""('(?:[^']|'')*'|"(?:[^"]|"")*")|--[^\n]*|/\*.*?\*/""", re.DOTALL)


def split_statements(text: str) -> tuple[list[str], str]:
    """The statements that a `;` has ended, without it, and the rest, of which one may still come.

    A `;` in a text, a quoted name, a comment or a body between dollars ends nothing.
    """
    found, begin = [], 0
    for part in _PARTS.finditer(text):
        if part["end"]:
            found.append(text[begin : part.start()].strip())
            begin = part.end()
    return [each for each in found if not is_blank(each)], text[begin:]


def is_blank(text: str) -> bool:
    """Whether there is nothing in a text but spaces, comments and `;`."""
    return not one_line(text).strip("; ")


def one_line(text: str) -> str:
    """A statement on one line, as a history keeps it: without its comments, a text's own line ends as they are."""
    bare = _COMMENTS.sub(lambda part: part[1] or " ", text)
    kept = re.split(r"""('(?:[^']|'')*'|"(?:[^"]|"")*")""", bare)
    return "".join(each if number % 2 else re.sub(r"\s+", " ", each) for number, each in enumerate(kept)).strip()
