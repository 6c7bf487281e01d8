"""The page in a real browser, with example answers of the API."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.server.web.accessibility import problems
from tests.server.web.conftest import Visitor
from tests.server.web.example_server import ago, example
from tests.waiting import eventually

pytestmark = [pytest.mark.browser, pytest.mark.slow]

CHECKOUT = "/a/gitops-system/checkout"
HELD = "/a/gitops-system/crds/plan/ecbf211e391f"
SCREENS = (
    "/",
    CHECKOUT,
    f"{CHECKOUT}/objects",
    f"{CHECKOUT}/plan",
    f"{CHECKOUT}/logs",
    f"{CHECKOUT}/spec",
    HELD,
    "/r/shop/web",
    "/agent",
    "/s/link/a/gitops-system/checkout",
)
MORE_SCREENS = (
    f"{CHECKOUT}/diff?from=rev:77b0c3d77b0c&to=live",
    f"{CHECKOUT}/drift",
    f"{CHECKOUT}/events",
    "/r",
    "/held",
    "/drift",
    "/s/link",
    "/s/link/r/shop/web",
)
LIGHT = {"color_scheme": "light", "bypass_csp": True}
"""Without the policy of the server, for a script of the test's own."""
HOSTILE = "\"'><img src=x onerror=window.hostile=1><script>window.hostile=1</script>{{7*7}}${window.hostile=1}"
"""Would be markup, an attribute, a template or code wherever a text is not a text."""

KEPT = {
    *(
        "state",
        "columns",
        "kind",
        "verb",
        "op",
        "action",
        "phase",
        "outlook",
        "is",
        "mode",
        "epoch",
        "health",
        "ready",
        "hash",
        "short",
    ),
    *(
        "sort",
        "continue",
        "resourceVersion",
        "path",
        "uid",
        "held",
        "approval",
        "changedAt",
        "asOf",
        "source",
        "revision",
        "strategy",
    ),
    *("result", "type", "status", "provider", "verdict", "value", "plan", "rollout", "namespace", "name"),
}


def hostile(value: Any, key: str = "") -> Any:
    """An answer with hostile text in every field for people."""
    if isinstance(value, dict):
        return {name: hostile(each, name) for name, each in value.items()}
    if isinstance(value, list):
        return [hostile(each, key) for each in value]
    if isinstance(value, str) and key in ("link", "compare"):
        return "javascript:window.hostile=1"
    if isinstance(value, str) and key not in KEPT and not key.endswith(("At", "since", "Since", "until")):
        return value + HOSTILE
    return value


def row(index: int, **values: Any) -> list[Any]:
    """A row of the list."""
    columns = example("applications")["columns"]
    fields: dict[str, Any] = {
        "ns": f"team-{index % 40}",
        "name": f"app-{index:05}",
        "state": "Healthy",
        "ready": "True",
        "reason": "Synced",
        "sync": "Synced",
        "health": "Healthy",
        "message": "12 objects are as declared and healthy",
        "applied": "3f2a91c3f2a9",
        "seen": "3f2a91c3f2a9",
        "subject": "Bump api to 2.4",
        "author": "li",
        "changedAt": ago(minutes=index % 500),
        "counts": [12, 0, 0],
        "rollout": None,
        "held": "",
        "paused": None,
        "labels": {},
    }
    return [(fields | values)[column] for column in columns]


def listing(rows: list[list[Any]]) -> dict[str, Any]:
    body: dict[str, Any] = example("applications")
    return body | {"rows": rows, "total": len(rows)}


@pytest.mark.parametrize("visitor", [LIGHT], ids=["light"], indirect=True)
@pytest.mark.parametrize("path", SCREENS)
def test_every_screen_is_accessible_in_light_and_on_a_phone_in_dark(visitor: Visitor, path: str) -> None:
    assert problems(visitor.open(path), part="html" if path == "/" else "main") == []


@pytest.mark.parametrize("visitor", [{"locale": "de-DE"}], ids=["german"], indirect=True)
def test_a_browser_in_german_gets_german(visitor: Visitor) -> None:
    page = visitor.open()

    expect(page.locator("html")).to_have_attribute("lang", "de")
    expect(page.get_by_role("link", name="Anwendungen")).to_be_visible()
    expect(page.get_by_text("Gesund").first).to_be_visible()


