"""Completion of names: Applications, rollouts, kinds, namespaces and contexts.

A shell waits for it at every TAB, so a cluster has two seconds, and whatever fails offers nothing.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from gitops_agent.manifest.revision_name import short

KINDS = ("applications", "notifiers", "rolloutpolicies")
"""The kinds of `get`, as they are offered."""

_API = "/apis/gitops-agent.dev/v1alpha1"
_SECONDS = 2.0


def applications(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """Names of Applications of the namespace."""
    return [obj["name"] for obj in _metadata(ctx, f"{_within(ctx)}/applications") if obj["name"].startswith(incomplete)]


def notifiers(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """Names of Notifiers of the namespace."""
    return [obj["name"] for obj in _metadata(ctx, f"{_within(ctx)}/notifiers") if obj["name"].startswith(incomplete)]


def rollouts(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """RolloutPolicies by name where that is enough, else as `namespace/name`."""
    namespace = ctx.params.get("namespace")
    listed = _metadata(ctx, f"{_API}/namespaces/{namespace}/rolloutpolicies" if namespace else f"{_API}/rolloutpolicies")
    names = [obj["name"] for obj in listed]
    short = [name for name in names if name.startswith(incomplete) and (namespace or names.count(name) == 1)]
    if namespace or (short and incomplete):
        return short
    return [full for obj in listed if (full := f"{obj['namespace']}/{obj['name']}").startswith(incomplete)]


def revisions(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """Commits of the history of the Application that was given before."""
    application = _get(ctx, f"{_within(ctx)}/applications/{ctx.params.get('name')}")
    history = (application.get("status") or {}).get("history") or ()
    commits = dict.fromkeys(short(str(entry.get("revision"))) for entry in history if entry.get("result") == "Synced")
    return [commit for commit in commits if commit.startswith(incomplete)]


def kinds(_ctx: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """The kinds of `get`."""
    return [kind for kind in KINDS if kind.startswith(incomplete)]


def resources(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Names of the kind that was given before."""
    kind = str(ctx.params.get("kind") or "").lower()
    if kind.startswith(("rolloutpolic", "rop")):
        return rollouts(ctx, parameter, incomplete)
    plural = "notifiers" if kind.startswith(("notifier", "ntf")) else "applications"
    return [obj["name"] for obj in _metadata(ctx, f"{_within(ctx)}/{plural}") if obj["name"].startswith(incomplete)]


def namespaces(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """Names of namespaces."""
    return [obj["name"] for obj in _metadata(ctx, "/api/v1/namespaces") if obj["name"].startswith(incomplete)]


def contexts(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """Names of contexts of the kubeconfig."""
    given = ctx.params.get("kubeconfig") or os.environ.get("KUBECONFIG") or str(Path("~/.kube/config").expanduser())
    return sorted(
        {name for file in str(given).split(os.pathsep) for name in _contexts_of(Path(file)) if name.startswith(incomplete)}
    )


def _within(ctx: click.Context) -> str:
    namespace = ctx.params.get("namespace") or os.environ.get("GITOPS_AGENT_NAMESPACE") or "gitops-system"
    return f"{_API}/namespaces/{namespace}"


def _metadata(ctx: click.Context, path: str) -> list[dict[str, Any]]:
    """The metadata of a collection; empty when not read in time."""
    accept = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"
    return [item["metadata"] for item in _get(ctx, path, accept).get("items") or ()]


def _get(ctx: click.Context, path: str, accept: str = "application/json") -> dict[str, Any]:
    """The answer of the API server; empty without one in time."""
    from gitops_agent.cluster.transport import Transport
    from gitops_agent.errors import AgentError

    try:
        transport = Transport.auto(ctx.params.get("kubeconfig"), ctx.params.get("context"))
        answer: dict[str, Any] = transport.request("GET", path, query={"limit": "500"}, accept=accept, timeout=_SECONDS)
    except AgentError:
        return {}
    return answer


def _contexts_of(file: Path) -> Iterator[str]:
    from gitops_agent.errors import AgentError
    from gitops_agent.manifest.yaml import load_all

    try:
        documents = load_all(file.read_bytes(), file=str(file))
    except (OSError, AgentError):
        return
    for document in documents:
        for context in (document.get("contexts") or ()) if isinstance(document, dict) else ():
            if isinstance(context, dict) and context.get("name"):
                yield str(context["name"])
