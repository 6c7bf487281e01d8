from __future__ import annotations

from typing import Any

import pytest

from gitops_agent.agent.reconcile.dependencies import Dependency, circle, unmet
from gitops_agent.api.application import Application
from gitops_agent.manifest.key import Object
from tests.agent.samples import application

COMMIT = "c" * 40
URL = "https://git.example.com/config.git"


def dependent(*names: str) -> Application:
    return application("desk", dependsOn=[{"name": name} for name in names])


def known(ready: str = "True", *, url: str = URL, branch: str = "main", **fields: Any) -> Dependency:
    condition: Object = {"type": "Ready", "status": ready, "reason": "Synced" if ready == "True" else "Degraded"}
    status: Object = {"conditions": [condition], "sync": {"revision": fields.pop("revision", COMMIT)}}
    return Dependency(source={"repoURL": url, "ref": {"branch": branch}}, status=fields.pop("status", status), **fields)


def test_without_dependencies_nothing_is_unmet() -> None:
    assert unmet(dependent(), COMMIT, {}) == ""


def test_a_dependency_that_is_ready_at_the_same_commit_is_met() -> None:
    assert unmet(dependent("shop"), COMMIT, {"shop": known()}) == ""


def test_a_dependency_that_does_not_exist_is_named() -> None:
    missing = "waits for Application shop, which spec.dependsOn names and which does not exist"
    assert unmet(dependent("shop"), COMMIT, {}) == missing
    assert unmet(dependent("shop"), COMMIT, {}, {"shops", "bank"}) == f"{missing}; did you mean shops?"


@pytest.mark.parametrize(
    ("status", "reason"),
    [({}, "not reconciled yet"), ({"conditions": [{"type": "Ready", "status": "False", "reason": "Degraded"}]}, "Degraded")],
    ids=["new", "degraded"],
)
def test_a_dependency_that_is_not_ready_is_named_with_the_reason(status: Object, reason: str) -> None:
    assert (
        unmet(dependent("shop"), COMMIT, {"shop": known(status=status)}) == f"waits for Application shop to be ready ({reason})"
    )


def test_a_dependency_at_the_same_reference_must_be_at_the_same_commit() -> None:
    behind = known(revision="b" * 40)

    assert unmet(dependent("shop"), COMMIT, {"shop": behind}) == f"waits for Application shop to be synced to {COMMIT[:12]}"


def test_what_the_agent_knows_is_newer_than_what_the_status_says() -> None:
    quiet = known(revision="b" * 40, applied=COMMIT)

    assert unmet(dependent("shop"), COMMIT, {"shop": quiet}) == ""


@pytest.mark.parametrize("elsewhere", [{"url": "https://git.example.com/other.git"}, {"branch": "next"}], ids=["url", "ref"])
def test_a_dependency_at_another_reference_may_be_at_any_commit(elsewhere: dict[str, str]) -> None:
    assert unmet(dependent("shop"), COMMIT, {"shop": known(revision="b" * 40, **elsewhere)}) == ""


def test_a_dependency_that_demands_other_signatures_may_be_at_any_commit() -> None:
    ahead = known(revision="d" * 40)
    shop = application(
        "desk",
        dependsOn=[{"name": "shop"}],
        source={
            "repoURL": URL,
            "ref": {"branch": "main"},
            "verify": {"mode": "head", "secretRef": {"name": "signers"}},
        },
    )

    assert unmet(shop, COMMIT, {"shop": ahead}) == ""


def test_the_first_unmet_dependency_is_named() -> None:
    dependencies = {"shop": known(), "bank": known("False"), "till": known("False")}

    assert unmet(dependent("shop", "bank", "till"), COMMIT, dependencies).startswith("waits for Application bank ")


@pytest.mark.parametrize(
    ("needs", "expected"),
    [
        ({}, ()),
        ({"shop": ["db"]}, ()),
        ({"shop": ["shop"]}, ("shop", "shop")),
        ({"shop": ["db", "queue"], "db": ["queue"], "queue": ["shop"]}, ("shop", "queue", "shop")),
        ({"shop": ["db"], "db": ["queue"], "queue": ["db"]}, ()),
    ],
)
def test_a_circle_through_an_application_is_found(needs: dict[str, list[str]], expected: tuple[str, ...]) -> None:
    assert circle("shop", needs) == expected
