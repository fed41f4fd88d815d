r"""The subscription filter language of Pub/Sub.

Belongs here: parse a filter, match attributes. Does not belong: when filters
apply.

    filter  := clause (AND clause)* | clause (OR clause)*     not both without ( )
    clause  := [NOT] ( "(" filter ")" | attributes:KEY
               | attributes.KEY = "v" | attributes.KEY != "v"
               | hasPrefix(attributes.KEY, "v") )

`!=` is the negation of `=`: it matches a message without the attribute.
"""

import json
import re
from collections.abc import Callable, Mapping

Matcher = Callable[[Mapping[str, str]], bool]

MAX_FILTER_BYTES = 256
_TOKEN = re.compile(r"""\s*(?:(?P<string>"(?:[^"\\]|\\.)*")|(?P<word>[A-Za-z0-9_\-/]+)|(?P<mark>!=|[=:.,()]))""")


class FilterError(ValueError):
    """A filter that the service would refuse."""


def compile_filter(text: str) -> Matcher | None:
    """Make a predicate on attributes; None for the empty filter, which matches all.

    Raises:
        FilterError: Says what was expected, and where.
    """
    if not text.strip():
        return None
    if len(text.encode()) > MAX_FILTER_BYTES:
        raise FilterError(f"filter is {len(text.encode())} bytes; at most {MAX_FILTER_BYTES}")
    parser = _Parser(text)
    matcher = parser.expression()
    parser.expect_end()
    return matcher


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens: list[tuple[str, str, int]] = []
        self._next = 0
        position = 0
        while position < len(text.rstrip()):
            match = _TOKEN.match(text, position)
            if match is None:
                raise FilterError(f"unexpected {text[position:][:10]!r} at {position} in {text!r}")
            kind = match.lastgroup or ""
            self._tokens.append((kind, match[kind], match.start(kind)))
            position = match.end()

    def expression(self) -> Matcher:
        terms = [self._clause()]
        operator = self._peek()[1] if self._peek()[1] in ("AND", "OR") else ""
        while operator and self._take(operator):
            terms.append(self._clause())
        if self._peek()[1] in ("AND", "OR"):
            raise FilterError(f"AND and OR need parentheses to be combined, in {self._text!r}")
        if len(terms) == 1:
            return terms[0]
        if operator == "AND":
            return lambda attributes: all(term(attributes) for term in terms)
        return lambda attributes: any(term(attributes) for term in terms)

    def expect_end(self) -> None:
        kind, value, position = self._peek()
        if kind != "end":
            raise FilterError(f"unexpected {value!r} at {position} in {self._text!r}")

    def _clause(self) -> Matcher:
        if self._take("NOT"):
            inner = self._clause()
            return lambda attributes: not inner(attributes)
        if self._take("("):
            matcher = self.expression()
            self._expect(")")
            return matcher
        if self._take("hasPrefix"):
            return self._has_prefix()
        self._expect("attributes")
        if self._take(":"):
            key = self._key()
            return lambda attributes: key in attributes
        self._expect(".")
        key = self._key()
        if self._take("="):
            value = self._string()
            return lambda attributes: attributes.get(key) == value
        self._expect("!=")
        value = self._string()
        return lambda attributes: attributes.get(key) != value

    def _has_prefix(self) -> Matcher:
        self._expect("(")
        self._expect("attributes")
        self._expect(".")
        key = self._key()
        self._expect(",")
        prefix = self._string()
        self._expect(")")
        return lambda attributes: key in attributes and attributes[key].startswith(prefix)

    def _key(self) -> str:
        if self._peek()[0] == "string":
            return self._string()
        key = self._word()
        # Unquoted keys may hold dots, as in attributes:iana.org/language_tag.
        while self._take("."):
            key += "." + self._word()
        return key

    def _word(self) -> str:
        kind, value, position = self._peek()
        if kind != "word":
            raise FilterError(f"an attribute key was expected at {position} in {self._text!r}")
        self._next += 1
        return value

    def _string(self) -> str:
        kind, value, position = self._peek()
        if kind != "string":
            raise FilterError(f'a "quoted" string was expected at {position} in {self._text!r}')
        self._next += 1
        try:
            return str(json.loads(value, strict=False))
        except ValueError as error:
            raise FilterError(f"bad escape in {value} at {position}: {error}") from None

    def _peek(self) -> tuple[str, str, int]:
        if self._next < len(self._tokens):
            return self._tokens[self._next]
        return ("end", "end of filter", len(self._text))

    def _take(self, value: str) -> bool:
        kind, found, _ = self._peek()
        if kind in ("word", "mark") and found == value:
            self._next += 1
            return True
        return False

    def _expect(self, value: str) -> None:
        if not self._take(value):
            _, found, position = self._peek()
            raise FilterError(f"{value!r} was expected at {position}, {found!r} was found, in {self._text!r}")