def test_hostile_text_stays_text_on_every_screen(visitor: Visitor) -> None:
    get = visitor.examples.get

    def answer(path: str) -> tuple[int, Any]:
        status, body = get(path)
        return status, hostile(body)

    visitor.examples.get = answer  # type: ignore[method-assign]
    page = visitor.open()
    for path in (*SCREENS, *MORE_SCREENS):
        visitor.visit(page, path)
        assert (path, page.evaluate("window.hostile")) == (path, None)
        assert (path, page.locator("img, main script, [href^='javascript'], iframe").count()) == (path, 0)
    expect(page.locator("body")).to_contain_text("<img src=x")


def test_a_change_in_the_cluster_is_seen(visitor: Visitor) -> None:
    page = visitor.open()
    expect(page.locator(".live")).to_contain_text("live")

    changed = row(1, ns="gitops-system", name="flags", state="Degraded", ready="False", message="image cannot be pulled")
    visitor.examples.send("rows", {"rows": [changed]})

    line = page.get_by_role("row").filter(has_text="image cannot be pulled")
    expect(line).to_be_visible()
    expect(line).to_contain_text("Degraded")
    visitor.examples.send("gone", {"applications": [{"namespace": "gitops-system", "name": "flags"}]})
    expect(line).to_have_count(0)


def test_seven_tabs_have_one_stream_which_passes_on(visitor: Visitor) -> None:
    tabs = [visitor.open(CHECKOUT if index else "/") for index in range(7)]
    for tab in tabs:
        expect(tab.locator(".live")).to_contain_text("live")
    eventually(lambda: "app:gitops-system/checkout" in visitor.examples.topics[-1], what="the topics of all tabs")
    assert len(visitor.examples.streams) == 1

    visitor.examples.send("rows", {"rows": [row(1, ns="gitops-system", name="late")]})
    expect(tabs[0].get_by_role("row").filter(has_text="late")).to_be_visible()
    connections = len(visitor.examples.resumed)
    tabs.pop(0).close()
    eventually(lambda: len(visitor.examples.resumed) > connections, what="a stream of another tab")

    assert visitor.examples.resumed[-1].startswith("9f31c2d0-")
    eventually(lambda: len(visitor.examples.streams) == 1, what="one stream again")


def test_a_restart_with_the_page_open_is_survived(visitor: Visitor) -> None:
    page = visitor.open()
    expect(page.locator(".live")).to_contain_text("live")
    visitor.examples.accepts_streams = False
    visitor.examples.hang_up()

    banner = page.locator(".banner")
    expect(banner).to_contain_text("No connection")
    expect(page.get_by_role("row").filter(has_text="checkout")).to_be_visible()

    visitor.examples.answer("/applications", listing([row(7, name="after-the-restart")]))
    visitor.examples.epoch = "00000001"
    visitor.examples.accepts_streams = True
    expect(page.get_by_role("row").filter(has_text="after-the-restart")).to_be_visible()
    expect(page.get_by_role("row").filter(has_text="checkout")).to_have_count(0)
    expect(banner).to_have_count(0)
    visitor.errors.clear()  # the browser reports the refused connections


def test_keys_alone_lead_everywhere(visitor: Visitor) -> None:
    page = visitor.open()
    expect(page.get_by_role("row").filter(has_text="checkout")).to_be_visible()

    for key in ("j", "j", "Enter"):
        page.keyboard.press(key)
    expect(page).to_have_url(f"{visitor.url}{CHECKOUT}")
    page.keyboard.press("]")
    expect(page).to_have_url(f"{visitor.url}{CHECKOUT}/objects")
    expect(page.get_by_role("treeitem").first).to_be_visible()
    page.keyboard.press("j")
    expect(page.locator("[role=treeitem]:focus")).to_contain_text("Deployment")
    page.keyboard.press("ArrowLeft")
    expect(page.locator("[role=treeitem]:focus")).to_have_attribute("aria-expanded", "false")
    page.keyboard.press("d")
    expect(page).to_have_url(f"{visitor.url}{CHECKOUT}/plan")
    page.keyboard.press("g")
    page.keyboard.press("a")
    expect(page).to_have_url(f"{visitor.url}/agent")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_contain_text("Keyboard")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.keyboard.press("g")
    page.keyboard.press("o")
    page.keyboard.press("/")
    page.keyboard.type("is:held")
    expect(page).to_have_url(f"{visitor.url}/?q=is%3Aheld")
    page.keyboard.press("Escape")
    for key in ("j", "j", "a"):
        page.keyboard.press(key)
    expect(page).to_have_url(f"{visitor.url}{HELD}")


