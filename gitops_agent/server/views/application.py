"""The page of one Application: the headline, and what explains it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from gitops_agent.api.application_row import State
from gitops_agent.server.views.applications import Counts, RolloutMark
from gitops_agent.server.views.base import ApplicationName, Commit, Time, View


class Action(View):
    """A verb, and whether the viewer may use it now."""

    verb: str
    """sync, pause, resume, approve, promote, advance, abort, retry, rollback or share."""

    allowed: bool
    """Whether it can be done now by this viewer."""

    why: str = ""
    """Why it cannot: the state, or the right that is missing."""

    rule: str = ""
    """The RBAC rule that would allow it, as YAML to copy; empty when rights are not the reason."""

    command: str = ""
    """The command that does the same."""


class Headline(View):
    """Why the Application is not live, or that it is."""

    state: State
    """In one word."""

    reason: str
    """A code from the table of reasons."""

    meaning: str = ""
    """What the code stands for."""

    message: str = ""
    """What is wrong with what."""

    remedy: str = ""
    """What to do about it."""

    since: Time = ""
    """Since when."""

    object: str = ""
    """The object it is about, such as `apps/Deployment:shop/web`."""

    commit: Commit = Commit()
    """The commit it began with."""

    healthy_commit: Commit = Commit()
    """The last applied commit whose sync succeeded before it."""

    compare: str = ""
    """Where the Git host shows the difference between both; empty when that is unknown."""

    next: tuple[str, ...] = ()
    """Commands that come next."""


class ConditionView(View):
    """A condition of the status."""

    type: str
    """Ready, Synced, Healthy, Held, Reconciling or Stalled."""

    status: str
    """True, False or Unknown."""

    reason: str = ""
    """A code from the table of reasons."""

    message: str = ""
    """For people."""

    last_transition_time: Time = ""
    """When the status last changed."""


class SourceView(View):
    """What the Application follows."""

    repo_url: Annotated[str, Field(alias="repoURL")]
    """The repository, without credentials."""

    ref: str = ""
    """What is followed, such as `branch main`."""

    path: str = ""
    """The directory in it."""

    seen: Commit = Commit()
    """The newest commit."""

    applied: Commit = Commit()
    """The commit that is applied."""

    unavailable_since: Time = ""
    """Since when the repository cannot be read."""

    message: str = ""
    """Why it cannot."""

    verified: str = ""
    """The signer of the last verified commit."""

    unverified: tuple[str, ...] = ()
    """Commits that are not followed for their signatures, a line each."""


class Problem(View):
    """What is wrong with one object."""

    object: str
    """Which one."""

    reason: str = ""
    """A code from the table of reasons."""

    message: str = ""
    """For people."""


class Neighbour(View):
    """Another Application that this one depends on, or that depends on it."""

    namespace: str
    """The namespace."""

    name: str
    """The name."""

    state: State = State.UNKNOWN
    """What it is like."""

    reason: str = ""
    """Why."""

    exists: bool = True
    """Whether there is one that the viewer may see."""


class Dependency(View):
    """An Application in the graph of `dependsOn` around another one."""

    namespace: str
    """The namespace."""

    name: str
    """The name."""

    level: int
    """How far away: negative for what is needed, positive for what needs it, zero for itself."""

    needs: tuple[str, ...] = ()
    """The names of those in the graph that it waits for."""

    state: State = State.UNKNOWN
    """What it is like."""

    reason: str = ""
    """Why."""

    exists: bool = True
    """Whether there is one that the viewer may see."""


class Receiver(View):
    """A Notifier that applies to the Application."""

    namespace: str
    """The namespace."""

    name: str
    """The name."""

    provider: str
    """What it sends to."""

    ready: str = ""
    """Whether it delivers: True, False or Unknown."""

    message: str = ""
    """Why it does not."""


class HookRun(View):
    """The last run of a hook."""

    object: str
    """Its object."""

    moment: str = ""
    """When it runs."""

    state: str = ""
    """Running, Succeeded, Failed or Retry."""

    started: Time = ""
    """When it began."""

    ended: Time = ""
    """When it ended."""

    message: str = ""
    """Why it failed."""


class RolloutLine(View):
    """A rollout of the Application."""

    namespace: str
    """The namespace of its RolloutPolicy."""

    name: str
    """The name of its RolloutPolicy."""

    workload: str = ""
    """What it rolls out."""

    phase: str = ""
    """Of its status."""

    weight: int = 0
    """Percent that is to go to the new version."""

    approval: str = ""
    """The approval it waits for, as `hash/step`."""


class Pause(View):
    """Why an Application is paused."""

    reason: str = ""
    """For people."""

    until: Time = ""
    """When it ends; empty for no end."""


class ApplicationView(View):
    """One Application."""

    namespace: str
    """The namespace."""

    name: str
    """The name."""

    uid: str = ""
    """Of the object."""

    resource_version: str
    """What an action has to name: it is refused when the Application has changed since."""

    agent: str = ""
    """The agent's namespace."""

    labels: dict[str, str] = Field(default_factory=dict)
    """Its labels."""

    headline: Headline
    """Why it is as it is."""

    ready: str
    """True, False or Unknown."""

    sync: str
    """Synced, OutOfSync or Unknown."""

    health: str
    """The worst of its objects."""

    conditions: tuple[ConditionView, ...] = ()
    """As in the status."""

    source: SourceView
    """What it follows."""

    plan: str = ""
    """The hash of the last plan."""

    held: str = ""
    """The whole hash that waits for an approval; else empty."""

    counts: Counts = Counts()
    """Its objects: total, drifted, unhealthy."""

    problems: tuple[Problem, ...] = ()
    """The first objects something is wrong with."""

    warnings: tuple[str, ...] = ()
    """What fails nothing."""

    paused: Pause | None = None
    """Why it is paused."""

    window: str = ""
    """The closed window that changes wait for, in words."""

    pinned: str = ""
    """What is followed again after the rollback that pinned it; empty when it is not pinned."""

    rollout: RolloutMark | None = None
    """Its most urgent rollout: phase, weight, verified."""

    rollouts: tuple[RolloutLine, ...] = ()
    """All of them."""

    hooks: tuple[HookRun, ...] = ()
    """The last run of each hook."""

    depends_on: tuple[Neighbour, ...] = ()
    """Applications it waits for."""

    required_by: tuple[Neighbour, ...] = ()
    """Applications that wait for it."""

    graph: tuple[Dependency, ...] = ()
    """All of both, with what lies behind them and itself; empty without neighbours."""

    notifiers: tuple[Receiver, ...] = ()
    """What sends news about it."""

    actions: tuple[Action, ...] = ()
    """What can be done."""


class ApplicationSpecView(View):
    """The Application as it is declared, for the tab Spec."""

    application: ApplicationName
    """Which one."""

    yaml: str
    """Its spec."""
