"""Commands that somebody may paste into a shell: the one place where one is written with data in it. Pure.

An id is whatever a sender wrote (RULES 4), such as `$(touch x)`; what is printed is pasted.
"""

import re
import shlex

from inventory_assets.words.text import is_unseen

_PLACE = re.compile(r"\{\}")


def command(line: str, *values: object) -> str:
    """A command line with `values` in the places of its `{}`, as a shell hands them on unchanged.

    `command("inventory why-not {} {}", warehouse_id, sku)`. A value that looks like an option is kept from being
    one: `--` goes before the first place that no option names.
    """
    words = line.split(" ")
    taken = iter(values)
    shown: list[str] = []
    guarded = any(str(value).startswith("-") for value in values)
    for number, word in enumerate(words):
        is_free = word == "{}" and not words[number - 1].startswith("--")
        if is_free and guarded and "--" not in shown:
            shown.append("--")
        shown.append(_PLACE.sub(lambda _: quoted(str(next(taken))), word))
    if next(taken, None) is not None:
        raise ValueError(f"more values than places in {line!r}")
    return " ".join(shown)


def quoted(text: str) -> str:
    """One word of a command, for sh, bash, zsh and fish alike, on one line and nothing in it invisible.

    Invisible characters are bytes of `$'...'`, which bash and zsh read and other shells
    refuse: no quote is inside, so none of them runs what follows.
    """
    if any(is_unseen(character) for character in text):
        return f"$'{''.join(_escaped(character) for character in text)}'"
    # fish takes a backslash in quotes for an escape; outside of them all shells do.
    return shlex.quote(text).replace("\\", "'\\\\'")


def _escaped(character: str) -> str:
    if character not in "'\\" and not is_unseen(character):
        return character
    return "".join(f"\\x{byte:02x}" for byte in _bytes(character))


def _bytes(character: str) -> bytes:
    # A file's name that is no UTF-8 comes as half surrogates.
    return character.encode(errors="surrogateescape" if "\udc80" <= character <= "\udcff" else "surrogatepass")
