"""What a forge is: a provider that shows the status of commits.

Messages say what happened, once. A status is a level: what counts is the last one, so forges get statuses that the worker of
commit statuses computes, and no messages.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from gitops_agent.api.notifier import NotifierSpec
from gitops_agent.httpclient.message import Answer, Request
from gitops_agent.notify.commit_status import CommitStatus
from gitops_agent.notify.provider import Credentials


class Forge(Protocol):
    """One kind of forge; a module with these functions is one."""

    def serves(self, repository: str, spec: NotifierSpec) -> bool:
        """Whether this API serves a repository.

        Args:
            repository: the URL of a source, without credentials.
            spec: of the Notifier.
        """
        ...

    def status(self, status: CommitStatus, credentials: Credentials, spec: NotifierSpec) -> Request:
        """The request that shows a status.

        Raises:
            AgentError: the credentials lack something (reason `SecretInvalid`).
        """
        ...

    def judge(self, answer: Answer) -> None:
        """Accepts the answer, or raises.

        Raises:
            DeliveryError: the forge did not take it.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """The deployment of one commit to one environment.

    Attributes:
        status: of the commit as a whole.
        ref: the branch or tag that is followed.
        environment: where to.
        id: what the forge calls it; empty before it exists.
    """

    status: CommitStatus
    ref: str
    environment: str
    id: str = ""


class DeploymentForge(Protocol):
    """A forge that lists deployments; a module with these functions is one."""

    def create_deployment(self, deployment: Deployment, credentials: Credentials, spec: NotifierSpec) -> Request:
        """The request that makes a deployment."""
        ...

    def deployment_id(self, answer: Answer) -> str:
        """The id of the deployment that was made.

        Raises:
            DeliveryError: it was not made.
        """
        ...

    def deployment_status(self, deployment: Deployment, credentials: Credentials, spec: NotifierSpec) -> Request:
        """The request that sets the state of a deployment."""
        ...
