"""Actions: the writes of the commands, as the viewer.

Nothing is written blindly. The body names the version that the viewer saw; it is compared with the live object, read as the
viewer, and the API server compares once more.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from gitops_agent.api.durations import parse_duration
from gitops_agent.cluster.client import ClusterClient
from gitops_agent.errors import Conflict, NotFound, UsageError
from gitops_agent.manifest.key import Object
from gitops_agent.manifest.kinds import APPLICATION, NOTIFIER, ROLLOUT_POLICY
from gitops_agent.manifest.marks import APPROVED, FOLLOWED, REQUESTED, RETRY, TEST_REQUESTED
from gitops_agent.operations import notifier_test, requests, rollback
from gitops_agent.operations.pause import pause_of
from gitops_agent.operations.rollout_command import send
from gitops_agent.rollout.command import COMMAND, CommandKind
from gitops_agent.rollout.progress import RolloutProgress
from gitops_agent.server.answers.call import Answer, Call
from gitops_agent.server.views import actions as views
from gitops_agent.server.views.base import ApplicationName, View

Written = tuple[dict[str, str], str]
"""Fields with their new values, and a message."""


def _sync(access: ClusterClient, live: Object, body: views.SyncBody) -> Written:
    _refuse_paused(live)
    request = requests.request_sync(access, live, version=body.resource_version)
    return {f"metadata.annotations[{REQUESTED}]": request}, "sync requested"


def _pause(access: ClusterClient, live: Object, body: views.PauseBody) -> Written:
    seconds = None
    if body.for_ != requests.FOREVER:
        try:
            seconds = parse_duration(body.for_).total_seconds()
        except ValueError as error:
            raise UsageError(f"for={body.for_}: say a duration such as 2h, or forever") from error
    until = requests.pause(access, live, seconds=seconds, reason=body.reason, version=body.resource_version)
    return {"spec.suspend.reason": body.reason, "spec.suspend.until": until}, f"paused until {until or 'it is resumed'}"


def _resume(access: ClusterClient, live: Object, body: views.ResumeBody) -> Written:
    paused = requests.resume(access, live, version=body.resource_version)
    return {"spec.suspend": ""}, "resumed" if paused else "it was not paused"


def _approve(access: ClusterClient, live: Object, body: views.ApproveBody) -> Written:
    held = requests.approvable(live, body.plan)
    requests.approve(access, live, held, version=str(live["metadata"]["resourceVersion"]))
    return {f"metadata.annotations[{APPROVED}]": held}, f"plan {held[:12]} approved"


def _retry(access: ClusterClient, live: Object, body: views.RetryBody) -> Written:
    requests.check_rejected(live)
    _refuse_paused(live)
    request = requests.retry(access, live, version=body.resource_version)
    return {f"metadata.annotations[{RETRY}]": request}, "the rejected commit is tried again"


def _rollback(access: ClusterClient, live: Object, body: views.RollbackBody) -> Written:
    if body.undo and body.revision:
        raise UsageError("revision and undo exclude each other")
    target = rollback.unpinned(live) if body.undo else rollback.pinned_to(access, live, body.revision or None)
    rollback.refuse_declared(access, live)
    _refuse_paused(live)
    rollback.pin(access, live, target)
    ref = rollback.described(target.ref)
    return {"spec.source.ref": ref, f"metadata.annotations[{FOLLOWED}]": target.followed or ""}, f"it follows {ref}"


APPLICATION_ACTIONS: dict[str, Callable[[ClusterClient, Object, View], Written]] = cast(
    "dict[str, Callable[[ClusterClient, Object, View], Written]]",
    {"sync": _sync, "pause": _pause, "resume": _resume, "approve": _approve, "retry": _retry, "rollback": _rollback},
)
"""The writes by their verb: with the cluster as the one who asks, the live Application, and the checked body."""


def _application(verb: str) -> Answer:
    def act(call: Call) -> views.Accepted:
        call.application()
        call.demand(verb, "applications")
        access = call.access(call.key.namespace)
        live = access.objects.get(APPLICATION.named(call.key.namespace, call.key.name))
        assert call.body is not None  # noqa: S101 - for the type checker: the route has a body
        _compare(live, getattr(call.body, "resource_version", ""), "Application")
        outcome = APPLICATION_ACTIONS[verb](access, live, call.body)
        return _accepted(call, verb, "Application", access.objects.get(APPLICATION.named(*call.key)), outcome)

    return act


def _rollout(verb: str) -> Answer:
    def act(call: Call) -> views.Accepted:
        call.policy()
        call.demand(verb, "rolloutpolicies")
        access = call.access(call.key.namespace)
        live = access.objects.get(ROLLOUT_POLICY.named(call.key.namespace, call.key.name))
        body = call.body
        if isinstance(body, views.RolloutApproveBody):
            waiting = RolloutProgress.of(live).approval
            if body.approval != waiting:
                raise Conflict(
                    f"{body.approval} is not the approval that waits now; that is {waiting or 'none'}: inspect it first",
                    status=409,
                )
        assert isinstance(body, views.RolloutBody | views.RolloutApproveBody)  # noqa: S101 - likewise
        _compare(live, getattr(body, "resource_version", ""), "RolloutPolicy")
        command = send(access, live, CommandKind(verb), reason=body.reason)
        written = {f"metadata.annotations[{COMMAND}]": f"{command.order} of {command.hash or 'whichever version runs'}"}
        fresh = access.objects.get(ROLLOUT_POLICY.named(*call.key))
        return _accepted(call, verb, "RolloutPolicy", fresh, (written, f"{verb} requested"))

    return act


def _test_notifier(call: Call) -> views.Accepted:
    key = NOTIFIER.named(call.key.namespace, call.key.name)
    rights = call.viewer.rights(call.key.namespace)
    access = call.access(call.key.namespace)
    hidden = NotFound(f"there is no Notifier {key.name} in namespace {key.namespace} that you may see", status=404)
    if not any(rights.may(verb, "notifiers", key.name) for verb in ("list", "get")):
        raise hidden
    try:
        live = access.objects.get(key)
    except NotFound:
        raise hidden from None
    notifier_test.refuse_invalid(live)
    request = notifier_test.request_test(access, live)
    written = {f"metadata.annotations[{TEST_REQUESTED}]": request}
    return _accepted(call, "test", "Notifier", access.objects.get(key), (written, "test message requested"))


def _compare(live: Object, version: str, kind: str) -> None:
    """Refuses an action about a state that is no more.

    Raises:
        Conflict: the object was changed since.
    """
    present = str(live["metadata"]["resourceVersion"])
    if version and version != present:
        raise Conflict(
            f"the {kind} has changed since you saw it ({version}, now {present}): check what changed, then try again",
            status=409,
        )


def _refuse_paused(live: Object) -> None:
    if pause := pause_of(live):
        raise UsageError(f"{live['metadata']['name']} is {pause}: resume it first")


def _accepted(call: Call, verb: str, kind: str, fresh: Object, outcome: Written) -> views.Accepted:
    return views.Accepted(
        action=verb,
        object=ApplicationName(namespace=call.key.namespace, name=call.key.name),
        kind=kind,
        resource_version=str(fresh["metadata"]["resourceVersion"]),
        written=outcome[0],
        message=outcome[1],
    )


ANSWERS: dict[str, Answer] = {
    **{f"{verb}Application": _application(verb) for verb in APPLICATION_ACTIONS},
    **{f"{kind.value}Rollout": _rollout(kind.value) for kind in CommandKind},
    "testNotifier": _test_notifier,
}
