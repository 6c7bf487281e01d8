"""`gitops-agent dashboard` on a real control plane and repository."""

from __future__ import annotations

import base64
import http.client
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest

from gitops_agent.cluster.client import ClusterClient
from gitops_agent.manifest.yaml import dump_all
from gitops_agent.server.local_dashboard import LocalDashboard
from gitops_agent.server.routes import ROUTES
from tests.cli.cluster_env import PLAN, ClusterEnv, configmap, healthy, troubled
from tests.waiting import eventually

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

CANARY = "canary-5e0f61c7-do-not-show"
ENCODED = base64.b64encode(CANARY.encode()).decode()


@dataclass
class Browser:
    """A browser with its cookie."""

    port: int
    cookie: str = ""

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=90)
        headers = {"Cookie": self.cookie} | ({"Content-Type": "application/json"} if body is not None else {})
        try:
            connection.request(method, path, body=None if body is None else json.dumps(body), headers=headers)
            answer = connection.getresponse()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
        finally:
            connection.close()

    def get(self, path: str) -> Any:
        status, _, body = self.ask("GET", path)
        assert status == 200, body
        return json.loads(body)


@contextmanager
def opened(stage: ClusterEnv) -> Iterator[Browser]:
    access = ClusterClient.open(str(stage.plane.kubeconfig), None, stage.namespace)
    laptop = LocalDashboard(access)
    laptop.start()
    try:
        address = urlsplit(laptop.address)
        browser = Browser(int(address.port or 0))
        status, headers, _ = browser.ask("GET", f"/?{address.query}")
        assert (status, headers["location"]) == (303, "/")
        browser.cookie = headers["set-cookie"].partition(";")[0]
        yield browser
    finally:
        laptop.stop()


def address_of(path: str, stage: ClusterEnv) -> str:
    names = {
        "namespace": stage.namespace,
        "name": "shop",
        "group": "core",
        "kind": "Secret",
        "objectNamespace": stage.namespace,
        "object": "db",
        "share": "x",
    }
    return re.sub(r"\{(\w+)\}", lambda match: names[match[1]], path)


def secret(value: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": "db",
            "annotations": {"kubectl.kubernetes.io/last-applied-configuration": json.dumps({"v": value})},
        },
        "data": {"password": base64.b64encode(value.encode()).decode()},
    }


def test_no_route_shows_a_value_of_a_secret(stage: ClusterEnv) -> None:
    declared = {**secret("another-" + CANARY), "stringData": {"extra": CANARY}}
    declared["metadata"] = {"name": "db"}
    url = stage.repository({"db.yaml": dump_all([declared, configmap("flags")])})
    first = stage.git("rev-parse", "HEAD")
    stage.application("shop", source={"repoURL": url, "ref": {"branch": "main"}, "path": "."})
    status = healthy(first)
    stage.status("shop", status)
    stage.owned("shop", secret(CANARY))
    texts = [CANARY, ENCODED, ENCODED[:16], base64.b64encode(("another-" + CANARY).encode()).decode()]
    with opened(stage) as browser:
        for route in ROUTES:
            if route.method != "GET" or route.name == "stream":
                continue
            path = address_of(route.path, stage)
            extra = "?from=rev:HEAD&to=live" if route.name == "diff" else ""
            code, _, body = browser.ask("GET", path + extra)
            assert code in (200, 404), (route.name, body)
            assert [text for text in texts if text in body.decode()] == [], route.name
        plan = browser.get(f"/api/v1/applications/{stage.namespace}/shop/plan")
        shown = browser.get(
            address_of("/api/v1/applications/{namespace}/{name}/objects/{group}/{kind}/{objectNamespace}/{object}", stage)
        )
    (changed,) = [each for each in plan["objects"] if each["object"]["kind"] == "Secret"]
    assert {row["secret"] for hunk in changed["hunks"] for row in hunk["rows"] if hunk["path"] == ["data"]} == {True}
    assert "<secret #" in shown["yaml"]


