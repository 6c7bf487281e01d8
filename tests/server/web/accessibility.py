"""What axe finds on a screen, in both looks.

Light is examined on a desk, dark on a phone.

Most of its time goes into the contrast of texts. So the document is loaded once for both looks, and on the phone those rules
run whose verdict depends on colours, on widths or on what is hidden there.
"""

from __future__ import annotations

from typing import Any

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page, ViewportSize

PHONE: ViewportSize = {"width": 360, "height": 740}
LETTERS_HIGH = 300
"""A cell of that height, in pixels, has a letter a line."""

_SEEN = ("color-contrast", "link-in-text-block", "scrollable-region-focusable")
_NAMED = (
    "aria-command-name",
    "aria-toggle-field-name",
    "button-name",
    "empty-table-header",
    "label",
    "link-name",
    "select-name",
)
_RUN = """([part, options]) => axe.run(document.querySelector(part), options).then(({ violations }) =>
  violations.flatMap(({ id, nodes }) => nodes.map(({ target, failureSummary }) => `${id}: ${target} ${failureSummary}`)))"""


def problems(page: Page, *, part: str) -> list[str]:
    """Violations of the document, and what is wider than its look.

    Args:
        page: with a screen; every `details` of it is opened.
        part: a selector, for what a phone shows and no screen before this one.
    """
    page.evaluate(AXE_SCRIPT)
    page.evaluate("for (const each of document.querySelectorAll('main details')) each.open = true")
    options: dict[str, Any] = {"resultTypes": ["violations"]}
    result: list[str] = page.evaluate(_RUN, ["html", options])
    page.set_viewport_size(PHONE)
    page.emulate_media(color_scheme="dark")
    result += page.evaluate(_RUN, [part, {**options, "preload": False, "runOnly": [*_SEEN, *_NAMED]}])
    if page.evaluate("document.documentElement.scrollWidth") > PHONE["width"]:
        result.append(f"wider than {PHONE['width']} pixels")
    cells = "each => each.filter(({ offsetHeight }) => offsetHeight > %d).map(({ textContent }) => textContent)"
    result += page.locator("th, td").evaluate_all(cells % LETTERS_HIGH)
    return result
