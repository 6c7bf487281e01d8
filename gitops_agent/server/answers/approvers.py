"""Who may approve, by the bindings that the viewer may read.

Problem: a person who may not approve a held plan has to find one who may. Decision: Roles and bindings are read with the
viewer's own credentials, for a held plan alone and only when the viewer lacks the right. What the viewer may not read is left
out, and so are accounts of programs and of the system: the list names people and groups to ask, it is no proof.
"""

from __future__ import annotations

from itertools import islice

from gitops_agent.cluster.client import ClusterClient
from gitops_agent.cluster.listing import pages
from gitops_agent.errors import AgentError
from gitops_agent.manifest.key import Object
from gitops_agent.manifest.reading import items, mapping
from gitops_agent.server.plain_text import plain
from gitops_agent.server.rights import Rights, granted

_MOST = 20
_PAGE = 500
_PAGES = 20
"""Ten thousand objects of each kind, which only a mistake exceeds."""
_RBAC = "rbac.authorization.k8s.io"
_LETTERS = 120


def approvers(access: ClusterClient, rights: Rights, name: str) -> tuple[str, ...]:
    """People and groups who may approve an Application, at most twenty.

    Empty when the viewer may as well, or may not read who does.

    Args:
        access: the cluster with the viewer's credentials.
        rights: the viewer's, in the Application's namespace.
        name: of the Application.
    """
    verb = rights.missing("approve", "applications", name)
    if not verb:
        return ()
    roles = {
        (kind, str(mapping(role, "metadata").get("name")))
        for kind in ("Role", "ClusterRole")
        for role in _listed(access, kind, rights.namespace)
        if _grants(role, verb, name)
    }
    subjects = {
        f"{subject['kind']} {plain(str(subject.get('name')), _LETTERS)}"
        for kind in ("RoleBinding", "ClusterRoleBinding")
        for binding in _listed(access, kind, rights.namespace)
        if (mapping(binding, "roleRef").get("kind"), mapping(binding, "roleRef").get("name")) in roles
        for subject in items(binding.get("subjects"))
        if subject.get("kind") in ("User", "Group") and not str(subject.get("name")).startswith("system:")
    }
    return tuple(sorted(subjects)[:_MOST])


def _listed(access: ClusterClient, kind: str, namespace: str) -> list[Object]:
    try:
        resource = access.discovery.find(_RBAC, kind)
        read = pages(access.transport, resource, namespace=namespace, limit=_PAGE)
        return [obj for page in islice(read, _PAGES) for obj in page.items]
    except AgentError:
        return []


def _grants(role: Object, verb: str, name: str) -> bool:
    """Whether a role allows the verb on the Application."""
    allowed, names = granted(items(role.get("rules")))
    return (verb, "applications") in allowed or (verb, "applications", name) in names
