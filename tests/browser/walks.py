"""A planner's morning and every page, in Chromium. Run by `make browser`; needs Playwright, and a console to walk.

Belongs here: what a person sees and does. Does not belong: what the pages say of which number (`tests/console`).
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect, sync_playwright

CONSOLE = os.environ["CONSOLE"]
SCREENS = os.environ.get("SCREENS", "")
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
# No request of the browser's own; a machine without other hosts is slow to refuse them.
FLAGS = [
    "--no-sandbox",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
MILLISECONDS = 20_000
DESK = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}
# Where it is, and what leads on to it from there.
PAGES = {
    "overview": ["/"],
    "alerts": ["/alerts"],
    "alert": ["/alerts", "tr[data-alert] .product a"],
    "incidents": ["/incidents"],
    "stock": ["/stock"],
    "warehouse": ["/stock", "table a"],
    "sku": ["/replenish", "tr[data-line] .product a"],
    "replenish": ["/replenish"],
    "ordered": ["/replenish/ordered"],
    "order": ["/replenish", ".files a[href*='/replenish/order?']"],
    "thresholds": ["/thresholds"],
    "threshold-history": ["/thresholds/history"],
    "reports": ["/reports/"],
    "connectors": ["/connectors"],
}


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A new browser of somebody at a desk; fails on what the pages' own scripts complain of."""
    context = browser.new_context(base_url=CONSOLE, viewport=DESK, color_scheme="light")
    context.set_default_timeout(MILLISECONDS)
    found = context.new_page()
    complaints: list[str] = []
    found.on("pageerror", lambda error: complaints.append(str(error)))
    found.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    yield found
    context.close()
    assert [] == complaints


def _named(page: Page) -> None:
    page.get_by_label("You are").fill("dana")
    page.get_by_label("You are").press("Tab")


def test_a_planners_morning(page: Page):
    """What changed, a supplier's lines accepted, an alert silenced, a SKU found by a part of its name, the order."""
    page.goto("/")
    expect(page.locator("main")).to_contain_text("since yesterday")
    _named(page)
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Alerts").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("open alert")

    # One alert is known to her already: it is quiet until tomorrow.
    first = page.locator("tr[data-alert]").first
    alert = first.get_attribute("data-alert")
    product = first.locator(".product bdi").first.inner_text()
    first.get_by_label("Choose").check()
    bar = page.get_by_role("region", name="Act on the chosen alerts")
    bar.get_by_label("Why").fill("counted today, it is there")
    bar.get_by_role("button", name="Silence").click()
    row = page.locator(f'tr[data-alert="{alert}"]')
    expect(row).to_contain_text("silenced")

    # A supplier's lines, with an order number.
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Replenish").click()
    group = page.locator("tbody[data-group]").filter(has=page.locator(".name bdi")).first
    supplier = group.locator(".name bdi").inner_text()
    lines = group.locator("tr[data-line]")
    chosen = lines.evaluate_all("rows => rows.map(row => row.dataset.line)")
    units = sum(
        int(each) for each in lines.locator("[data-quantity]").evaluate_all("all => all.map(e => e.value || 0)")
    )
    group.get_by_label(re.compile(f"All lines of {re.escape(supplier)}")).check()
    bar = page.get_by_role("region", name="The lines chosen")
    bar.get_by_label("Why").fill("PO 4711")
    bar.get_by_role("button", name="Accept").click()
    for line in chosen:
        expect(page.locator(f'tr[data-line="{line}"]')).to_contain_text("accepted")

    # On paper is what she accepted.
    page.goto(f"/replenish?supplier={supplier}&show=decided")
    page.get_by_role("link", name=re.compile("Print")).first.click()
    expect(page.locator("main")).to_contain_text(f"Order to {supplier}")
    expect(page.locator("main")).to_contain_text("dana")
    expect(page.locator("main")).to_contain_text(
        re.compile(rf"{len(chosen)} lines?\s+{units:,}\b"), use_inner_text=True
    )
    assert page.pdf(format="A4").startswith(b"%PDF")

    # A customer asks for something of which she knows a part of the name.
    page.get_by_role("link", name="Stock", exact=True).first.click()
    part = product.split()[0]
    page.get_by_role("searchbox").first.fill(part)
    page.get_by_role("searchbox").first.press("Enter")
    page.get_by_role("link", name=product).first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(product)
    expect(page.locator("main")).to_contain_text("On its way")


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_whole_on_every_screen(page: Page, name: str):
    address, *steps = PAGES[name]
    page.goto(address)
    for step in steps:
        page.locator(step).first.click()
        page.wait_for_load_state()
    expect(page.get_by_role("heading", level=1)).to_be_visible()

    faults = _faults(page, f"{name}-desk")
    page.set_viewport_size(PHONE)
    faults += _faults(page, f"{name}-phone")
    page.emulate_media(color_scheme="dark")
    faults += _faults(page, f"{name}-phone-dark", only="color-contrast")

    assert [] == faults


def _faults(page: Page, name: str, only: str | None = None) -> list[str]:
    """What axe calls serious, and whether it is wider than the screen."""
    if SCREENS:
        page.screenshot(path=Path(SCREENS) / f"{name}.png", full_page=True)
    options = {"runOnly": [only]} if only else {}
    found = Axe().run(page, options=options).response["violations"]
    serious = [
        f"{name}: {each['id']}: {each['help']}: {each['nodes'][0]['html'][:200]} ({len(each['nodes'])})"
        for each in found
        if each["impact"] in ("serious", "critical")
    ]
    is_wide = page.evaluate("document.documentElement.scrollWidth > window.innerWidth")
    return [*serious, *([f"{name}: wider than the screen"] if is_wide else [])]
