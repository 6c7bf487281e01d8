from __future__ import annotations

from gitops_agent.sandbox.demo.deletion import PAGES
from gitops_agent.sandbox.demo.repository import example


def test_the_example_holds_the_pages_that_are_deleted() -> None:
    pages = {path.stem.removeprefix("page-") for path in example().glob("apps/guestbook/page-*.yaml")}

    assert pages == set(PAGES)
