"""The dashboard over a real socket, with hostile requests."""

from __future__ import annotations

import contextlib
import gzip
import itertools
import json
import re
import socket
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from gitops_agent.server.rights import Rights
from gitops_agent.server.routes import ROUTES, Query, Route
from gitops_agent.server.web.assets import page as shipped
from tests.server.applications import application
from tests.server.served import EVERYTHING, Served, served
from tests.waiting import eventually

pytestmark = pytest.mark.slow

PRIVATE = [route for route in ROUTES if not route.public]
WITH_BODY = [route for route in ROUTES if route.body is not None]
SHOP = "/api/v1/applications/gitops/shop"
HOSTILE_NAMES = ("%00", "%2e%2e%2f%2e%2e", "x" * 2_000, "%ff%fe", "%F0%9F%92%A5", "a%0d%0aX-Evil:%201", "<script>")


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    shop = application("shop", ready="False", reason="Degraded", health="Degraded", message="api crashes")
    with served(tmp_path_factory.mktemp("page"), application("pay"), shop) as dashboard:
        yield dashboard


def address(route: Route) -> str:
    """The path of a route, with names in place of its parameters."""
    return re.sub(r"\{(\w+)\}", lambda match: {"namespace": "gitops", "name": "shop"}.get(match[1], "x"), route.path)


def required(route: Route) -> dict[str, str]:
    """The fields that a body needs."""
    fields = route.body.model_fields.items() if route.body else ()
    return {each.alias or name: "123456789012" for name, each in fields if each.is_required()}


def by_name(route: Route) -> str:
    return route.name


@pytest.mark.parametrize("route", PRIVATE, ids=by_name)
def test_no_route_answers_without_a_session(page: Served, route: Route) -> None:
    for viewer in (None, "nobody", "admin%00", "a" * 3000):
        reply = page.ask(route.method, address(route), viewer=viewer, body=b"{}" if route.body else None)
        expected = {401} if route.body is None else {401, 422}
        assert reply.status in expected
        assert reply.json()["mode"] == ("token" if reply.status == 401 else "")
        assert reply.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("route", ROUTES, ids=by_name)
def test_no_route_answers_to_a_foreign_name(page: Served, route: Route) -> None:
    reply = page.ask(route.method, address(route), body=b"{}" if route.body else None, Host="rebound.example")

    assert reply.status == 421
    assert "rebound.example" in reply.json()["detail"]


@pytest.mark.parametrize("route", [route for route in ROUTES if route.method != "GET"], ids=by_name)
@pytest.mark.parametrize(
    "headers",
    [{"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "https://evil.example"}, {"Origin": "null"}],
    ids=str,
)
def test_nothing_is_written_for_a_page_of_another_site(page: Served, route: Route, headers: dict[str, str]) -> None:
    assert page.ask(route.method, address(route), body=b"{}" if route.body else None, **headers).status == 403


@pytest.mark.parametrize("route", WITH_BODY, ids=by_name)
def test_a_form_of_another_site_is_no_request(page: Served, route: Route) -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""):
        assert page.ask(route.method, address(route), body=b"{}", Content_Type=kind).status == 415


@pytest.mark.parametrize("route", WITH_BODY, ids=by_name)
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b"7",
        b'"x"',
        b"[" * 5_000,
        b'{"unknown":1}',
        b'{"resourceVersion":7,"token":[],"plan":{}}',
        b"\xff",
    ],
    ids=lambda body: repr(body[:12]),
)
def test_a_body_of_wrong_types_is_refused_with_its_fields(page: Served, route: Route, body: bytes) -> None:
    reply = page.ask(route.method, address(route), body=body)

    assert reply.status == 422
    assert reply.json()["reason"] == "Invalid"


@pytest.mark.parametrize("route", WITH_BODY, ids=by_name)
def test_ten_megabytes_are_not_read(page: Served, route: Route) -> None:
    connection = socket.create_connection(("127.0.0.1", page.port), timeout=60)
    head = f"POST {address(route)} HTTP/1.1\r\nHost: localhost\r\nCookie: viewer=admin\r\nContent-Type: application/json\r\n"
    with connection:
        connection.sendall(f"{head}Content-Length: 10000000\r\n\r\n".encode() + b" " * 20_000)
        assert b" 413 " in connection.recv(64)


