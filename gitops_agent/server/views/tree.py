"""The objects of an Application and their dependants."""

from __future__ import annotations

from gitops_agent.server.views.base import ApplicationName, CannotSee, ObjectName, View


class TreeNode(View):
    """An object with its health and dependants."""

    object: ObjectName
    """Which one."""

    uid: str = ""
    """Its UID."""

    health: str = ""
    """Healthy, Progressing, Suspended, Degraded, Missing, Unknown or Terminating."""

    reason: str = ""
    """A code from the table of reasons."""

    message: str = ""
    """Why, for people."""

    declared: bool = True
    """Whether Git declares it; the others are made by controllers."""

    drifted: bool = False
    """Whether it differs from its declaration."""

    hook: bool = False
    """Whether it is a hook's."""

    past: bool = False
    """Whether it is a ReplicaSet of an earlier version."""

    logs: tuple[str, ...] = ()
    """The containers whose logs can be read."""

    created_at: str = ""
    """When it was created."""

    children: tuple[TreeNode, ...] = ()
    """What hangs under it."""


class HealthCounts(View):
    """How many declared objects have which health."""

    healthy: int = 0
    """Healthy ones."""

    progressing: int = 0
    """On their way."""

    suspended: int = 0
    """Stopped on purpose."""

    degraded: int = 0
    """Failed."""

    missing: int = 0
    """Not there."""

    unknown: int = 0
    """Not known."""


class TreeView(View):
    """The tree of an Application."""

    application: ApplicationName
    """Which one."""

    nodes: tuple[TreeNode, ...] = ()
    """Its objects, in the order of their names."""

    counts: HealthCounts = HealthCounts()
    """Over the declared objects."""

    cannot_see: tuple[CannotSee, ...] = ()
    """Kinds that could not be read as this viewer: never the same as no objects."""


class ObjectView(View):
    """One live object, as the viewer may read it."""

    object: ObjectName
    """Which one."""

    yaml: str
    """The object: values of Secrets are numbers, kubectl's copy is left out."""

    resource_version: str = ""
    """Its version."""
