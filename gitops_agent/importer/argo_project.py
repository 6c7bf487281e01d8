"""What guards an AppProject of Argo CD, as RBAC and settings.

A project restricts sources, destinations, kinds and people. Here the agent restricts sources by a setting, and the cluster
restricts the rest by RBAC: an account that writes for the Applications, with a Role in each namespace they deploy to, and a
Role on the Applications for each group of people. RBAC only allows, so what a project denies is named in the report.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase

from gitops_agent.importer.context import ImportContext
from gitops_agent.importer.conversion import Conversion, Remark
from gitops_agent.importer.field_table import Meaning
from gitops_agent.manifest.key import Object
from gitops_agent.manifest.kinds import GROUP, RBAC, SERVICE_ACCOUNT
from gitops_agent.manifest.reading import items, mapping

_DENIED = "!"
_ANY = "*"
_WRITE = ("get", "list", "watch", "create", "update", "patch", "delete")
_VERBS: Mapping[str, tuple[str, ...]] = {
    "get": ("get",),
    "create": (),
    "update": ("update", "patch"),
    "override": ("update", "patch"),
    "delete": ("delete",),
    "sync": ("sync", "retry"),
    "action": ("promote", "abort"),
}
"""Verbs on Applications by the action of Argo CD; creation is not limited by names in RBAC."""
_POLICY_FIELDS = 6
_PLURALS = {"Endpoints": "endpoints", _ANY: _ANY}


def convert(project: Object, context: ImportContext, applications: Iterable[Conversion]) -> Conversion:
    """The manifests and settings that guard what a project guards.

    Args:
        project: an AppProject.
        context: where its Applications go.
        applications: what the Applications of all projects became.
    """
    name, spec, remarks = str(project["metadata"]["name"]), mapping(project, "spec"), list[Remark]()
    own = [
        resource for conversion in applications if _project_of(conversion.source) == name for resource in conversion.resources
    ]
    manifests = [*_people(name, spec, own, context, remarks)]
    if _restricts(spec):
        manifests += _account(name, spec, own, context, remarks)
    allowed = [str(repository) for repository in spec.get("sourceRepos") or () if not str(repository).startswith(_DENIED)]
    if any(str(repository).startswith(_DENIED) for repository in spec.get("sourceRepos") or ()):
        remarks.append(Remark(theirs="spec.sourceRepos", meaning=Meaning.NONE, note="a setting only allows: `!` is left out"))
    settings = {"source": {"allowedRepositories": allowed}} if allowed and _ANY not in allowed else {}
    return Conversion(source=project, remarks=tuple(remarks), manifests=tuple(manifests), settings=settings)


def _project_of(application: Object) -> str:
    return str(mapping(application, "spec").get("project") or "default")


def _restricts(spec: Object) -> bool:
    """Whether it restricts where and what its Applications write."""
    anywhere = any(destination.get("namespace") == _ANY for destination in items(spec.get("destinations")))
    return bool(spec.get("destinations")) and not (anywhere and _allowed(spec, "clusterResourceWhitelist") == [(_ANY, _ANY)])


def _account(project: str, spec: Object, own: list[Object], context: ImportContext, remarks: list[Remark]) -> Iterator[Object]:
    """The account that writes for the Applications, with its rights."""
    namespaces = sorted({str(mapping(application, "spec", "destination").get("namespace") or "") for application in own} - {""})
    account = {"kind": SERVICE_ACCOUNT.kind, "name": project, "namespace": context.target}
    yield {"apiVersion": "v1", "kind": SERVICE_ACCOUNT.kind, "metadata": {"name": project, "namespace": context.target}}
    kinds = _allowed(spec, "namespaceResourceWhitelist") or [(_ANY, _ANY)]
    for namespace in namespaces:
        yield from _granted(f"{project}-deploy", namespace, [_rule(group, kind) for group, kind in kinds], [account])
    cluster = _allowed(spec, "clusterResourceWhitelist")
    if cluster:
        yield from _granted(f"{project}-deploy", "", [_rule(group, kind) for group, kind in cluster], [account])
    places = ", ".join(namespaces) or "no namespace"
    text = f"the ServiceAccount {context.target}/{project} may write in {places}: name it in `spec.serviceAccountName`"
    remarks.append(Remark(theirs="spec.destinations", meaning=Meaning.CHANGED, note=text))
    for field in ("clusterResourceBlacklist", "namespaceResourceBlacklist"):
        if spec.get(field):
            text = f"RBAC only allows: list the other kinds in the Role {project}-deploy"
            remarks.append(Remark(theirs=f"spec.{field}", meaning=Meaning.NONE, note=text))


def _people(project: str, spec: Object, own: list[Object], context: ImportContext, remarks: list[Remark]) -> Iterator[Object]:
    """A Role on Applications for each role of the project with groups."""
    for role in items(spec.get("roles")):
        name = f"{project}-{role.get('name')}"
        rules = [rule for text in role.get("policies") or () if (rule := _of_policy(str(text), own, name, remarks))]
        groups = [{"kind": "Group", "name": str(group), "apiGroup": RBAC} for group in role.get("groups") or ()]
        if rules and groups:
            yield from _granted(name, context.target, rules, groups)
        if role.get("jwtTokens"):
            text = f"{name}: there are no tokens of a project"
            remarks.append(Remark(theirs="spec.roles", meaning=Meaning.NONE, note=text))


def _of_policy(text: str, own: list[Object], role: str, remarks: list[Remark]) -> Object | None:
    """The rule for a line of Casbin; None without an equivalent."""
    parts = [part.strip() for part in text.split(",")]
    effect = parts[-1] if len(parts) == _POLICY_FIELDS else ""
    resource, action, pattern = (*parts[2:5], "", "", "")[:3]
    verbs = tuple(
        dict.fromkeys(
            v for argo_action, several in _VERBS.items() if action.partition("/")[0] in (argo_action, _ANY) for v in several
        )
    )
    names = [
        str(application["metadata"]["name"])
        for application in own
        if fnmatchcase(str(application["metadata"]["name"]), pattern.rpartition("/")[2])
    ]
    if effect != "allow" or resource not in ("applications", _ANY) or not verbs or not names:
        what = f"{effect or 'no'} {action or 'action'} on {resource or 'nothing'}"
        remarks.append(Remark(theirs="spec.roles", meaning=Meaning.NONE, note=f"{role}: {what} has no equivalent in RBAC"))
        return None
    return {"apiGroups": [GROUP], "resources": ["applications"], "resourceNames": names, "verbs": list(verbs)}


def _granted(name: str, namespace: str, rules: list[Object], subjects: list[Object]) -> Iterator[Object]:
    """A Role and its binding; those of the cluster without a namespace."""
    kind = "Role" if namespace else "ClusterRole"
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    yield {"apiVersion": f"{RBAC}/v1", "kind": kind, "metadata": metadata, "rules": rules}
    reference = {"apiGroup": RBAC, "kind": kind, "name": name}
    yield {
        "apiVersion": f"{RBAC}/v1",
        "kind": f"{kind}Binding",
        "metadata": metadata,
        "roleRef": reference,
        "subjects": subjects,
    }


def _allowed(spec: Object, field: str) -> list[tuple[str, str]]:
    return [(str(entry.get("group") or ""), str(entry.get("kind") or "")) for entry in items(spec.get(field))]


def _rule(group: str, kind: str) -> Object:
    return {"apiGroups": [group], "resources": [_plural(kind)], "verbs": list(_WRITE)}


def _plural(kind: str) -> str:
    """The resource of a kind, as the API server's conventions name it."""
    if kind in _PLURALS:
        return _PLURALS[kind]
    word = kind.lower()
    if word.endswith(("s", "x", "ch", "sh")):
        return f"{word}es"
    return f"{word[:-1]}ies" if word.endswith("y") and word[-2:-1] not in ("a", "e", "o", "u") else f"{word}s"