def test_two_commits_are_compared_by_field(stage: ClusterEnv) -> None:
    url = stage.repository({"flags.yaml": dump_all([configmap("flags", dark="off")])})
    first = stage.git("rev-parse", "HEAD")
    stage.write({"flags.yaml": dump_all([configmap("flags", dark="on")])})
    second = stage.commit("Dark")
    stage.application("shop", healthy(second), source={"repoURL": url, "ref": {"branch": "main"}, "path": "."})
    with opened(stage) as browser:
        path = f"/api/v1/applications/{stage.namespace}/shop/diff"
        diff = browser.get(f"{path}?from=rev:{first}&to=rev:{second}")
        wrong = browser.ask("GET", f"{path}?from=live&to=live")[0]

    (changed,) = diff["objects"]
    assert changed["hunks"][0]["path"] == ["data"]
    assert changed["hunks"][0]["rows"][0] | {"path": ""} == {
        "field": "dark",
        "path": "",
        "op": "changed",
        "old": "off",
        "new": "on",
        "secret": False,
    }
    assert wrong == 422


def test_the_timeline_has_the_commits_that_touched_what_the_application_reads(stage: ClusterEnv) -> None:
    overlay = dump_all([{"resources": ["../../base"]}])
    files = {"base/kustomization.yaml": dump_all([{"resources": ["flags.yaml"]}]), "overlays/prod/kustomization.yaml": overlay}
    url = stage.repository({**files, "base/flags.yaml": dump_all([configmap("flags", dark="off")]), "other/a": "1"})
    stage.write({"base/flags.yaml": dump_all([configmap("flags", dark="on")])})
    base = stage.commit("Dark")
    stage.write({"other/a": "2"})
    stage.commit("Elsewhere")
    stage.write({"base/flags.yaml": dump_all([configmap("flags", dark="dim")])})
    last = stage.commit("Dim")
    synced = {"revision": last, "result": "Synced", "started": "2099-01-01T00:00:00Z", "duration": "3s", "plan": "e" * 32}
    source = {"repoURL": url, "ref": {"branch": "main"}, "path": "overlays/prod"}
    stage.application("shop", healthy(last) | {"history": [synced]}, source=source)
    with opened(stage) as browser:
        path = f"/api/v1/applications/{stage.namespace}/shop"
        plain = browser.get(f"{path}/timeline")
        whole = browser.get(f"{path}/timeline?commits=true")
        of_plan = browser.get(f"{path}/diff?from=plan:{'e' * 12}&to=rev:{base}")
        forgotten = browser.ask("GET", f"{path}/diff?from=plan:{'f' * 12}&to=live")[0]
        wrong = browser.ask("GET", f"{path}/timeline?commits=true&before=yesterday")[0]

    assert [entry["kind"] for entry in plain["entries"]] == ["sync"]
    shown = [(each["kind"], each["commit"]["subject"], each["appliedWith"]) for each in whole["entries"]]
    assert shown[0] == ("sync", "Release 1.5.0", "")
    assert shown[1:] == [("commit", "Dark", last[:12]), ("commit", "The first commit", last[:12])]
    assert (whole["skipped"], whole["before"], whole["problem"]) == (1, "", "")
    (changed,) = of_plan["objects"]
    assert (changed["hunks"][0]["rows"][0]["old"], changed["hunks"][0]["rows"][0]["new"]) == ("dim", "on")
    assert of_plan["from"]["label"] == "plan " + "e" * 12
    assert (forgotten, wrong) == (404, 422)


