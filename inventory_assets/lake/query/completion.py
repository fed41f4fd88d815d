"""What the last word of a statement may become. Pure; what there is, `names` reads."""

import re

from inventory_assets.lake.query.names import Names

# What SQL is written with here; the words for less common things are typed.
KEYWORDS = (
    "AND", "AS", "ASC", "AVG", "BETWEEN", "BY", "CASE", "CAST", "COUNT", "CROSS", "DESC", "DESCRIBE", "DISTINCT",
    "ELSE", "END", "EXCEPT", "EXCLUDE", "EXISTS", "FILTER", "FROM", "FULL", "GROUP", "HAVING", "ILIKE", "IN", "INNER",
    "INTERSECT", "IS", "JOIN", "LEFT", "LIKE", "LIMIT", "MAX", "MEDIAN", "MIN", "NOT", "NULL", "NULLS", "OFFSET", "ON",
    "OR", "ORDER", "OVER", "PARTITION", "PIVOT", "RIGHT", "ROUND", "SELECT", "STOCK_AT", "SUM", "SUMMARIZE", "THEN",
    "UNION", "USING", "VALUES", "WHEN", "WHERE", "WITH",
)  # fmt: skip
_TABLE_AND_ALIAS = re.compile(r"(?i)\b(?:from|join)\s+(\w+\.\w+)(?:\s+(?:as\s+)?(\w+))?")


def completions(text: str, word: str, names: Names) -> list[str]:
    """What a word at the end of a statement may become: tables, their columns, keywords.

    Args:
        text: The statement so far.
        word: Its last word, of which a name may have a schema or an alias before its dot.
        names: What there is.
    """
    aliases = {}
    for table, alias in _TABLE_AND_ALIAS.findall(text):
        if names.columns_of(table):
            aliases[table.lower()] = table
            if alias and alias.upper() not in KEYWORDS:
                aliases[alias.lower()] = table
    before, dot, part = word.rpartition(".")
    if dot:
        columns = names.columns_of(aliases[before.lower()]) if before.lower() in aliases else ()
        found = [f"{before}.{column}" for column in columns if column.lower().startswith(part.lower())]
        found += [name for name in _offered(names, word) if name.lower().startswith(word.lower())]
        return found
    mentioned = {column for table in set(aliases.values()) for column in names.columns_of(table)}
    found = [each for each in (*sorted(mentioned), *_offered(names, word)) if each.lower().startswith(word.lower())]
    # As it was begun: sel becomes select.
    keys = [each.lower() if word.islower() else each for each in KEYWORDS if word and each.startswith(word.upper())]
    return [*found, *keys]


def _offered(names: Names, word: str) -> list[str]:
    """The tables; the changes behind one only to who has begun their name."""
    every = [each.name for each in names.tables.values()]
    return [name for name in every if (base := name.removesuffix("_changes")) == name or word.lower() > base.lower()]
