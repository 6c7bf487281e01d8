"""Values of one pass over the rollouts: request, state and result.

A pass has two halves. `prepare` loads the rollouts and reports whether a run is about to start; whether the commit as a whole
is held for approval is decided by a plan, outside of the rollouts. `advance` takes that decision and makes the steps.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from gitops_agent.agent.rollouts.context import RolloutContext
from gitops_agent.agent.rollouts.declared_policies import DeclaredPolicies
from gitops_agent.agent.rollouts.summary import RolloutSummary
from gitops_agent.api.application import Application
from gitops_agent.errors import AgentError
from gitops_agent.manifest.key import AppKey, ObjectKey
from gitops_agent.sync.desired import Desired


class CommitPending(Exception):
    """A commit is being rendered, or a first list is under way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutRequest:
    """Input of a pass.

    Attributes:
        application: whose rollouts.
        head: what the newest commit declares; None when that is not known.
        last: what the last commit declared that is readable and whose policies can be followed; for what no rollout decides.
        frozen: nothing may move (paused, or mode observe).
        closed: a window is closed: what is under way goes on, also back to the stable version, and nothing newer begins.
    """

    application: Application
    head: Desired | None
    last: Desired | None
    frozen: bool
    closed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutResult:
    """Result of a pass: D(t), and where each rollout stands.

    Attributes:
        desired: D(t); None while it is not known.
        pending: what is under way, in words.
        error: why there is no D(t), or why the newest commit is not followed.
        views: where each rollout stands.
        again: seconds after which to requeue; None when an event triggers the next pass.
        moved: a rollout made a step, so another one may follow at once.
        held: why the commit waits for approval before its rollout begins.
        refused: the policies that only another commit can correct, with the message for each.
    """

    desired: Desired | None
    pending: str = ""
    error: AgentError | None = None
    views: tuple[RolloutSummary, ...] = ()
    again: float | None = None
    moved: bool = False
    held: str = ""
    refused: Mapping[ObjectKey, str] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class RolloutPass:
    """State of one pass, from its preparation to its result.

    Attributes:
        request: input of the pass.
        policies: those of what is declared where no rollout decides.
        accepted: the newest known commit whose policies can be followed; None where there is none.
        refused: why the policies of the newest commit are not followed; None when they are, or there is none.
        rollouts: of the application, as they stand.
        commits: the declared states of the commits that were needed so far.
        slots: the renders that are needed from now on, each with its commit.
        starting: the policies whose run is about to start.
        unbound: the policies whose workload is not declared, with the message for each.
        result: set as soon as it is known; nothing more is done then.
    """

    request: RolloutRequest
    policies: DeclaredPolicies = field(default_factory=DeclaredPolicies)
    accepted: Desired | None = None
    refused: AgentError | None = None
    rollouts: tuple[RolloutContext, ...] = ()
    commits: dict[str, Desired] = field(default_factory=dict)
    slots: dict[str, str] = field(default_factory=dict)
    starting: set[ObjectKey] = field(default_factory=set)
    unbound: Mapping[ObjectKey, str] = field(default_factory=dict)
    result: RolloutResult | None = None

    @property
    def base(self) -> Desired | None:
        """What is declared where no rollout decides, if known."""
        return self.policies.commit

    @property
    def key(self) -> AppKey:
        """The application."""
        return self.request.application.key

    @property
    def wants_to_start(self) -> Desired | None:
        """What the commit declares whose run is to start; None without one."""
        return self.request.head if self.starting and self.result is None else None
