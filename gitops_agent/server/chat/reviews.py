"""Reviews of what a person of a chat may do.

A request needs what it needs of every other client: the verb of the API, and where it asks the agent for something, the verb of
our own as well. The agent writes with its own rights, so the verb is demanded here whether or not the admission policy is
installed. Refusals have the words of the API server and of that policy.
"""

from __future__ import annotations

from gitops_agent.cluster.client import ClusterClient
from gitops_agent.errors import Forbidden
from gitops_agent.manifest.key import AppKey
from gitops_agent.manifest.kinds import GROUP
from gitops_agent.server.chat.identities import Person
from gitops_agent.server.rights import GRANTED_BY

_PATH = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
_PHRASES = {
    "approve": "approving needs the verb approve on {resource} in {namespace}",
    "sync": "requesting a sync needs the verb sync on applications in {namespace}",
    "retry": "a retry needs the verb retry on applications in {namespace}",
    "pause": "pausing and resuming needs the verb pause on applications in {namespace}",
}
_ROLLOUTS = "this command needs its verb (promote, approve, pause, abort or retry) on rolloutpolicies in {namespace}"


class Reviews:
    """Asks the API server what a person may.

    Args:
        access: the cluster, as the agent.
        person: about whom.
    """

    def __init__(self, access: ClusterClient, person: Person) -> None:
        self._access, self._person = access, person

    def may(self, verb: str, resource: str, key: AppKey) -> bool:
        """Whether a verb is allowed; without a name, for all names.

        Raises:
            AgentError: the API server does not say.
        """
        attributes = {"group": GROUP, "resource": resource, "verb": verb, "namespace": key.namespace}
        attributes |= {"name": key.name} if key.name else {}
        spec = {"user": self._person.user, "groups": list(self._person.groups), "resourceAttributes": attributes}
        body = {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec}
        answer = self._access.transport.request("POST", _PATH, body=body)
        return bool(((answer or {}).get("status") or {}).get("allowed"))

    def demand(self, verb: str, resource: str, key: AppKey) -> None:
        """Refuses what the API server would refuse.

        Raises:
            Forbidden: the verb is not allowed.
        """
        if self.may(verb, resource, key):
            return
        named = f' "{key.name}"' if key.name else ""
        raise Forbidden(
            f'{resource}.{GROUP}{named} is forbidden: User "{self._person.user}" cannot {verb} resource "{resource}" '
            f'in API group "{GROUP}" in the namespace "{key.namespace}"',
            status=403,
        )

    def demand_action(self, action: str, resource: str, key: AppKey) -> None:
        """Refuses a request to the agent.

        Raises:
            Forbidden: to patch or the verb of the action is not allowed.
        """
        self.demand("patch", resource, key)
        verb = GRANTED_BY.get(action, action)
        if not self.may(verb, resource, key):
            phrase = _PHRASES.get(verb, _ROLLOUTS) if resource == "applications" or verb == "approve" else _ROLLOUTS
            raise Forbidden(
                f'{resource}.{GROUP} "{key.name}" is forbidden: {phrase.format(resource=resource, namespace=key.namespace)}',
                status=403,
            )
