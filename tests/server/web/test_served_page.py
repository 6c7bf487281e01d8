"""The page over the dashboard's own server, and over a cluster."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from gitops_agent.cluster.client import ClusterClient
from gitops_agent.manifest.yaml import dump_all
from gitops_agent.server.local_dashboard import LocalDashboard
from tests.cli.cluster_env import ClusterEnv, configmap, healthy, troubled
from tests.server.applications import application
from tests.server.served import served
from tests.server.web.conftest import SECONDS

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture
def tab(chromium: Browser) -> Iterator[Page]:
    """A tab; an error in the page fails the test."""
    context = chromium.new_context(locale="en-US")
    context.set_default_timeout(SECONDS * 1000)
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    context.close()
    assert errors == []


def test_a_viewer_signs_in_and_sees_changes(tab: Page, tmp_path: Path) -> None:
    with served(tmp_path, application("pay"), application("shop.v2", ready="False", reason="Degraded")) as dashboard:
        tab.goto(f"http://127.0.0.1:{dashboard.port}/")
        tab.get_by_role("textbox", name="Token").fill("admin")
        tab.get_by_role("button", name="Sign in", exact=True).click()
        expect(tab.get_by_role("row").filter(has_text="gitops/pay")).to_contain_text("Healthy")
        expect(tab.locator(".live")).to_contain_text("live")

        dashboard.put(application("pay", ready="False", reason="CrashLoop", health="Degraded", message="exit 1", version="11"))
        expect(tab.get_by_role("row").filter(has_text="gitops/pay")).to_contain_text("exit 1")
        dashboard.remove(application("pay"))
        expect(tab.get_by_role("row").filter(has_text="gitops/pay")).to_have_count(0)

        tab.goto(f"http://127.0.0.1:{dashboard.port}/a/gitops/shop.v2/spec")
        expect(tab.get_by_role("heading", name="gitops/shop.v2")).to_be_visible()
        expect(tab.get_by_text("https://github.com/acme/config").first).to_be_visible()


@pytest.mark.cluster
def test_a_change_in_the_cluster_reaches_the_screen_and_a_click_the_cluster(tab: Page, stage: ClusterEnv) -> None:
    url = stage.repository({"flags.yaml": dump_all([configmap("flags", dark="on")])})
    commit = stage.git("rev-parse", "HEAD")
    stage.application("shop", healthy(commit), source={"repoURL": url, "ref": {"branch": "main"}, "path": "."})
    stage.owned("shop", configmap("flags", dark="off"))
    laptop = LocalDashboard(ClusterClient.open(str(stage.plane.kubeconfig), None, stage.namespace))
    laptop.start()
    try:
        tab.goto(laptop.address)
        row = tab.get_by_role("row").filter(has_text=f"{stage.namespace}/shop")
        expect(row).to_contain_text("Healthy")
        expect(tab.locator(".live")).to_contain_text("live")
        stage.status("shop", troubled("False", "Degraded", "v1/ConfigMap:flags cannot be applied"))
        expect(row).to_contain_text("v1/ConfigMap:flags cannot be applied")

        row.get_by_role("link").first.click()
        expect(tab.locator(".headline")).to_contain_text("cannot be applied")
        tab.get_by_role("tab", name="Objects").click()
        expect(tab.get_by_role("treeitem").filter(has_text="flags")).to_be_visible()
        tab.get_by_role("tab", name="Plan").click()
        expect(tab.locator(".op-changed")).to_contain_text("off")
        tab.get_by_role("button", name="Pause", exact=True).click()
        tab.get_by_role("textbox", name="Why").fill("seen in a browser")
        tab.get_by_role("dialog").get_by_role("button", name="Pause", exact=True).click()
        expect(tab.get_by_role("dialog")).to_have_count(0)
        assert "seen in a browser" in str(stage.get("shop"))
    finally:
        laptop.stop()
