"""`gitops-agent check`: preflight of the cluster, permissions, tools and repositories."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import click

from gitops_agent.cli import output as out
from gitops_agent.cli.exit_codes import DIFFERENT
from gitops_agent.cluster.client import ClusterClient
from gitops_agent.errors import AgentError, UnknownKind
from gitops_agent.manifest.kinds import GROUP

_OLDEST_MINOR = 30  # aggregated discovery (KEP-3352) and server-side field validation are both stable there
_NEEDED = (
    ("list", "", "namespaces"),
    ("watch", "apps", "deployments"),
    ("list", "apiextensions.k8s.io", "customresourcedefinitions"),
    *(("patch", GROUP, f"{plural}/status") for plural in ("applications", "notifiers", "rolloutpolicies")),
    ("patch", GROUP, "applications"),
    ("create", "events.k8s.io", "events"),
)
_VERIFIERS = {"gpgv": "OpenPGP", "ssh-keygen": "SSH"}
_WRITES = (("patch", "apps", "deployments"), ("delete", "", "configmaps"), ("create", "", "namespaces"))


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check: `state` is ok, warning or failed."""

    what: str
    state: str
    message: str


@click.command()
@click.option("--as-agent", is_flag=True, help="Check the permissions of the agent's ServiceAccount instead of your own.")
@click.option("--repositories/--no-repositories", default=True, show_default=True, help="Check that every repository answers.")
@out.output_option
@out.cluster_options
def check(
    *, as_agent: bool, repositories: bool, output: str, kubeconfig: str | None, context: str | None, namespace: str
) -> None:
    """Check the cluster, resources, permissions, tools and repositories.

    Exits with 3 when a check fails.
    """
    findings = list(_findings(kubeconfig, context, namespace, as_agent=as_agent, repositories=repositories))
    if output in ("json", "yaml"):
        out.document([{"check": f.what, "state": f.state, "message": f.message} for f in findings], output)
    elif output == "name":
        for finding in findings:
            click.echo(f"{finding.state}/{finding.what}")
    else:
        out.table(("check", "state", "message"), [(f.what, f.state, f.message) for f in findings])
    sys.exit(DIFFERENT if any(finding.state == "failed" for finding in findings) else 0)


def _findings(
    kubeconfig: str | None, context: str | None, namespace: str, *, as_agent: bool, repositories: bool
) -> Iterator[Finding]:
    for tool in ("git", "helm", "kustomize"):
        yield _tried(tool, lambda tool=tool: _tool(tool))  # type: ignore[misc]
    for program, signed in _VERIFIERS.items():
        yield _verifier(program, signed)
    try:
        access = ClusterClient.open(kubeconfig, context, namespace)
        version = access.transport.request("GET", "/version")
    except AgentError as error:
        yield Finding("cluster", "failed", str(error))
        return
    minor = int("".join(digit for digit in str(version.get("minor")) if digit.isdigit()) or 0)
    state = "ok" if minor >= _OLDEST_MINOR else "warning"
    yield Finding(
        "cluster", state, f"{access.transport.host}, {version['gitVersion']}" + (": older than tested" * (state != "ok"))
    )
    for kind in ("Application", "Notifier", "RolloutPolicy"):
        yield _tried(f"CRD {kind}", lambda kind=kind: _served(access, kind))  # type: ignore[misc]
    user = f"system:serviceaccount:{namespace}:gitops-agent" if as_agent else None
    for verb, group, resource in _NEEDED:
        yield _permission(access, user, verb, group, resource, missing="failed")
    yield _permission(access, user, "create", "coordination.k8s.io", "leases", missing="failed", namespace=namespace)
    for verb, group, resource in _WRITES:
        yield _permission(access, user, verb, group, resource, missing="warning")
    yield from _impersonation(access, user)
    if repositories:
        yield from _repositories(access)


def _tried(what: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding(what, "ok", look())
    except AgentError as error:
        return Finding(what, "failed", str(error))


def _tool(name: str) -> str:
    from gitops_agent.process import run
    from gitops_agent.render.binaries import find

    if name == "git":
        return run(("git", "--version")).stdout.decode().strip()
    binary = find(name)
    return f"{binary.version} at {binary.path}"


def _verifier(program: str, signed: str) -> Finding:
    """Whether a program is there that only verified commits need."""
    path = shutil.which(program)
    if path is None:
        return Finding(program, "warning", f"not installed: commits signed with {signed} cannot be verified (source.verify)")
    return Finding(program, "ok", f"{path}, verifies commits signed with {signed}")


def _served(access: ClusterClient, kind: str) -> str:
    try:
        return f"served as {access.discovery.find(GROUP, kind).api_version}"
    except UnknownKind as error:
        raise UnknownKind("not installed: run `gitops-agent install --apply`") from error


def _impersonation(access: ClusterClient, user: str | None) -> Iterator[Finding]:
    """Whether the ServiceAccounts that Applications name may be used."""
    try:
        namespaces = {
            str(raw["metadata"]["namespace"]) for raw in access.applications() if raw["spec"].get("serviceAccountName")
        }
    except AgentError:
        return
    for namespace in sorted(namespaces):
        yield _permission(access, user, "impersonate", "", "serviceaccounts", missing="failed", namespace=namespace)


def _permission(
    access: ClusterClient, user: str | None, verb: str, group: str, resource: str, *, missing: str, namespace: str = ""
) -> Finding:
    """Whether a verb is allowed, in all namespaces unless one is given."""
    name, _, subresource = resource.partition("/")
    attributes = {"verb": verb, "group": group, "resource": name, "subresource": subresource, "namespace": namespace}
    kind = "SubjectAccessReview" if user else "SelfSubjectAccessReview"
    spec: dict[str, object] = {"resourceAttributes": attributes} | ({"user": user} if user else {})
    what = f"may {verb} {resource}{f'.{group}' if group else ''}"
    try:
        answer = access.transport.request(
            "POST",
            f"/apis/authorization.k8s.io/v1/{kind.lower()}s",
            body={"apiVersion": "authorization.k8s.io/v1", "kind": kind, "spec": spec},
        )
    except AgentError as error:
        return Finding(what, missing, str(error))
    allowed = bool((answer.get("status") or {}).get("allowed"))
    return Finding(what, "ok" if allowed else missing, f"{user or 'you'} may" if allowed else "no RBAC rule allows it")


def _repositories(access: ClusterClient) -> Iterator[Finding]:
    from gitops_agent.api.parse import parse
    from gitops_agent.preview.fetched_sources import fetched
    from gitops_agent.source.values import values_beside

    try:
        applications = access.applications()
    except AgentError:
        return
    answers: dict[object, str] = {}
    for raw in applications:
        what = f"application {raw['metadata']['name']}"
        try:
            application = parse(raw)
            spec = application.spec.source
            beside = values_beside(application.key.namespace, application.spec.render)
            question = (spec.url, spec.ref, spec.chart, spec.secret_ref, beside)
            if question not in answers:
                with (
                    tempfile.TemporaryDirectory(prefix="gitops-agent-") as scratch,
                    fetched(access, application, Path(scratch)) as (_, revision),
                ):
                    answers[question] = f"{spec.url} {revision.ref} is at {revision.short}"
            yield Finding(what, "ok", answers[question])
        except AgentError as error:
            yield Finding(what, "failed", str(error))
