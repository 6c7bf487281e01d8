from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from gitops_agent.cluster.objects import Objects
from gitops_agent.errors import UsageError
from gitops_agent.install import bundle
from gitops_agent.install.installed import Installed, missing, take_over
from gitops_agent.manifest.fields import owned
from gitops_agent.manifest.key import Object, ObjectKey

ROOT: Object = {
    "metadata": {"name": "root", "namespace": "gitops-system"},
    "spec": {"source": {"repoURL": "https://git.example.com/config.git", "path": "clusters/a"}},
}


def installed(image: str = "", root: Object | None = None) -> Installed:
    return Installed(image=image, root=root, managed=False)


@pytest.mark.parametrize(
    ("image", "version"),
    [
        ("registry.example.com:5000/agent:0.0.9", "0.0.9"),
        ("agent:v1.2@sha256:" + "a" * 64, "1.2"),
        ("agent:mine", ""),
        ("registry.example.com:5000/agent", ""),
        ("", ""),
    ],
)
def test_the_version_is_the_tag_where_it_is_one(image: str, version: str) -> None:
    assert installed(image).version == version


def test_a_newer_agent_is_not_replaced_and_an_older_one_is() -> None:
    installed("agent:0.0.9").check(ROOT)
    installed("agent:mine").check(ROOT)

    with pytest.raises(UsageError, match=r"the agent agent:99\.0\.0 is newer than this program"):
        installed("agent:99.0.0").check(ROOT)


@pytest.mark.parametrize(("field", "value"), [("path", "clusters/b"), ("repoURL", "https://git.example.com/other.git")])
def test_an_application_that_follows_something_else_is_named(field: str, value: str) -> None:
    other = {**ROOT, "spec": {"source": {**ROOT["spec"]["source"], field: value}}}
    installed(root=ROOT).check(ROOT)

    with pytest.raises(UsageError, match=f"Application root in gitops-system follows the {field} {value}"):
        installed(root=other).check(ROOT)


@pytest.fixture
def role(objects: Objects) -> Iterator[Object]:
    """A role that an earlier installation applied."""
    role: Object = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": f"agent-{uuid.uuid4().hex[:8]}", "labels": {"earlier": "yes"}},
        "rules": [],
    }
    bundle.install(objects, [role], lambda _key, _changed: None)
    yield role
    key = ObjectKey.of(role)
    objects.delete(key, uid=str(objects.get(key)["metadata"]["uid"]))


@pytest.mark.cluster
def test_what_an_earlier_installation_owns_is_the_agents_afterwards(objects: Objects, role: Object) -> None:
    changes: list[bool] = []
    current: Object = {**role, "metadata": {"name": role["metadata"]["name"]}}

    for _ in range(2):
        take_over(objects, [current], lambda _key, changed: changes.append(changed))

    live = objects.get(ObjectKey.of(role))
    assert changes == [True, False]
    assert owned(live, bundle.FIELD_MANAGER) is None
    assert owned(live) is not None


@pytest.mark.cluster
def test_only_what_is_not_there_is_missing(objects: Objects, role: Object) -> None:
    absent: Object = {**role, "metadata": {"name": "no-such-role"}}

    assert missing(objects, [role, absent]) == [absent]
