"""ServiceAccounts with a few rights on ConfigMaps."""

from __future__ import annotations

from collections.abc import Sequence

from gitops_agent.cluster.objects import Objects
from gitops_agent.manifest.key import Object
from tests.roles import await_rules

_RBAC = "rbac.authorization.k8s.io"


def user(namespace: str, name: str) -> str:
    """The user name of a ServiceAccount."""
    return f"system:serviceaccount:{namespace}:{name}"


def allow(objects: Objects, namespace: str, name: str, *verbs: str, home: str = "", names: Sequence[str] = ()) -> None:
    """Lets an account of `home` use verbs on ConfigMaps of the namespace."""
    rule: Object = {"apiGroups": [""], "resources": ["configmaps"], "verbs": list(verbs)}
    if names:
        rule["resourceNames"] = list(names)
    metadata = {"namespace": namespace, "name": name}
    subject = {"kind": "ServiceAccount", "namespace": home or namespace, "name": name}
    reference = {"apiGroup": _RBAC, "kind": "Role", "name": name}
    for kind, body in (("Role", {"rules": [rule]}), ("RoleBinding", {"roleRef": reference, "subjects": [subject]})):
        objects.apply({"apiVersion": f"{_RBAC}/v1", "kind": kind, "metadata": metadata, **body})
    await_rules(objects.transport, [rule], namespace=namespace, subject=subject)