def test_an_approval_needs_the_digits_and_names_the_whole_plan(visitor: Visitor) -> None:
    page = visitor.open(HELD)
    button = page.get_by_role("button", name="Approve", exact=True)
    digits = page.get_by_label("Type the first 12 digits")

    expect(button).to_be_disabled()
    digits.fill("ecbf211e3910")
    expect(button).to_be_disabled()
    digits.fill("ecbf211e391f")
    button.click()

    expect(page).to_have_url(f"{visitor.url}/a/gitops-system/crds")
    assert visitor.examples.posted == [
        ("/api/v1/applications/gitops-system/crds/actions/approve", {"plan": example("plan-held")["hash"]})
    ]


def test_a_viewer_who_may_not_approve_reads_who_may(visitor: Visitor) -> None:
    application = "/api/v1/applications/gitops-system/crds"
    refused = {"verb": "approve", "allowed": False, "why": "you may not approve applications", "rule": "", "command": ""}
    (_, body), plan = visitor.examples.get(application), example("plan-held")
    visitor.examples.answers[application] = 200, body | {"actions": [refused]}
    visitor.examples.answers[f"{application}/plan"] = 200, plan | {"approvers": ["Group release", "User <b>dana</b>"]}
    page = visitor.open(HELD)

    expect(page.get_by_text("Ask one of these, who may: Group release, User <b>dana</b>")).to_be_visible()
    expect(page.get_by_role("button", name="Approve", exact=True)).to_have_count(0)


def test_a_plan_that_changed_cannot_be_approved_under_its_old_name(visitor: Visitor) -> None:
    page = visitor.open("/a/gitops-system/crds/plan/aaaaaaaaaaaa")

    expect(page.get_by_role("alert")).to_contain_text("The plan changed: aaaaaaaaaaaa is now ecbf211e391f")
    page.get_by_label("Type the first 12 digits").fill("ecbf211e391f")
    expect(page.get_by_role("button", name="Approve", exact=True)).to_be_disabled()


def test_an_action_that_is_not_allowed_says_which_rule_would_allow_it(visitor: Visitor) -> None:
    body = example("application")
    body["actions"] = [
        {"verb": "sync", "allowed": False, "why": "dana@acme may not sync", "rule": "verbs: [sync]", "command": ""}
    ]
    visitor.examples.answer("/applications/gitops-system/checkout", body)
    page = visitor.open(CHECKOUT)

    page.get_by_role("button", name="Sync").click(force=True)  # it is reachable, and not enabled

    expect(page.get_by_role("dialog")).to_contain_text("dana@acme may not sync")
    expect(page.get_by_role("dialog")).to_contain_text("verbs: [sync]")
    assert visitor.examples.posted == []


def test_a_pause_asks_why_and_names_the_version_on_the_screen(visitor: Visitor) -> None:
    page = visitor.open(CHECKOUT)
    page.get_by_role("button", name="Pause", exact=True).click()
    page.get_by_role("textbox", name="Why").fill("the database moves")
    page.get_by_role("dialog").get_by_role("button", name="Pause", exact=True).click()

    expect(page.get_by_role("dialog")).to_have_count(0)
    path, body = visitor.examples.posted[0]
    assert path.endswith("/checkout/actions/pause")
    assert body == {"resourceVersion": example("application")["resourceVersion"], "reason": "the database moves", "for": "1h"}


def test_a_session_that_ended_leads_to_the_sign_in_and_back(visitor: Visitor) -> None:
    visitor.examples.answer("/me", example("problem-signed-out"), 401)
    visitor.examples.answer("/applications", example("problem-signed-out"), 401)
    page = visitor.open()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()

    visitor.examples.answers.clear()
    page.get_by_role("textbox", name="Token").fill("made-up")
    page.get_by_role("button", name="Sign in", exact=True).click()

    expect(page.get_by_role("row").filter(has_text="checkout")).to_be_visible()
    assert visitor.examples.posted == [("/api/v1/session", {"token": "made-up"})]
    visitor.errors.clear()  # the browser reports the answers 401