@pytest.mark.parametrize("route", WITH_BODY, ids=by_name)
def test_ten_megabytes_that_do_not_say_so_are_cut_off(page: Served, route: Route) -> None:
    connection = socket.create_connection(("127.0.0.1", page.port), timeout=60)
    head = f"POST {address(route)} HTTP/1.1\r\nHost: localhost\r\nCookie: viewer=admin\r\nContent-Type: application/json\r\n"
    chunk = b"%x\r\n%s\r\n" % (16_384, b" " * 16_384)
    with connection:
        connection.sendall(f"{head}Transfer-Encoding: chunked\r\n\r\n".encode() + chunk)
        with contextlib.suppress(ConnectionError):  # the server ends the connection that goes on
            connection.sendall(chunk * 640)
        with contextlib.suppress(ConnectionError):
            assert connection.recv(64).startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize("route", [route for route in ROUTES if "{" in route.path], ids=by_name)
def test_no_name_in_a_path_breaks_a_route(page: Served, route: Route) -> None:
    body = json.dumps(required(route)).encode() if route.body else None
    for name, text in itertools.product(re.findall(r"\{(\w+)\}", route.path), HOSTILE_NAMES):
        reply = page.ask(route.method, address(replace(route, path=route.path.replace(f"{{{name}}}", text))), body=body)

        # The API server of these tests is away, so what could be a name is looked for in vain.
        assert (name, text, reply.status) in {(name, text, status) for status in (401, 404, 405, 422, 503)}
        assert "x-evil" not in reply.headers


TYPED = [(route, query) for route in ROUTES for query in route.query if query.type != "string"]


@pytest.mark.parametrize(("route", "query"), TYPED, ids=lambda each: each.name)
def test_a_parameter_of_the_wrong_type_is_refused(page: Served, route: Route, query: Query) -> None:
    for value in ("", "x", "-1", "1.5", "null", "TRUE", "[]", "%00", "9" * 30):
        reply = page.ask("GET", f"{address(route)}?{query.name}={value}")

        assert (value, reply.status) in {(value, 422), (value, 404)}


@pytest.mark.parametrize(
    "route", [route for route in ROUTES if route.method == "GET" and route.media == "" and not route.shared], ids=by_name
)
def test_an_unknown_parameter_is_named(page: Served, route: Route) -> None:
    reply = page.ask("GET", f"{address(route)}?nonsense=1")

    assert reply.status == 422
    assert "nonsense" in reply.json()["detail"]


@pytest.mark.parametrize("route", [route for route in PRIVATE if "{namespace}" in route.path], ids=by_name)
def test_what_is_of_another_namespace_reads_like_what_does_not_exist(page: Served, route: Route) -> None:
    page.viewers.rights["outsider"] = Rights(namespace="gitops")
    body = json.dumps(required(route)).encode() if route.body else None
    there = page.ask(route.method, address(route), viewer="outsider", body=body)
    absent = page.ask(route.method, address(route).replace("/shop", "/none"), viewer="outsider", body=body)

    assert (there.status, absent.status) == (404, 404)
    assert there.body.replace(b"shop", b"none") == absent.body


@pytest.mark.parametrize("route", ROUTES, ids=by_name)
def test_an_unknown_verb_does_nothing(page: Served, route: Route) -> None:
    allowed = {each.method for each in ROUTES if each.path == route.path}
    for method in {"PUT", "PATCH", "DELETE", "TRACE", "NONSENSE"} - allowed:
        assert (method, page.ask(method, address(route), body=b"{}").status) == (method, 405)


@pytest.mark.parametrize("kind", ["applications", "rollouts"])
def test_an_unknown_action_does_not_exist(page: Served, kind: str) -> None:
    assert page.ask("POST", f"/api/v1/{kind}/gitops/shop/actions/explode", body=b"{}").status in {404, 405}


