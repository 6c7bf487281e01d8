"""What the agent says about syncs and deployments of an Application."""

from __future__ import annotations

from gitops_agent.api.model import Model
from gitops_agent.api.status import Moment


class HistoryEntry(Model):
    """One sync that ended."""

    revision: str = ""
    """The commit."""

    plan: str = ""
    """The hash of its plan."""

    result: str = ""
    """A code from the table of reasons."""

    message: str = ""
    """For people."""

    started: Moment = ""
    """When it began."""

    duration: str = ""
    """How long it took."""

    actor: str = ""
    """Who caused it: the author of the commit, or who asked."""

    approved: str = ""
    """The approved hash, where the sync needed an approval; `plan` may differ, because deletions vanish from a plan."""

    approver: str = ""
    """Who approved, as in `sync.approved`."""

    committed_at: Moment = ""
    """When the commit of a deployment was made; absent for the installation, and for a rollback to an earlier commit."""

    live: Moment = ""
    """When the commit was Synced and healthy first; only where it changed the application."""

    failed: Moment = ""
    """When the deployment failed: Degraded or refused until an hour after it was live, or undone within 24 hours."""

    failure: str = ""
    """Why it failed, a code from the table of reasons."""

    recovered: Moment = ""
    """When the application was healthy again after that."""

    rework: bool = False
    """Whether the deployment reverts another one, or follows a failed one within 24 hours."""

    returned: bool = False
    """Whether the commit was live before, so that this is a rollback and no deployment."""


class DeploymentCounts(Model):
    """How many deployments ended, and how.

    Each deployment is one of the first three.
    """

    succeeded: int = 0
    """Became live before anything failed."""

    failed: int = 0
    """Failed before they were live."""

    rolled_back: int = 0
    """Were rolled back before they were live."""

    regressed: int = 0
    """Were live, and failed within an hour."""

    reverted: int = 0
    """Were live, and were rolled back or reverted within 24 hours."""

    reworked: int = 0
    """Revert a deployment, or follow a failed one within 24 hours."""


class DeliveryStatus(Model):
    """The newest deployment, and the counts of all.

    A deployment is a commit that changed the application.
    """

    revision: str = ""
    """The commit."""

    plan: str = ""
    """The hash of its plan."""

    committed_at: Moment = ""
    """When it was committed; absent for the installation, and for a rollback to an earlier commit."""

    live: Moment = ""
    """When it was Synced and healthy first."""

    failed: Moment = ""
    """When it failed."""

    failure: str = ""
    """Why it failed, a code from the table of reasons."""

    rework: bool = False
    """Whether it reverts another deployment, or follows a failed one within 24 hours."""

    returned: bool = False
    """Whether the commit was live before, so that this is a rollback and no deployment."""

    broken: Moment = ""
    """Since when a failure is not recovered from."""

    deployments: DeploymentCounts = DeploymentCounts()
    """How many deployments ended since the Application exists, and how."""