def test_states_without_rows_say_what_to_do(visitor: Visitor) -> None:
    visitor.examples.answer("/applications", listing([]))
    page = visitor.open()
    expect(page.locator(".empty")).to_contain_text("gitops-agent create")

    visitor.examples.answer(
        "/me", example("me") | {"rights": [{"namespace": "prod", "sees": False, "verbs": [], "incomplete": False}]}
    )
    visitor.visit(page, "/")
    expect(page.locator(".empty")).to_contain_text("You are dana@acme in dev, system:authenticated. You may not list")

    visitor.examples.answers.clear()
    visitor.visit(page, "/?q=checkout%20ns%3Anowhere")
    expect(page.locator(".empty")).to_contain_text("Without ns:nowhere: 1 matches")
    page.get_by_role("button", name="Without ns:nowhere").click()
    expect(page.get_by_role("row").filter(has_text="checkout")).to_be_visible()


def test_a_screen_without_an_answer_has_its_name_a_way_back_and_another_try(visitor: Visitor) -> None:
    problem = example("problem-hidden") | {"status": 503, "detail": "etcdserver: request timed out"}
    visitor.examples.answer("/rollouts/shop/web", problem, 503)
    page = visitor.open("/r/shop/web")
    expect(page.get_by_role("heading", level=1, name="shop/web")).to_be_visible()
    expect(page.get_by_role("link", name="Back")).to_have_attribute("href", "/r")
    expect(page.get_by_role("alert")).to_contain_text("etcdserver: request timed out")

    visitor.examples.answers.clear()
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("heading", name="Metrics")).to_be_visible()
    visitor.errors.clear()  # the browser reports the answer 503


def test_ten_thousand_rows_and_five_thousand_objects_are_few_elements(visitor: Visitor) -> None:
    rows = [row(index, **({"state": "Degraded", "ready": "False"} if index % 997 == 5 else {})) for index in range(10_000)]
    visitor.examples.answer("/applications", listing(rows))
    page = visitor.open("/?group=none&sort=name")
    expect(page.get_by_role("row").first).to_be_visible()
    assert page.get_by_role("row").count() < 80
    page.keyboard.press("End")
    expect(page.get_by_role("row").filter(has_text="team-9/app-09969")).to_be_visible()
    assert page.get_by_role("row").count() < 80
    page.get_by_role("searchbox").fill("state:degraded")
    expect(page.get_by_role("status").filter(has_text="of 10,000 applications")).to_contain_text("11 of")

    tree = example("tree")
    node = tree["nodes"][1]
    tree["nodes"] = [
        node | {"health": "Degraded", "object": node["object"] | {"name": f"api-{index:04}"}} for index in range(5_000)
    ]
    visitor.examples.answer("/applications/gitops-system/checkout/tree", tree)
    visitor.visit(page, f"{CHECKOUT}/objects")
    assert page.get_by_role("treeitem").count() < 80
    page.get_by_role("treeitem").first.focus()
    page.keyboard.press("End")
    expect(page.locator("[role=treeitem]:focus")).to_contain_text("api-4999")
    assert page.get_by_role("treeitem").count() < 80


def test_the_first_screen_takes_eight_requests(visitor: Visitor) -> None:
    page = visitor.context.new_page()
    requested: list[str] = []
    page.on("request", lambda request: requested.append(request.url))
    page.goto(visitor.url)
    expect(page.get_by_role("row").filter(has_text="checkout")).to_be_visible()
    expect(page.locator(".live")).to_contain_text("live")
    page.wait_for_function("performance.getEntriesByType('resource').some(each => each.name.endsWith('/details.js'))")

    assert len(requested) <= 8, requested


def test_secrets_are_numbers_and_sides_can_stand_beside_each_other(visitor: Visitor) -> None:
    page = visitor.open(f"{CHECKOUT}/diff?from=rev:77b0c3d77b0c&to=rev:3f2a91c3f2a9")
    password = page.get_by_role("row").filter(has_text="password")
    expect(password).to_contain_text("••• #1")
    expect(password).to_contain_text("••• #2")

    page.get_by_role("button", name="Side by side").click()
    expect(page.locator(".diff-split")).to_be_visible()
    old, new = (page.locator(f".op-changed .side-{side}").first.bounding_box() for side in ("old", "new"))
    assert old is not None
    assert new is not None
    assert old["y"] == new["y"]
    expect(page.locator("caption").first).to_contain_text("containers[api]")