@pytest.mark.parametrize("route", ROUTES, ids=by_name)
def test_every_answer_has_the_headers_that_keep_foreign_code_out(page: Served, route: Route) -> None:
    headers = page.ask(route.method, address(route), viewer=None, body=b"{}" if route.body else None).headers

    assert "script-src 'self'" in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("text", [b"GET /api/v1/me HTTP/1.1\r\nHost: localhost\r\n", b"", b"POST /api/v1/session HTTP/1.1\r\n"])
def test_half_a_request_is_closed(tmp_path: Path, text: bytes) -> None:
    with (
        served(tmp_path, request_seconds=0.2) as dashboard,
        socket.create_connection(("127.0.0.1", dashboard.port), timeout=60) as connection,
    ):
        connection.sendall(text)

        assert connection.recv(1) == b""


def test_a_body_that_stops_is_closed(tmp_path: Path) -> None:
    head = b"POST /api/v1/session HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{"
    with (
        served(tmp_path, request_seconds=0.2) as dashboard,
        socket.create_connection(("127.0.0.1", dashboard.port), timeout=60) as connection,
    ):
        connection.sendall(head)

        assert connection.recv(1) == b""


def test_an_idle_page_keeps_its_stream_beyond_the_deadline_of_a_request(tmp_path: Path) -> None:
    with served(tmp_path, application("shop"), request_seconds=0.2) as dashboard, dashboard.stream() as events:
        assert events.next()[0] == "hello"
        began = time.monotonic()
        eventually(lambda: time.monotonic() - began > 0.5, seconds=5, what="the deadline has passed")
        dashboard.put(application("shop", message="changed"))

        assert events.next()[0] == "rows"


def test_the_list_has_the_worst_first(page: Served) -> None:
    answer = page.ask("GET", "/api/v1/applications").json()

    names = [row[answer["columns"].index("name")] for row in answer["rows"]]
    assert names == ["shop", "pay"]
    assert (answer["total"], answer["counts"]["degraded"], answer["counts"]["healthy"]) == (2, 1, 1)


def test_the_list_comes_in_pages(page: Served) -> None:
    first = page.ask("GET", "/api/v1/applications?limit=1&sort=name").json()
    second = page.ask("GET", f"/api/v1/applications?limit=1&sort=name&continue={first['continue']}").json()

    assert [row[1] for row in (*first["rows"], *second["rows"])] == ["pay", "shop"]
    assert second["continue"] == ""


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("ready:no", ["shop"]),
        ("state:healthy", ["pay"]),
        ("crashes", ["shop"]),
        ("commit:3f2a", ["shop", "pay"]),
        ("label:team=pay ready:yes", ["pay"]),
        ("ns:other", []),
    ],
)
def test_a_filter_has_to_hold_in_every_token(page: Served, text: str, names: list[str]) -> None:
    answer = page.ask("GET", f"/api/v1/applications?filter={text.replace(' ', '+')}").json()

    assert [row[1] for row in answer["rows"]] == names


@pytest.mark.parametrize("query", ["limit=0", "limit=x", "limit=99999999999999", "continue=-1", "sort=size", "limit=%D9%A3"])
def test_a_wrong_parameter_says_what_is_right(page: Served, query: str) -> None:
    assert page.ask("GET", f"/api/v1/applications?{query}").status == 422


def test_an_unchanged_list_is_not_sent_again(page: Served) -> None:
    first = page.ask("GET", "/api/v1/applications")

    assert page.ask("GET", "/api/v1/applications", If_None_Match=first.headers["etag"]).status == 304


def test_a_list_that_another_viewer_has_got_is_sent(page: Served) -> None:
    page.viewers.rights["guest"] = Rights(namespace="gitops", names=frozenset({("get", "applications", "pay")}))
    etag = page.ask("GET", "/api/v1/applications").headers["etag"]

    assert page.ask("GET", "/api/v1/applications", viewer="guest", If_None_Match=etag).status == 200


def test_a_long_answer_is_compressed(page: Served) -> None:
    reply = page.ask("GET", "/api/v1/openapi.json", Accept_Encoding="gzip")

    assert reply.headers["content-encoding"] == "gzip"
    assert json.loads(gzip.decompress(reply.body))["openapi"] == "3.1.0"


