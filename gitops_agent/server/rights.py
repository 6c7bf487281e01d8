"""What a viewer may do in a namespace.

One SelfSubjectRulesReview with the viewer's own credentials answers for all verbs; where the API server cannot list
all rules (an external authorizer), each verb is reviewed by itself. The verbs `sync`, `pause`, `approve` … are verbs of
our resources: where the ValidatingAdmissionPolicy of `deploy/components/approval` is installed, the API server demands them
of every client. Elsewhere the right to patch is enough, as for kubectl.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from gitops_agent.cluster.client import ClusterClient
from gitops_agent.errors import AgentError
from gitops_agent.manifest.key import Object
from gitops_agent.manifest.kinds import GROUP

APPLICATION_VERBS = ("sync", "pause", "resume", "approve", "retry", "rollback")
ROLLOUT_VERBS = ("promote", "advance", "pause", "resume", "abort", "retry", "approve")
GRANTED_BY = {"resume": "pause", "rollback": "sync", "advance": "promote"}
"""Verbs that another verb grants."""

SHARE = "share"
"""The verb that making a share link needs; nothing else grants it."""

_READS = ("get", "list", "watch")
POLICY = "gitops-agent-verbs"
"""The ValidatingAdmissionPolicy and its binding."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rights:
    """What is allowed in one namespace.

    Attributes:
        namespace: which one.
        allowed: verb and resource, such as `("get", "applications")`.
        names: verb, resource and name, where a rule names objects.
        incomplete: whether there may be more.
        enforced: whether the verbs of our own are demanded.
    """

    namespace: str
    allowed: frozenset[tuple[str, str]] = frozenset()
    names: frozenset[tuple[str, str, str]] = frozenset()
    incomplete: bool = False
    enforced: bool = False

    def may(self, verb: str, resource: str, name: str = "") -> bool:
        """Whether a verb of the API is allowed."""
        return (verb, resource) in self.allowed or (verb, resource, name) in self.names

    def missing(self, action: str, resource: str, name: str = "") -> str:
        """The verb that an action lacks; empty when it may be done."""
        if not self.may("patch", resource, name):
            return "patch"
        verb = GRANTED_BY.get(action, action)
        return verb if self.enforced and not self.may(verb, resource, name) else ""

    @property
    def sees_all(self) -> bool:
        """Whether every Application of the namespace is shown."""
        return self.may("list", "applications")

    def sees(self, name: str) -> bool:
        """Whether an Application is shown."""
        return self.sees_all or self.may("get", "applications", name)


def rights_of(access: ClusterClient, namespace: str, *, enforced: bool) -> Rights:
    """Asks the API server, with the viewer's credentials.

    Raises:
        AgentError: the API server does not answer, or accepts the credentials no more.
    """
    review = access.transport.request(
        "POST",
        "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews",
        body={
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectRulesReview",
            "spec": {"namespace": namespace},
        },
    )
    status = (review or {}).get("status") or {}
    allowed, names = granted(status.get("resourceRules") or ())
    incomplete = bool(status.get("incomplete"))
    if incomplete:
        allowed |= _asked_one_by_one(access, namespace)
    return Rights(
        namespace=namespace, allowed=frozenset(allowed), names=frozenset(names), incomplete=incomplete, enforced=enforced
    )


def granted(rules: Iterable[Object]) -> tuple[set[tuple[str, str]], set[tuple[str, str, str]]]:
    """What rules of RBAC allow on our resources, as in `Rights`."""
    allowed: set[tuple[str, str]] = set()
    names: set[tuple[str, str, str]] = set()
    for rule in rules:
        _take(rule, allowed, names)
    return allowed, names


def verbs_are_enforced(access: ClusterClient) -> bool:
    """Whether the policy that demands our verbs is bound."""
    path = f"/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings/{POLICY}"
    try:
        access.transport.request("GET", path)
    except AgentError:
        return False
    return True


def rule_for(verb: str, resource: str, namespace: str) -> str:
    """A Role that grants a verb, as YAML to copy."""
    return (
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata:\n"
        f"  name: gitops-agent-{verb}\n  namespace: {namespace}\n"
        f"rules:\n  - apiGroups: [{GROUP}]\n    resources: [{resource}]\n    verbs: [{verb}]\n"
    )


_RESOURCES = ("applications", "rolloutpolicies", "notifiers")


def _take(rule: Object, allowed: set[tuple[str, str]], names: set[tuple[str, str, str]]) -> None:
    groups, listed = rule.get("apiGroups") or (), rule.get("resources") or ()
    if GROUP not in groups and "*" not in groups:
        return
    ours = (*_READS, "patch", "update", SHARE, *APPLICATION_VERBS, *ROLLOUT_VERBS)
    verbs = ours if "*" in (rule.get("verbs") or ()) else tuple(rule.get("verbs") or ())
    for resource in _RESOURCES if "*" in listed else listed:
        for verb in verbs:
            if rule.get("resourceNames"):
                names |= {(verb, resource, str(name)) for name in rule["resourceNames"]}
            else:
                allowed.add((verb, resource))


def _asked_one_by_one(access: ClusterClient, namespace: str) -> set[tuple[str, str]]:
    allowed = set()
    for resource, verbs in (
        ("applications", (*_READS, "patch", SHARE, *APPLICATION_VERBS)),
        ("rolloutpolicies", ("patch", *ROLLOUT_VERBS)),
        ("notifiers", ("list", "patch")),
    ):
        for verb in dict.fromkeys(GRANTED_BY.get(verb, verb) for verb in verbs):
            attributes = {"group": GROUP, "resource": resource, "verb": verb, "namespace": namespace}
            answer = access.transport.request(
                "POST",
                "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
                body={
                    "apiVersion": "authorization.k8s.io/v1",
                    "kind": "SelfSubjectAccessReview",
                    "spec": {"resourceAttributes": attributes},
                },
            )
            if ((answer or {}).get("status") or {}).get("allowed"):
                allowed.add((verb, resource))
    return allowed
