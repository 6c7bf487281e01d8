"""A real Chromium, and the page with example answers."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from gitops_agent.toolchain.system_packages import ProgramMissing, SystemPackages
from tests.server.web.example_server import Examples, serving

SECONDS = 60
expect.set_options(timeout=SECONDS * 1000)


@dataclass(slots=True, kw_only=True)
class Visitor:
    """A browser with the page.

    Attributes:
        url: of the server.
        examples: what it answers.
        context: of the browser, with cookies and storage of its own.
        errors: what went wrong in its pages.
    """

    url: str
    examples: Examples
    context: BrowserContext
    errors: list[str] = field(default_factory=list)

    def open(self, path: str = "/") -> Page:
        """A tab with a screen that shows its answers."""
        page = self.context.new_page()
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda message: self.errors.append(message.text) if message.type == "error" else None)
        self.visit(page, path)
        return page

    def visit(self, page: Page, path: str) -> None:
        """Shows another screen in a tab."""
        page.goto(self.url + path)
        page.locator("h1, .empty").first.wait_for()
        page.locator(".skeleton").first.wait_for(state="detached")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A browser for the tests of a module.

    Playwright keeps an event loop in the main thread, which other modules have to find free.
    """
    try:
        program = SystemPackages().find("chromium-headless-shell")
    except ProgramMissing as error:
        pytest.skip(f"no Chromium here: {error}")
    with sync_playwright() as playwright:
        sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=program, args=sandbox)
        yield browser
        browser.close()


@pytest.fixture
def visitor(chromium: Browser, request: pytest.FixtureRequest) -> Iterator[Visitor]:
    """A desktop, or what the test's options of the context say.

    An error in the page fails the test.
    """
    options = {"viewport": {"width": 1280, "height": 800}, "locale": "en-US"} | getattr(request, "param", {})
    with serving() as (url, examples):
        context = chromium.new_context(**options)
        context.set_default_timeout(SECONDS * 1000)
        visitor = Visitor(url=url, examples=examples, context=context)
        yield visitor
        context.close()
    assert visitor.errors == []