def test_a_hidden_application_and_an_absent_one_answer_alike(page: Served) -> None:
    page.viewers.rights["guest"] = Rights(namespace="gitops", names=frozenset({("get", "applications", "pay")}))
    hidden = page.ask("GET", SHOP, viewer="guest")
    absent = page.ask("GET", "/api/v1/applications/gitops/none", viewer="guest")

    assert hidden.status == absent.status == 404
    assert hidden.body.replace(b"shop", b"none") == absent.body


def test_a_viewer_with_one_name_sees_one_row_and_counts_one(page: Served) -> None:
    page.viewers.rights["guest"] = Rights(namespace="gitops", names=frozenset({("get", "applications", "pay")}))

    answer = page.ask("GET", "/api/v1/applications", viewer="guest").json()

    assert [row[1] for row in answer["rows"]] == ["pay"]
    assert answer["counts"]["degraded"] == 0


def test_the_page_of_an_application_says_what_cannot_be_done_and_which_rule_would_allow_it(page: Served) -> None:
    page.viewers.rights["reader"] = Rights(namespace="gitops", allowed=frozenset({("list", "applications")}))

    actions = {each["verb"]: each for each in page.ask("GET", SHOP, viewer="reader").json()["actions"]}

    assert actions["sync"]["allowed"] is False
    assert "you may not patch applications" in actions["sync"]["why"]
    assert "kind: Role" in actions["sync"]["rule"]
    assert actions["resume"]["why"] == "it is not paused"


def test_the_headline_says_why_and_since_when(page: Served) -> None:
    headline = page.ask("GET", SHOP).json()["headline"]

    assert (headline["state"], headline["message"]) == ("Degraded", "api crashes")
    assert headline["commit"]["link"].startswith("https://github.com/acme/config/commit/3f2a91c0")
    assert "gitops-agent events shop -n gitops" in headline["next"]


def test_failed_sign_ins_of_an_address_are_limited(tmp_path: Path) -> None:
    with served(tmp_path) as dashboard:
        statuses = [dashboard.ask("POST", "/api/v1/session", body=b'{"token":"wrong"}').status for _ in range(7)]

        assert statuses == [401] * 5 + [429] * 2


def test_a_sign_in_sets_a_cookie_that_scripts_cannot_read(tmp_path: Path) -> None:
    with served(tmp_path) as dashboard:
        dashboard.viewers.rights["dana"] = Rights(namespace="gitops", allowed=EVERYTHING)
        reply = dashboard.ask("POST", "/api/v1/session", viewer=None, body=b'{"token":"dana"}')

        assert reply.json()["user"] == "dana"
        assert "HttpOnly; SameSite=Strict" in reply.headers["set-cookie"]


def test_an_api_server_that_does_not_answer_is_503(page: Served) -> None:
    reply = page.ask("GET", f"{SHOP}/events")

    assert (reply.status, reply.json()["reason"]) == (503, "Unavailable")


@pytest.mark.parametrize("path", ["/", "/a/gitops/shop", "/a/gitops/shop.v2/objects", "/r/gitops/web.v2", "/index.html"])
def test_every_address_of_the_page_is_the_document(page: Served, path: str) -> None:
    reply = page.ask("GET", path, viewer=None)

    assert (reply.status, reply.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert reply.body == shipped().document.body
    assert reply.headers["cache-control"] == "no-cache"
    assert page.ask("GET", path, viewer=None, If_None_Match=reply.headers["etag"]).status == 304


def test_files_of_the_page_are_kept_for_ever_and_others_do_not_exist(page: Served) -> None:
    for path, asset in shipped().assets.items():
        reply = page.ask("GET", path, viewer=None, Accept_Encoding="gzip")
        assert (reply.status, reply.headers["content-encoding"]) == (200, "gzip")
        assert gzip.decompress(reply.body) == asset.body
        assert "immutable" in reply.headers["cache-control"]
        assert "script-src 'self'" in reply.headers["content-security-policy"]

    assert page.ask("GET", "/assets/0000000000000000/page.js", viewer=None).status == 404
    assert page.ask("GET", "/assets/../../../etc/passwd", viewer=None).status == 404
