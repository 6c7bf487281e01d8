"""The leader is killed while a browser shows its dashboard.

Two replicas, the Service before them, and a Chromium that is signed in.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from gitops_agent.sandbox.controlplane import ControlPlane
from tests.acceptance.installed_agent import SECONDS, InstalledAgent
from tests.acceptance.objects import config_map, files
from tests.acceptance.tenant import Tenant
from tests.server.web.leader_service import LeaderService, create_pod
from tests.waiting import eventually

pytestmark = [pytest.mark.cluster, pytest.mark.slow, pytest.mark.faults]

SETTINGS = {"dashboard__enabled": "true", "dashboard__address": "127.0.0.1", "dashboard__port": "0"}
WAIT = SECONDS * 1000  # in milliseconds


@pytest.fixture
def own(control_plane: ControlPlane, namespace: str, tmp_path: Path) -> Iterator[Tenant]:
    """A team of an installation in which nothing runs yet."""
    with InstalledAgent(control_plane, f"agent-{uuid.uuid4().hex[:8]}", tmp_path / "installed") as installed:
        tenant = Tenant(installed, None, namespace, tmp_path / "team")
        yield tenant
        tenant.close()


def test_a_page_survives_the_death_of_the_leader_and_shows_what_the_next_one_does(own: Tenant, chromium: Browser) -> None:
    for name in ("one", "two"):
        create_pod(own.plane, own.installed.namespace, name)
    replicas = {name: own.installed.start(name, settings=SETTINGS) for name in ("one", "two")}
    service = LeaderService(own.installed, replicas)
    (leader,) = own.until(service.leaders, "a pod is labelled")
    (follower,) = set(replicas) - {leader}
    own.agent = replicas[leader]
    first = own.commit(files(config_map("good")))
    own.declare()
    own.settled(first)
    token = own.installed.administrator("dana")
    failures: list[str] = []
    with service.serving() as url, chromium.new_context(viewport={"width": 1280, "height": 800}, locale="en-US") as context:
        context.set_default_timeout(WAIT)
        context.on("weberror", lambda each: failures.append(str(each.error)))
        overview, application = context.new_page(), context.new_page()
        sign_in(overview, url, token)
        application.goto(f"{url}/a/{own.installed.namespace}/{own.name('app')}")
        expect(application.get_by_role("main")).to_contain_text(first[:7], timeout=WAIT)
        for page in (overview, application):
            page.evaluate("window.loadedOnce = true")
            expect(page.locator(".live")).to_contain_text("live", timeout=WAIT)

        replicas[leader].kill()
        for page in (overview, application):
            expect(page.locator(".banner")).to_contain_text("No connection", timeout=WAIT)
        expect(overview.get_by_role("row").filter(has_text=own.name("app"))).to_be_visible()

        own.agent = replicas[follower]
        second = own.commit(files(config_map("good", key="newer")))
        own.settled(second)
        for page in (overview, application):
            expect(page.get_by_role("main")).to_contain_text(second[:7], timeout=WAIT)
            expect(page.locator(".banner")).to_have_count(0, timeout=WAIT)
            assert page.evaluate("window.loadedOnce"), "the page was not loaded anew"
    assert failures == []
    eventually(lambda: follower in service.leaders(), what="the label of the next leader")


def sign_in(page: Page, url: str, token: str) -> None:
    """Signs in with a token, which the browser keeps."""
    page.goto(url)
    page.get_by_role("textbox", name="Token").fill(token)
    page.keyboard.press("Enter")
    expect(page.get_by_role("treegrid")).to_be_visible(timeout=WAIT)
