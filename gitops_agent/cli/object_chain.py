"""The object a command names, and its owners."""

from __future__ import annotations

from gitops_agent.cli import output as out
from gitops_agent.cluster.client import ClusterClient
from gitops_agent.errors import AgentError, NotFound, UsageError
from gitops_agent.manifest.key import Object, ObjectKey
from gitops_agent.manifest.marks import owner

_DEPTH = 10


def named(access: ClusterClient, kind: str, name: str | None) -> Object:
    """The live object that `KIND NAME` or `KIND/NAME` names.

    Raises:
        UsageError: no name is given, or there is no such object.
    """
    if name is None:
        kind, _, name = kind.partition("/")
    if not name:
        raise UsageError("say which object: KIND NAME or KIND/NAME, such as deployment/web")
    resource = access.discovery.lookup(kind)
    namespace = access.namespace if resource.namespaced else ""
    try:
        return access.objects.get(ObjectKey(resource.group, resource.kind, namespace, name))
    except NotFound as error:
        within = f" in namespace {namespace}" if namespace else ""
        raise UsageError(f"there is no {resource.kind} {name}{within}") from error


def chain(access: ClusterClient, obj: Object) -> list[Object]:
    """The object and its owners, up to the first with a mark."""
    result = [obj]
    while owner(result[-1]) is None and len(result) < _DEPTH:
        metadata = result[-1]["metadata"]
        reference = next(
            (candidate for candidate in metadata.get("ownerReferences") or () if candidate.get("controller")), None
        )
        if reference is None:
            break
        group = str(reference["apiVersion"]).rpartition("/")[0]
        try:
            resource = access.discovery.find(group, str(reference["kind"]))
            namespace = str(metadata.get("namespace") or "") if resource.namespaced else ""
            above = access.objects.get(ObjectKey(group, resource.kind, namespace, str(reference["name"])))
        except AgentError as error:
            out.talk(out.line(f"its owner {reference['kind']} {reference['name']} cannot be read: {error}"))
            break
        result.append(above)
    return result
