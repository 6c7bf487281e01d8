"""The graph around an Application, as the API answers it."""

from __future__ import annotations

from pathlib import Path

from gitops_agent.manifest.key import AppKey, Object
from gitops_agent.server.answers.dependencies import levels_of
from gitops_agent.server.rights import Rights
from tests.server.applications import application
from tests.server.served import served


def needing(name: str, *others: str) -> Object:
    app = application(name)
    return {**app, "spec": {**app["spec"], "dependsOn": [{"name": other} for other in others]}}


def test_the_graph_goes_both_ways_and_ends_at_what_is_hidden(tmp_path: Path) -> None:
    apps = [
        needing("api", "db", "crds"),
        needing("db", "crds"),
        needing("crds", "secret"),
        needing("web", "api"),
        needing("alone"),
    ]
    with served(tmp_path, *apps, needing("secret", "behind"), needing("behind")) as dashboard:
        shown = frozenset(("get", "applications", name) for name in ("api", "db", "crds", "web", "alone"))
        dashboard.viewers.rights["dana"] = Rights(namespace="gitops", names=shown)
        graph = dashboard.ask("GET", "/api/v1/applications/gitops/api", viewer="dana").json()["graph"]
        alone = dashboard.ask("GET", "/api/v1/applications/gitops/alone").json()["graph"]

    assert [(each["level"], each["name"], each["needs"], each["exists"]) for each in graph] == [
        (-2, "secret", [], False),
        (-1, "crds", ["secret"], True),
        (-1, "db", ["crds"], True),
        (0, "api", ["db", "crds"], True),
        (1, "web", ["api"], True),
    ]
    assert alone == []


def test_a_circle_and_a_long_chain_end() -> None:
    keys = [AppKey("gitops", f"app-{number:04}") for number in range(500)]
    needs = {key: [keys[(index + 1) % 500]] for index, key in enumerate(keys)}

    assert len(levels_of(keys[0], needs, {})) == 80
    assert levels_of(keys[0], {keys[0]: [keys[1]], keys[1]: [keys[0]]}, {}) == {keys[0]: 0, keys[1]: -1}
