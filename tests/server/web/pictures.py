"""Takes pictures of the dashboard over the applications of the demo.

Usage: `python -m tests.server.web.pictures docs/images`, or `make pictures`. It takes four minutes: the demo runs to its
end, then a commit deletes too much and another starts a canary, and the page is photographed while both are there.
"""

from __future__ import annotations

import re
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Page, ViewportSize, expect, sync_playwright

from gitops_agent import process
from gitops_agent.api.conditions import condition_of
from gitops_agent.cluster.client import ClusterClient
from gitops_agent.cluster.transport import Transport
from gitops_agent.sandbox.demo.cluster import Spectator
from gitops_agent.sandbox.demo.scene import NAMESPACE, ask
from gitops_agent.sandbox.demo.story import Story
from gitops_agent.server.local_dashboard import LocalDashboard
from gitops_agent.toolchain.progress import to_stderr
from gitops_agent.toolchain.system_packages import SystemPackages

SIZE: ViewportSize = {"width": 1180, "height": 720}
_TAGS = ("2.3.1", "2.4.0")
_AUTHOR = ("-c", "user.name=Ada Developer", "-c", "user.email=ada@example.com")
_PRODUCTION = "apps/shop/overlays/production/kustomization.yaml"


def main(images: Path) -> None:
    """Writes the pictures into a folder."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        story = Story(folder, to_stderr())
        try:
            story.run()
            if story.plane is not None:
                _photograph(folder, story.plane.kubeconfig, images)
        finally:
            story.close()


def _photograph(folder: Path, kubeconfig: Path, images: Path) -> None:
    spectator = Spectator(Transport.from_kubeconfig(kubeconfig))
    _git(folder, "revert", "--no-edit", _deleted(folder, "apps/guestbook/page-faq.yaml"))
    _pushed(folder, spectator, "guestbook", "Synced")
    _git(folder, "rm", "--quiet", "apps/guestbook/page-*.yaml")
    _git(folder, "commit", "--quiet", "--message", "Tidy up the guestbook")
    _pushed(folder, spectator, "guestbook", "HeldForApproval")
    laptop = LocalDashboard(ClusterClient.open(str(kubeconfig), None, NAMESPACE), everywhere=False, cluster="demo", port=0)
    laptop.start()
    try:
        with sync_playwright() as playwright:
            program = SystemPackages().find("chromium-headless-shell")
            browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
            page = browser.new_page(viewport=SIZE, device_scale_factor=1, locale="en-US", color_scheme="light")
            page.set_default_timeout(60_000)
            expect.set_options(timeout=60_000)
            page.goto(laptop.address)
            held = page.get_by_role("link", name="review plan").get_attribute("href")
            root = page.url.rstrip("/")
            _shown(page, f"{root}{held}")
            page.screenshot(path=images / "dashboard-held-plan.png")
            file = folder / "work" / _PRODUCTION
            file.write_text(file.read_text().replace(f"newTag: {_TAGS[0]}\n", f"newTag: {_TAGS[1]}\n"))
            _git(folder, "commit", "--quiet", "--all", "--message", f"Release checkout {_TAGS[1]}")
            _git(folder, "push", "--quiet", "origin", "HEAD:main")
            ask(spectator, "shop")
            _shown(page, f"{root}/r/shop/checkout?app={NAMESPACE}/shop")
            expect(page.locator(".metrics")).to_contain_text(re.compile(r"[2-9] good"))
            page.screenshot(path=images / "dashboard-rollout.png")
            _shown(page, f"{root}/")
            page.screenshot(path=images / "dashboard-overview.png")
            browser.close()
    finally:
        laptop.stop()


def _deleted(folder: Path, path: str) -> str:
    """The commit of the demo that deleted a file."""
    words = ("git", "log", "--diff-filter=D", "--format=%H", "--max-count=1", "--", path)
    return process.run(words, cwd=folder / "work").stdout.decode().strip()


def _pushed(folder: Path, spectator: Spectator, name: str, reason: str) -> None:
    """Pushes, and waits until the Application says what becomes of it."""
    _git(folder, "push", "--quiet", "origin", "HEAD:main")
    commit = process.run(("git", "rev-parse", "HEAD"), cwd=folder / "work").stdout.decode().strip()
    ask(spectator, name)

    def seen() -> bool:
        application = spectator.application(name, NAMESPACE)
        revision = ((application.get("status") or {}).get("source") or {}).get("revision")
        return revision == commit and condition_of(application, "Ready").get("reason") == reason

    spectator.until(f"{name} is {reason}", seen, seconds=120)


def _shown(page: Page, address: str) -> None:
    page.goto(address)
    page.locator("h1").first.wait_for()
    page.locator(".skeleton").first.wait_for(state="detached")


def _git(folder: Path, *arguments: str) -> None:
    process.run(("git", *_AUTHOR, *arguments), cwd=folder / "work")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
