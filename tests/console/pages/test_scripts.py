"""The scripts of a page share one scope: a name that two of them declare breaks the second."""

import re
from pathlib import Path

import pytest

import inventory_assets.console

STATIC = Path(inventory_assets.console.__file__).parent / "static"
OF_ALL_PAGES = "console.js"
_DECLARED = re.compile(r"^(?:async )?(?:const|let|var|function|class) (\w+|\{[^}]*\}|\[[^\]]*\])", re.MULTILINE)


@pytest.mark.parametrize("name", sorted(path.name for path in STATIC.glob("*.js") if path.name != OF_ALL_PAGES))
def test_a_page_declares_nothing_that_all_pages_have(name: str):
    shared, own = declared(OF_ALL_PAGES), declared(name)

    assert len(shared) > 20 and own
    assert set() == shared & own


def declared(name: str) -> set[str]:
    """Names at the top of a script."""
    found = _DECLARED.findall((STATIC / name).read_text())
    return {each for words in found for each in re.findall(r"\w+", words)}