def test_the_timeline_says_what_became_of_each_deployment_and_the_figures(stage: ClusterEnv) -> None:
    now = datetime.now(UTC)

    def moment(hours: float) -> str:
        return f"{now - timedelta(hours=hours):%Y-%m-%dT%H:%M:%SZ}"

    live = {"committedAt": moment(2), "live": moment(1)}
    failed = {**live, "failed": moment(1), "failure": "Degraded", "recovered": moment(0.5), "rework": True}
    entries = [
        {"revision": "b" * 40, "result": "Synced", "started": moment(1), **failed},
        {"revision": "a" * 40, "result": "Synced", "started": moment(3), "live": moment(3)},
    ]
    stage.application("shop", healthy() | {"history": entries})
    with opened(stage) as browser:
        timeline = browser.get(f"/api/v1/applications/{stage.namespace}/shop/timeline")

    newest, oldest = (entry for entry in timeline["entries"] if entry["kind"] == "sync")
    assert (newest["outcome"], newest["failure"], newest["rework"]) == ("failed", "Degraded", True)
    assert (newest["leadTimeSeconds"], newest["recoverySeconds"]) == (3600, 1800)
    assert (newest["liveAt"], newest["commit"]["committedAt"]) == (moment(1), moment(2))
    assert (oldest["outcome"], oldest["leadTimeSeconds"]) == ("succeeded", None)
    assert timeline["delivery"] == {
        "days": 30,
        "since": moment(3),
        "deployments": 2,
        "perDay": 2,
        "leadTimeSeconds": 3600,
        "failed": 1,
        "changeFailRate": 0.5,
        "recoverySeconds": 1800,
        "reworkRate": 0.5,
    }


def test_an_action_writes_what_its_command_writes_and_never_blindly(stage: ClusterEnv) -> None:
    stage.application("shop", troubled("False", "HeldForApproval", "7 objects would go"))
    status = stage.get("shop")["status"]
    stage.status("shop", {**status, "sync": {**status["sync"], "plan": PLAN}})
    actions = f"/api/v1/applications/{stage.namespace}/shop/actions"
    with opened(stage) as browser:
        version = str(stage.get("shop")["metadata"]["resourceVersion"])
        held = [item for item in browser.get("/api/v1/held")["items"] if item["application"]["namespace"] == stage.namespace]
        assert browser.ask("POST", f"{actions}/approve", {"plan": "f" * 12})[0] == 422
        code, _, body = browser.ask("POST", f"{actions}/approve", {"plan": PLAN[:12]})
        assert code == 202, body
        late = browser.ask("POST", f"{actions}/pause", {"resourceVersion": version, "reason": "look"})
        fresh = json.loads(body)["resourceVersion"]
        paused = browser.ask("POST", f"{actions}/pause", {"resourceVersion": fresh, "reason": "look", "for": "2h"})
        refused = browser.ask("POST", f"{actions}/sync", {"resourceVersion": json.loads(paused[2])["resourceVersion"]})

    live = stage.get("shop")
    assert [item["hash"] for item in held] == [PLAN]
    assert live["metadata"]["annotations"]["gitops-agent.dev/approved-plan"] == PLAN
    assert (late[0], json.loads(late[2])["reason"]) == (409, "Conflict")
    assert (paused[0], live["spec"]["suspend"]["reason"]) == (202, "look")
    assert refused[0] == 422


def test_a_change_in_the_cluster_reaches_the_stream(stage: ClusterEnv) -> None:
    stage.application("shop", healthy())
    with opened(stage) as browser:
        connection = http.client.HTTPConnection("127.0.0.1", browser.port, timeout=60)
        connection.request("GET", "/api/v1/stream", headers={"Cookie": browser.cookie})
        answer = connection.getresponse()
        stage.status("shop", troubled("False", "Degraded", "the api crashes"))
        lines: list[str] = []

        def arrived() -> bool:
            lines.append(answer.readline().decode())
            return "the api crashes" in lines[-1]

        eventually(arrived, what="the row")
        connection.close()


def test_the_code_of_the_address_opens_one_session(stage: ClusterEnv) -> None:
    stage.application("shop", healthy())
    access = ClusterClient.open(str(stage.plane.kubeconfig), None, stage.namespace)
    laptop = LocalDashboard(access)
    laptop.start()
    try:
        address = urlsplit(laptop.address)
        browser = Browser(int(address.port or 0))
        statuses = [browser.ask("GET", f"/?{address.query}")[0] for _ in range(2)]
        wrong = browser.ask("GET", "/?code=wrong")[0]
    finally:
        laptop.stop()

    assert (statuses, wrong) == ([303, 401], 401)
