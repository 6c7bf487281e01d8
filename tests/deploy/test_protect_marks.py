"""The admission policy that lets only the agent write its marks."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gitops_agent.cluster.discovery import Discovery
from gitops_agent.cluster.objects import Objects
from gitops_agent.cluster.transport import Transport
from gitops_agent.errors import ClusterError
from gitops_agent.manifest import marks
from gitops_agent.manifest.key import AppKey, Object, ObjectKey
from gitops_agent.manifest.yaml import load_all
from gitops_agent.sandbox.controlplane import ControlPlane
from tests.deploy.conftest import ROOT
from tests.roles import await_rules
from tests.waiting import eventually

pytestmark = pytest.mark.cluster
AGENT = "system:serviceaccount:gitops-system:gitops-agent"
SHOP = AppKey("gitops-system", "shop")


def config(namespace: str, name: str, **data: str) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"namespace": namespace, "name": name},
        "data": {"key": "value", **data},
    }


def marked(obj: Object) -> Object:
    return marks.marked(obj, application=SHOP, digest="d", revision="c", seal="u.mac")


@pytest.fixture
def objects(control_plane: ControlPlane, namespace: str) -> Iterator[Objects]:
    """Of the administrator, while the policy is in force."""
    transport = Transport.from_kubeconfig(control_plane.kubeconfig)
    objects = Objects(transport, Discovery(transport))
    path = ROOT / "deploy/components/protect-marks/policy.yaml"
    policy, binding = load_all(path.read_bytes(), file=path.name)
    for obj in (policy, binding):
        obj["metadata"]["name"] = f"marks-{namespace}"
    binding["spec"]["policyName"] = policy["metadata"]["name"]
    binding["spec"]["matchResources"] = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}}}
    objects.apply(policy)
    objects.apply(binding)
    rights: Object = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {"namespace": namespace, "name": "agent"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "edit"},
        "subjects": [{"kind": "ServiceAccount", "namespace": "gitops-system", "name": "gitops-agent"}],
    }
    objects.apply(rights)
    edits = {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["create", "patch"]}
    await_rules(transport, [edits], namespace=namespace, subject=rights["subjects"][0])
    eventually(lambda: refused(objects, marked(config(namespace, "probe"))), what="the policy is in force")
    yield objects
    for obj in (binding, policy):
        live = objects.get(ObjectKey.of(obj))
        objects.delete(ObjectKey.of(obj), uid=live["metadata"]["uid"])
    transport.close()


def refused(objects: Objects, obj: Object, *, as_user: str | None = None) -> bool:
    """Whether the policy refuses the write."""
    try:
        objects.apply(obj, field_manager="kubectl", as_user=as_user, dry_run=True)
    except ClusterError as error:
        return "only the agent writes its marks" in str(error)
    return False


def test_only_the_agent_writes_marks_that_bind(objects: Objects, namespace: str) -> None:
    obj = marked(config(namespace, "one"))

    assert refused(objects, obj)
    objects.apply(obj, as_user=AGENT)

    changed = marked(config(namespace, "one"))
    changed["metadata"]["annotations"][marks.ID] += "x"
    rolled = marked(config(namespace, "one"))
    rolled["metadata"]["annotations"][marks.ROLLOUT] = "web"
    assert refused(objects, changed)
    assert refused(objects, rolled)


def test_marked_objects_may_be_edited_copied_and_released(objects: Objects, namespace: str) -> None:
    objects.apply(marked(config(namespace, "one")), as_user=AGENT)
    copied = config(namespace, "two")
    copied["metadata"] |= {name: marked(config(namespace, "one"))["metadata"][name] for name in ("labels", "annotations")}

    assert not refused(objects, marked(config(namespace, "one", more="edited")))
    assert not refused(objects, copied)
    assert not refused(objects, config(namespace, "three"))
    key = ObjectKey("", "ConfigMap", namespace, "one")
    released = objects.merge_patch(key, {"metadata": {"labels": {marks.APPLICATION: None}, "annotations": {marks.ID: None}}})
    assert marks.owner(released) is None
