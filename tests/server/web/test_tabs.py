"""Tabs and dialogs: logs, timeline, graph, sharing, and tests of Notifiers."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.server.web.conftest import Visitor
from tests.server.web.example_server import ago, example
from tests.waiting import eventually

pytestmark = [pytest.mark.browser, pytest.mark.slow]

CHECKOUT = "/a/gitops-system/checkout"


def test_a_log_is_followed_without_lines_twice_until_the_viewer_scrolls_up(visitor: Visitor) -> None:
    page = visitor.open(f"{CHECKOUT}/logs")
    log = page.get_by_role("log")
    expect(log).to_contain_text("DB_URL is not set")
    visitor.examples.write_log(*(f"line {number}" for number in range(50)), first=3)
    expect(log).to_contain_text("line 49")
    assert log.evaluate("each => each.scrollHeight - each.scrollTop - each.clientHeight < 24")

    log.evaluate("each => each.scrollTo(0, 0)")
    expect(page.get_by_role("button", name="To the newest line")).to_be_visible()
    visitor.examples.write_log("one more error", first=54, dropped=7)
    expect(page.get_by_role("status").filter(has_text="52 lines")).to_contain_text("7 older left out")
    assert log.evaluate("each => each.scrollTop") == 0
    page.get_by_role("button", name="To the newest line").click()
    expect(log.get_by_text("one more error")).to_be_in_viewport()

    visitor.examples.end_logs()
    eventually(lambda: len(visitor.examples.log_requests) == 2, what="the page asks again")
    assert "&since=2026-11-29T11:53:50.104Z" in visitor.examples.log_requests[1]
    expect(page.get_by_role("status").filter(has_text="following")).to_be_visible()
    expect(log.locator(".log")).to_have_count(52)
    page.get_by_role("searchbox", name="Lines with").fill("ERROR")
    expect(log.locator(".log")).to_have_count(1)

    page.get_by_role("tab", name="Timeline").click()
    eventually(lambda: visitor.examples.logs == [], what="the log is no longer followed")


def test_a_log_that_may_not_be_followed_says_why_and_the_past_is_read_once(visitor: Visitor) -> None:
    problem = example("problem-hidden") | {"status": 403, "detail": "dana may not get pods/log in pay"}
    visitor.examples.answer("/applications/gitops-system/checkout/logs/apps/Deployment/pay/api", problem, 403)
    page = visitor.open(f"{CHECKOUT}/logs")
    expect(page.get_by_role("alert")).to_contain_text("dana may not get pods/log in pay")

    visitor.examples.answers.clear()
    page.get_by_role("checkbox", name="before the restart").check()
    expect(page.get_by_role("log")).to_contain_text("DB_URL is not set")
    assert visitor.examples.logs == []
    assert visitor.examples.requests[-1][1].endswith("previous=true")
    visitor.errors.clear()  # the browser reports the answer 403


def test_the_graph_of_dependencies_leads_on_by_keyboard_and_says_its_edges(visitor: Visitor) -> None:
    page = visitor.open(CHECKOUT)
    page.get_by_text("the graph of 7 applications").click()

    graph = page.get_by_role("group", name="Depends on")
    expect(graph.get_by_role("link", name="crds: Held; needs certs, hidden")).to_be_visible()
    expect(graph.get_by_role("img", name="hidden: not visible to you")).to_be_visible()
    page.keyboard.press("Tab")  # into the region, which scrolls
    page.keyboard.press("Tab")
    expect(graph.locator("a:focus")).to_contain_text("certs")
    expect(graph.get_by_role("link", name="database")).to_have_attribute("href", "/a/gitops-system/database")


def test_the_timeline_shows_figures_and_commits_that_came_with_others(visitor: Visitor) -> None:
    page = visitor.open(CHECKOUT)

    expect(page.locator(".delivery")).to_contain_text("33%")
    entry = page.locator(".entry").filter(has_text="Describe the alert")
    expect(entry).to_contain_text("came with 77b0c3d")
    assert ("GET", "/api/v1/applications/gitops-system/checkout/timeline?commits=true") in visitor.examples.requests
    page.get_by_role("link", name="plan 0ac3d9b4").click()
    expect(page).to_have_url(f"{visitor.url}{CHECKOUT}/diff?from=plan%3A0ac3d9b4e475&to=live")


def test_a_test_message_is_asked_for_and_its_answer_awaited(visitor: Visitor) -> None:
    path = "/notifiers/gitops-system/pager/actions/test"
    visitor.examples.answer(path, example("accepted") | {"written": {"metadata.annotations[x]": "asked-1"}}, 202)
    page = visitor.open("/agent")
    line = page.get_by_role("row").filter(has_text="pager")
    line.get_by_role("button", name="Send a test message to pager").click()
    expect(line).to_contain_text("waiting for the agent")
    assert visitor.examples.posted == [(f"/api/v1{path}", {})]

    agent = example("agent")
    agent["notifiers"][1]["test"] = {
        "answered": "asked-1",
        "at": ago(seconds=1),
        "delivered": False,
        "reason": "x",
        "message": "410 Gone",
    }
    visitor.examples.answer("/agent", agent)
    visitor.examples.send("agent", {"time": ago()})
    expect(line.get_by_role("status")).to_contain_text("test failed 410 Gone")
    expect(line.get_by_role("button")).to_be_enabled()


def test_a_provider_signs_in_and_leads_back(visitor: Visitor) -> None:
    problem = example("problem-signed-out") | {"mode": "oidc", "issuer": "login.example.com"}
    visitor.examples.answer("/me", problem, 401)
    visitor.examples.answer("/applications", problem, 401)
    page = visitor.context.new_page()
    page.goto(f"{visitor.url}{CHECKOUT}/plan?x=1")

    button = page.get_by_role("link", name="Sign in with login.example.com")
    expect(button).to_have_attribute("href", "/auth/login?return=%2Fa%2Fgitops-system%2Fcheckout%2Fplan%3Fx%3D1")
    expect(page.get_by_role("textbox")).to_have_count(0)


def test_a_link_is_made_and_shows_no_way_further(visitor: Visitor) -> None:
    body = example("application")
    body["actions"].append({"verb": "share", "allowed": True, "why": "", "rule": "", "command": ""})
    visitor.examples.answer("/applications/gitops-system/checkout", body)
    visitor.examples.answer("/share", {"url": "/s/link", "expires": ago(hours=-8)})
    page = visitor.open(CHECKOUT)
    page.get_by_role("button", name="Share").click()
    page.get_by_role("combobox", name="For how long").select_option("8h")
    page.get_by_role("button", name="Make a link").click()
    expect(page.get_by_role("dialog")).to_contain_text(f"{visitor.url}/s/link")
    application = {"namespace": "gitops-system", "name": "checkout"}
    assert visitor.examples.posted == [("/api/v1/share", {"application": application, "ttl": "8h"})]

    visitor.examples.requests.clear()
    shared = visitor.open("/s/link/a/gitops-system/checkout")
    expect(shared.get_by_role("heading", name="gitops-system/checkout")).to_be_visible()
    expect(shared.locator(".entry").first).to_be_visible()
    assert shared.locator("a[href^='/a/'], a[href^='/r/'], button:not(.copy)").count() == 0
    assert {path.split("/")[3] for _, path in visitor.examples.requests} == {"shared"}


def test_typing_looks_only_at_what_matched_before(visitor: Visitor) -> None:
    page = visitor.open()

    looked = page.evaluate("""async () => {
      const { $page_search: { matching } } = await import(document.querySelector("script[type=module]").src);
      let looks = 0;
      const row = (text) => ({ state: "Held", get text() { looks += 1; return text; } });
      const rows = Array.from({ length: 1000 }, (_, index) => row(index % 10 ? "pay" : "shop"));
      const after = (query) => { looks = 0; return [matching(rows, query).length, looks]; };
      return ["s", "sh", "sh state:held", "sh -state:held", "pay", "-pay", "-payx"].map(after);
    }""")

    assert looked == [[100, 1000], [100, 100], [100, 100], [0, 1000], [900, 1000], [100, 1000], [1000, 1000]]
