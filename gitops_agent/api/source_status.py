"""What the agent says about the source of an Application."""

from __future__ import annotations

from gitops_agent.api.model import Model
from gitops_agent.api.status import Moment


class VerifiedStatus(Model):
    """The last verified commit."""

    revision: str = ""
    """The commit; with `mode: all` everything new up to it is trusted."""

    ref: str = ""
    """What was followed then, such as `branch main`."""

    signer: str = ""
    """The principal or user ID of the signer; absent where trust began."""

    key: str = ""
    """The whole fingerprint of the signer's key."""

    kind: str = ""
    """OpenPGP or SSH."""

    at: Moment = ""
    """When the agent judged it first."""


class UnverifiedCommitStatus(Model):
    """A commit that is not followed."""

    commit: str = ""
    """The commit."""

    author: str = ""
    """Its author."""

    reason: str = ""
    """What is wrong with its signature."""


class UnverifiedStatus(Model):
    """Commits that are not followed for their signatures."""

    count: int = 0
    """How many."""

    commits: tuple[UnverifiedCommitStatus, ...] = ()
    """The first ten."""

    approval: str = ""
    """The hash by which a person accepts that the branch left its last verified commit."""


class ChartStatus(Model):
    """The version of a chart that is followed."""

    repository: str = ""
    """The chart repository."""

    name: str = ""
    """The chart."""

    version: str = ""
    """The version."""

    digest: str = ""
    """The digest of its archive; the same version with another one is refused."""

    range: str = ""
    """The version or range that it was chosen by."""

    resolved_at: Moment = ""
    """When it was chosen."""


class RepublicationStatus(Model):
    """A version of a chart that was published again with another content."""

    repository: str = ""
    """The chart repository."""

    name: str = ""
    """The chart."""

    version: str = ""
    """The version."""

    before: str = ""
    """The digest of the archive that was followed."""

    digest: str = ""
    """The digest of the archive that the repository has now."""

    approval: str = ""
    """The hash by which a person accepts the new content, and no other one."""


class DependencyStatus(ChartStatus):
    """A chart that the chart depends on."""

    parent: str = ""
    """The content of the chart that names a range; absent for a version of a lock."""


class ValuesStatus(Model):
    """The commit of another repository with values of the chart."""

    repository: str = ""
    """The repository."""

    ref: str = ""
    """What is followed, such as `branch main`."""

    commit: str = ""
    """The commit, which `revision` names as well."""


class SourceStatus(Model):
    """The last commit that may be followed."""

    chart: ChartStatus | None = None
    """The version of a chart that is followed; a restart goes on with it."""

    republished: RepublicationStatus | None = None
    """The version of the chart has another content now, which waits for an approval; absent when nothing waits."""

    accepted: RepublicationStatus | None = None
    """The content of a version that a person accepted last."""

    dependencies: tuple[DependencyStatus, ...] = ()
    """The charts that were fetched because they are not in `charts/`; a restart goes on with them."""

    values: tuple[ValuesStatus, ...] = ()
    """Commits of other repositories with values of the chart."""

    verified: VerifiedStatus | None = None
    """The last verified commit; absent when no signatures are demanded."""

    unverified: UnverifiedStatus | None = None
    """Newer commits that are not followed; absent when there are none."""

    revision: str = ""
    """The commit."""

    author: str = ""
    """Who wrote it."""

    subject: str = ""
    """The first line of its message."""

    committed_at: Moment = ""
    """When it was committed."""

    unavailable_since: Moment = ""
    """Since when the repository cannot be read; absent when it can."""

    message: str = ""
    """Why it cannot."""
