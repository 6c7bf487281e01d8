from __future__ import annotations

from collections.abc import Callable

import pytest

from gitops_agent.manifest import marks
from gitops_agent.manifest.key import Object, ObjectKey
from gitops_agent.rollout.canary_objects import (
    ROLLOUT_HASH,
    baseline_name,
    canary_name,
    canary_service_name,
    copies,
    copy_name,
    is_made,
)

WEB, SERVICE = ObjectKey("apps", "Deployment", "shop", "web"), ObjectKey("", "Service", "shop", "web")
NAMES: list[tuple[Callable[[str], str], str, int]] = [
    (lambda name: canary_name(name, "1234"), "-c-1234", 52),
    (lambda name: baseline_name(name, "1234"), "-b-1234", 52),
    (canary_service_name, "-canary", 63),
    (lambda name: copy_name(name, "1234"), "-1234", 253),
]
"""What makes a name, how it ends, and how many characters it may have.

The pods of a Deployment have eleven characters more than its ReplicaSet, and their names become labels.
"""


@pytest.mark.parametrize(("named", "suffix", "limit"), NAMES)
def test_a_name_is_shortened_only_where_it_would_be_too_long(named: Callable[[str], str], suffix: str, limit: int) -> None:
    fits, too_long = "n" * (limit - len(suffix)), "n" * (limit - len(suffix) + 1)

    assert named(fits) == fits + suffix
    assert len(named(fits)) == limit
    assert len(named(too_long)) == limit
    assert named(too_long) != named(too_long[:-1] + "m")


@pytest.mark.parametrize("name", ["settings-1234", "settings-5678"])
def test_a_copy_for_any_of_the_versions_is_made_by_the_rollout(name: str) -> None:
    key = ObjectKey("", "ConfigMap", "shop", name)

    assert is_made(key, workload=WEB, service=SERVICE, versions=["1234", "5678"])


def test_without_a_version_a_rollout_has_made_nothing() -> None:
    canary_service = ObjectKey("", "Service", "shop", "web-canary")

    assert not is_made(canary_service, workload=WEB, service=SERVICE, versions=[])


def configuration(name: str, value: str, **annotations: str) -> Object:
    metadata = {"name": name, "namespace": "shop", "annotations": annotations}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"a": value}}


def copied(old: list[Object], new: list[Object]) -> list[Object]:
    """The copies for pods that read the ConfigMaps `a` and `b`."""
    reads = [{"configMapRef": {"name": name}} for name in ("a", "b")]
    pod = {"spec": {"containers": [{"name": "web", "envFrom": reads}]}}
    metadata = {"name": "web", "namespace": "shop"}
    web = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": {"template": pod}}
    sides = ({ObjectKey.of(obj): obj for obj in side} for side in (old, new))
    stable, target = sides
    return list(copies(web, version="1234", stable=stable, target=target))


def test_only_configuration_that_changes_is_copied() -> None:
    old = [configuration("a", "1"), configuration("b", "1"), configuration("other", "1")]
    new = [configuration("a", "2"), configuration("b", "1"), configuration("other", "2")]

    (made,) = copied(old, new)

    assert (made["metadata"]["name"], made["data"]) == ("a-1234", {"a": "2"})
    assert made["metadata"]["labels"] == {ROLLOUT_HASH: "1234"}


def test_new_configuration_needs_no_copy() -> None:
    assert copied([configuration("a", "1")], [configuration("a", "1"), configuration("b", "1")]) == []


def test_a_copy_is_not_kept_alive_by_what_the_original_asks_for() -> None:
    wishes = {marks.PRUNE: "disabled", marks.WAVE: "1", "team": "shop"}

    (made,) = copied([configuration("a", "1")], [configuration("a", "2", **wishes)])

    assert made["metadata"]["annotations"] == {"team": "shop"}
