"""The routes of the API, as data.

The OpenAPI document, the tests that try every route with hostile requests, and the server itself read one table, so that a
route which is served is documented and attacked as well.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from gitops_agent.server.views import (
    actions,
    agent,
    application,
    applications,
    changes,
    rollout,
    session,
    share,
    timeline,
    tree,
)
from gitops_agent.server.views.base import View

PREFIX = "/api/v1"
APPLICATION = f"{PREFIX}/applications/{{namespace}}/{{name}}"
NOTIFIER = f"{PREFIX}/notifiers/{{namespace}}/{{name}}"
ROLLOUT = f"{PREFIX}/rollouts/{{namespace}}/{{name}}"
SHARED = f"{PREFIX}/shared/{{share}}"
OBJECT = "{group}/{kind}/{objectNamespace}/{object}"
ACTION_BYTES = 16 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A parameter of the address.

    Attributes:
        name: as in the address.
        text: what it does.
        type: of JSON Schema: string, integer or boolean.
        default: the value when it is absent.
    """

    name: str
    text: str
    type: str = "string"
    default: str | int | bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A method and a path.

    Attributes:
        name: the operation, in the OpenAPI document and in metrics.
        method: GET, POST or DELETE.
        path: with names in braces.
        summary: what it answers.
        answer: the model of the answer; None for another media type or no body.
        body: the model of the request's body.
        media: the media type of an answer without model; empty for none.
        status: of a good answer.
        query: parameters.
        public: whether it is answered without a session.
        costly: whether few may be in progress at once.
        follows: whether `follow=true` answers with server-sent events.
        shared: whether a share link in the path stands for the session.
    """

    name: str
    method: str
    path: str
    summary: str
    answer: type[View] | None = None
    body: type[View] | None = None
    media: str = ""
    status: int = 200
    query: tuple[Query, ...] = field(default=())
    public: bool = False
    costly: bool = False
    follows: bool = False
    shared: bool = False


_LIST = (
    Query(name="filter", text="Tokens as in the search box: `ready:no ns:pay commit:3f2 state:held word`."),
    Query(name="sort", text="`worst` or `name`; with `-` before it in reverse.", default="worst"),
    Query(name="limit", text="Most rows of a page, 1 to 2000.", type="integer", default=100),
    Query(name="continue", text="From the answer before."),
)
_SIDES = (
    Query(name="from", text="`live`, `plan`, `plan:HASH`, or `rev:COMMIT`.", default="live"),
    Query(name="to", text="`live`, `plan`, `plan:HASH`, or `rev:COMMIT`.", default="plan"),
    Query(name="object", text="Only this object, `group/kind/namespace/name`, however large it is."),
)
_PLAN = (Query(name="object", text="Only this object, `group/kind/namespace/name`, however large it is."),)
_BEFORE = (Query(name="before", text="Only entries before this time."),)
_TIMELINE = (
    *_BEFORE,
    Query(name="commits", text="With all commits of the history that touched it.", type="boolean", default=False),
)
_LOGS = (
    Query(name="container", text="One container of the pods."),
    Query(name="previous", text="The container before its restart.", type="boolean", default=False),
    Query(name="tail", text="Most lines of a container, 1 to 5000.", type="integer", default=200),
    Query(name="since", text="Only lines since this time."),
    Query(name="follow", text="Lines as they are written, as server-sent events.", type="boolean", default=False),
)
_STREAM = (
    Query(name="topics", text="Comma-separated: `rows`, `app:namespace/name`, `agent`.", default="rows"),
    Query(name="last", text="`<epoch>-<seq>` to go on after, as the header Last-Event-ID."),
)


def _act(verb: str, body: type[View], summary: str) -> Route:
    path = f"{APPLICATION}/actions/{verb}"
    return Route(
        name=f"{verb}Application", method="POST", path=path, summary=summary, answer=actions.Accepted, body=body, status=202
    )


def _shown(name: str, path: str, summary: str, answer: type[View], query: tuple[Query, ...] = ()) -> Route:
    return Route(
        name=name, method="GET", path=f"{SHARED}{path}", summary=summary, answer=answer, query=query, public=True, shared=True
    )


def _command(verb: str, body: type[View], summary: str) -> Route:
    path = f"{ROLLOUT}/actions/{verb}"
    return Route(
        name=f"{verb}Rollout", method="POST", path=path, summary=summary, answer=actions.Accepted, body=body, status=202
    )


ROUTES = (
    Route(name="me", method="GET", path=f"{PREFIX}/me", summary="The viewer and their rights.", answer=session.Me),
    Route(
        name="signIn",
        method="POST",
        path=f"{PREFIX}/session",
        summary="Signs in; the session is a cookie.",
        answer=session.Me,
        body=session.SignIn,
        public=True,
    ),
    Route(
        name="signOut",
        method="DELETE",
        path=f"{PREFIX}/session",
        summary="Removes the session's cookie.",
        status=204,
        public=True,
    ),
    Route(
        name="applications",
        method="GET",
        path=f"{PREFIX}/applications",
        summary="The Applications, worst first.",
        answer=applications.ApplicationList,
        query=_LIST,
    ),
    Route(
        name="application",
        method="GET",
        path=APPLICATION,
        summary="One Application.",
        answer=application.ApplicationView,
    ),
    Route(
        name="spec",
        method="GET",
        path=f"{APPLICATION}/spec",
        summary="Its declaration.",
        answer=application.ApplicationSpecView,
    ),
    Route(
        name="tree",
        method="GET",
        path=f"{APPLICATION}/tree",
        summary="Its objects and their dependants, read as the viewer.",
        answer=tree.TreeView,
        costly=True,
    ),
    Route(
        name="plan",
        method="GET",
        path=f"{APPLICATION}/plan",
        summary="What a sync would do now.",
        answer=changes.PlanView,
        query=_PLAN,
        costly=True,
    ),
    Route(
        name="diff",
        method="GET",
        path=f"{APPLICATION}/diff",
        summary="What differs between two states.",
        answer=changes.DiffView,
        query=_SIDES,
        costly=True,
    ),
    Route(
        name="drift",
        method="GET",
        path=f"{APPLICATION}/drift",
        summary="Fields that are not as declared.",
        answer=changes.DriftView,
        costly=True,
    ),
    Route(
        name="timeline",
        method="GET",
        path=f"{APPLICATION}/timeline",
        summary="Syncs, rollouts and commits, newest first.",
        answer=timeline.Timeline,
        query=_TIMELINE,
    ),
    Route(
        name="events",
        method="GET",
        path=f"{APPLICATION}/events",
        summary="Its Kubernetes Events, newest first.",
        answer=timeline.EventList,
    ),
    Route(
        name="object",
        method="GET",
        path=f"{APPLICATION}/objects/{OBJECT}",
        summary="One of its live objects, read as the viewer.",
        answer=tree.ObjectView,
    ),
    Route(
        name="logs",
        method="GET",
        path=f"{APPLICATION}/logs/{OBJECT}",
        summary="The last log lines of a pod or workload, read as the viewer.",
        answer=timeline.LogView,
        query=_LOGS,
        costly=True,
        follows=True,
    ),
    Route(
        name="allDrift",
        method="GET",
        path=f"{PREFIX}/drift",
        summary="Applications with objects that are not as declared.",
        answer=changes.DriftView,
    ),
    Route(
        name="rollouts",
        method="GET",
        path=f"{PREFIX}/rollouts",
        summary="The rollouts, most urgent first.",
        answer=rollout.RolloutList,
    ),
    Route(name="rollout", method="GET", path=ROLLOUT, summary="One rollout.", answer=rollout.RolloutView),
    Route(
        name="held",
        method="GET",
        path=f"{PREFIX}/held",
        summary="Everything that waits for a person.",
        answer=changes.HeldList,
    ),
    Route(
        name="notifiers",
        method="GET",
        path=f"{PREFIX}/notifiers",
        summary="The Notifiers and their delivery.",
        answer=agent.NotifierList,
    ),
    Route(name="agent", method="GET", path=f"{PREFIX}/agent", summary="The agents and their cluster.", answer=agent.AgentView),
    _act("sync", actions.SyncBody, "Fetches and reconciles now."),
    _act("pause", actions.PauseBody, "Suspends it for a while."),
    _act("resume", actions.ResumeBody, "Resumes it."),
    _act("approve", actions.ApproveBody, "Approves the plan that waits."),
    _act("retry", actions.RetryBody, "Tries a rejected commit again."),
    _act("rollback", actions.RollbackBody, "Pins it to an earlier commit, or undoes that."),
    _command("promote", actions.RolloutBody, "Skips all steps."),
    _command("advance", actions.RolloutBody, "Ends the present step."),
    _command("pause", actions.RolloutBody, "Stops where it is."),
    _command("resume", actions.RolloutBody, "Goes on."),
    _command("abort", actions.RolloutBody, "Rolls back, and rejects the version."),
    _command("retry", actions.RolloutBody, "Tries a rejected version again."),
    _command("approve", actions.RolloutApproveBody, "Approves the step that waits."),
    Route(
        name="testNotifier",
        method="POST",
        path=f"{NOTIFIER}/actions/test",
        summary="Lets the agent send a test message; `test.answered` of the Notifier is `written` once it did.",
        answer=actions.Accepted,
        body=actions.NotifierTestBody,
        status=202,
    ),
    Route(
        name="share",
        method="POST",
        path=f"{PREFIX}/share",
        summary="Makes a link that shows something without a sign-in; needs the verb `share`.",
        answer=share.ShareLink,
        body=share.ShareBody,
        status=201,
    ),
    _shown("shared", "", "What a share link shows.", share.SharedView),
    _shown("sharedApplications", "/applications", "Its Applications, worst first.", applications.ApplicationList, _LIST),
    _shown(
        "sharedApplication",
        "/applications/{namespace}/{name}",
        "One of them, without actions, receivers and values.",
        application.ApplicationView,
    ),
    _shown(
        "sharedTimeline",
        "/applications/{namespace}/{name}/timeline",
        "Its syncs, rollouts and commits, newest first.",
        timeline.Timeline,
        _BEFORE,
    ),
    _shown("sharedRollout", "/rollouts/{namespace}/{name}", "One of its rollouts, without actions.", rollout.RolloutView),
    Route(
        name="stream",
        method="GET",
        path=f"{PREFIX}/stream",
        summary="Changes as server-sent events.",
        media="text/event-stream",
        query=_STREAM,
    ),
    Route(
        name="openapi",
        method="GET",
        path=f"{PREFIX}/openapi.json",
        summary="This document.",
        media="application/json",
        public=True,
    ),
)
"""In the order of the documentation."""
