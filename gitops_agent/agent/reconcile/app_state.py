"""What the agent remembers of one application between reconciles. All of it can be lost: the next one finds it again."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from gitops_agent.manifest.key import Object, ObjectKey
from gitops_agent.sync.desired import Desired
from gitops_agent.sync.health.explainer import Explanation
from gitops_agent.sync.planning.deletion_guard import Dependants
from gitops_agent.sync.planning.plan import Plan
from gitops_agent.sync.planning.policy import Approval


@dataclass(slots=True)
class ApplicationState:
    """See the module's text; touched only by the worker whose turn the application is.

    Attributes:
        desired: the last D(t) that could be made: what is enforced while a newer commit does not render.
        declared: what the last commit declared that could be read; D(t) is made from it.
        plan: the last plan.
        preview: the plan of a commit whose rollout waits for its approval; None while none does.
        approval: an approved plan under way.
        immutable: objects that the API server has proved it cannot change in place to `proved`, the content of a plan.
        counted: what hangs under the deletions of the plan with hash `counted_for`, as of the monotonic time `counted_at`.
        target: the commit being brought to the cluster, and since when.
        started: see `target`.
        applied: the commit whose every object is applied.
        unhealthy_since: monotonic time since when the application is not Healthy, None while it is.
        explanations: why objects are not healthy, as last asked.
        explained_at: monotonic time of the last question.
        explain_pause: seconds until the next one.
        status: as last written, or as found in the cluster at the start.
        written_at: monotonic time of the last write.
        on_the_way: monotonic time since when applied objects are on their way to healthy; None when they are not.
        requested: the last request (`sync`) that was heard; the poll number `poll` answers it.
        answered: the last request that was answered.
        seen: monotonic time when the application was first looked at.
        waiting: what it waited for when it was last looked at, in words.
    """

    desired: Desired | None = None
    declared: Desired | None = None
    plan: Plan | None = None
    preview: Plan | None = None
    approval: Approval | None = None
    immutable: frozenset[ObjectKey] = frozenset()
    proved: str = ""
    counted: Mapping[ObjectKey, Dependants] = field(default_factory=dict)
    counted_for: str = ""
    counted_at: float = 0.0
    target: str = ""
    started: datetime | None = None
    applied: str = ""
    unhealthy_since: float | None = None
    explanations: dict[ObjectKey, Explanation] = field(default_factory=dict)
    explained_at: float = 0.0
    explain_pause: float = 4.0
    status: Object | None = None
    written_at: float = 0.0
    on_the_way: float | None = None
    requested: str = ""
    poll: int = 0
    answered: str = ""
    seen: float = field(default_factory=time.monotonic)
    waiting: str = ""
