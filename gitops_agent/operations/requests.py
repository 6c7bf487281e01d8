"""Requests to the agent about an Application: sync, pause, resume, approve, retry.

Each is one write to the Application, so RBAC and the audit log of the API server apply. A caller that shows a state passes the
version it showed: the write is refused as a Conflict where another one came between.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from gitops_agent.api.conditions import condition_of
from gitops_agent.cluster.client import Actor, ClusterClient
from gitops_agent.errors import UsageError
from gitops_agent.manifest.key import Object
from gitops_agent.manifest.kinds import APPLICATION
from gitops_agent.manifest.marks import ACTOR, APPROVED, APPROVED_BY, APPROVED_VIA, REQUESTED, RETRY, claim
from gitops_agent.manifest.reading import mapping
from gitops_agent.manifest.timestamp import timestamp
from gitops_agent.operations.identity import username

FOREVER = "forever"
"""A pause without an end."""


def request_sync(access: ClusterClient, application: Object, *, version: str = "") -> str:
    """Requests a fetch and a reconcile; returns the request."""
    requested_at = now()
    write(access, application, {"metadata": {"annotations": {REQUESTED: requested_at}}}, version)
    return requested_at


def pause(access: ClusterClient, application: Object, *, seconds: float | None, reason: str, version: str = "") -> str:
    """Suspends it; returns the end, empty for none.

    Args:
        access: the cluster.
        application: as last read.
        seconds: how long; None has no end.
        reason: why, for readers of the status.
        version: that the Application has to have; any when empty.
    """
    until = None
    if seconds is not None:
        until = timestamp(datetime.now(UTC) + timedelta(seconds=seconds))
    write(access, application, {"spec": {"suspend": {"reason": reason, "until": until}}}, version)
    return until or ""


def resume(access: ClusterClient, application: Object, *, version: str = "") -> bool:
    """Ends its suspension; whether there was one."""
    paused = (application.get("spec") or {}).get("suspend") is not None
    write(access, application, {"spec": {"suspend": None}}, version)
    return paused


def approvable(application: Object, plan: str) -> str:
    """The whole hash that waits for an approval, by its first digits.

    Raises:
        UsageError: nothing waits, the digits are too few, or another plan waits now.
    """
    from gitops_agent.sync.planning.policy import APPROVAL_DIGITS

    name, status = application["metadata"]["name"], application.get("status") or {}
    elsewhere = source_approval(application)
    waiting = str((status.get("sync") or {}).get("plan") or "")
    held = elsewhere if elsewhere and not waiting.startswith(plan.lower()) else waiting
    if not elsewhere and condition_of(application, "Ready").get("reason") not in ("HeldForApproval", "WindowClosed"):
        raise UsageError(f"nothing of {name} is held for approval or waits for a window")
    if len(plan) < APPROVAL_DIGITS:
        raise UsageError(f"{plan}: give at least {APPROVAL_DIGITS} digits of the hash")
    if not held.startswith(plan.lower()):
        raise UsageError(f"{plan} is not the plan that waits now; that is {held[:APPROVAL_DIGITS]}: inspect it first")
    return held


def source_approval(application: Object) -> str:
    """The hash that accepts what the source did; empty when nothing waits.

    A branch left its last verified commit, or a version of a chart has another content.
    """
    source = mapping(application, "status", "source")
    for name in ("unverified", "republished"):
        waiting = source.get(name)
        if isinstance(waiting, dict) and waiting.get("approval"):
            return str(waiting["approval"])
    return ""


def approve(access: ClusterClient, application: Object, held: str, *, version: str = "") -> None:
    """Approves a plan by its whole hash."""
    # One patch, and both name the plan: a later approval without a name never inherits this one.
    via = claim(held, access.actor.via) if access.actor is not None else None
    annotations = {APPROVED: held, APPROVED_BY: claim(held, username(access)), APPROVED_VIA: via}
    write(access, application, {"metadata": {"annotations": annotations}}, version)


def retry(access: ClusterClient, application: Object, *, version: str = "") -> str:
    """Requests another try of a rejected commit; returns the request.

    The members of its group whose own objects were Degraded are asked as well: while one of them stands by its rejection, none
    gets further.
    """
    requested_at = now()
    patch: Object = {"metadata": {"annotations": {RETRY: requested_at}}}
    for other in _rejecting(access, application):
        write(access, other, patch, "")
    write(access, application, patch, version)
    return requested_at


def _rejecting(access: ClusterClient, application: Object) -> Iterator[Object]:
    """Other members that reject a commit for their own objects."""
    name, namespace, group = application["metadata"]["name"], str(application["metadata"]["namespace"]), _group(application)
    for other in access.listed("Application", namespace=namespace) if group else ():
        rollback = (other.get("status") or {}).get("rollback") or {}
        together = str(((rollback.get("rejected") or [{}])[0]).get("together") or "")
        if other["metadata"]["name"] != name and _group(other) == group and rollback.get("held") and not together:
            yield other


def _group(application: Object) -> str:
    sync = (application.get("spec") or {}).get("sync") or {}
    return str((sync.get("rollback") or {}).get("group") or "")


def check_rejected(application: Object) -> None:
    """Refuses a retry where no commit is rejected.

    Raises:
        UsageError: nothing can be tried again.
    """
    if not ((application.get("status") or {}).get("rollback") or {}).get("held"):
        name = application["metadata"]["name"]
        if condition_of(application, "Ready").get("reason") == "HookFailed":
            raise UsageError(f"no commit of {name} is rejected; `gitops-agent sync {name}` runs the hook again that failed")
        raise UsageError(f"no commit of {name} is rejected; `gitops-agent rollout retry` tries a version of a rollout again")


def write(access: ClusterClient, application: Object, patch: Object, version: str) -> Object:
    """Patches an Application, of a certain version when one is given."""
    metadata = application["metadata"]
    patched = {**(patch.get("metadata") or {}), **({"resourceVersion": version} if version else {})}
    if access.actor is not None:
        patched["annotations"] = {**(patched.get("annotations") or {}), **for_actor(access.actor)}
    if patched:
        patch = {**patch, "metadata": patched}
    return access.objects.merge_patch(APPLICATION.named(str(metadata["namespace"]), str(metadata["name"])), patch)


def for_actor(actor: Actor) -> dict[str, str]:
    """The annotation that names for whom the agent writes."""
    return {ACTOR: f"{actor.user} {actor.via} {now()}"}


def now() -> str:
    """A moment that distinguishes two requests."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")
