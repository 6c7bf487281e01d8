"""Finds rollouts by name, by namespace or by Application."""

from __future__ import annotations

from gitops_agent.api.rollout_policy import KIND
from gitops_agent.cluster.client import NOT_INSTALLED, ClusterClient
from gitops_agent.errors import AgentError, NotFound, UnknownKind, UsageError
from gitops_agent.manifest.key import AppKey, Object, ObjectKey
from gitops_agent.manifest.kinds import GROUP
from gitops_agent.rollout.progress import Attention, RolloutProgress

_SHOWN = 8


def find(access: ClusterClient, name: str, namespace: str = "") -> RolloutProgress:
    """The one rollout that a name means.

    Args:
        access: the cluster.
        name: of the policy, as `namespace/name` or `name`.
        namespace: where it is looked for when the name does not say; everywhere when empty.

    Raises:
        UsageError: there is none of that name, or there are several.
    """
    where, _, short = name.rpartition("/")
    if where and namespace and where != namespace:
        raise UsageError(f"{name} and --namespace {namespace} contradict each other")
    where = where or namespace
    if where:  # who may read this one need not be allowed to list
        try:
            return RolloutProgress.of(access.objects.get(ObjectKey(GROUP, KIND, where, short)))
        except NotFound:
            pass
        except UnknownKind as error:
            raise UsageError(NOT_INSTALLED) from error
    candidates = every(access, where)
    matching = [candidate for candidate in candidates if candidate.key.name == short]
    if len(matching) == 1:
        return matching[0]
    if matching:
        raise UsageError(f"there are several of that name: say {' or '.join(str(candidate.key) for candidate in matching)}")
    names = [str(candidate.key) for candidate in candidates]
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    there = f"there is {', '.join(names[:_SHOWN])}{more}" if names else "there is none at all"
    raise UsageError(f"there is no {KIND} {short}{f' in namespace {where}' if where else ''}; {there}")


def every(access: ClusterClient, namespace: str = "", selector: str = "") -> list[RolloutProgress]:
    """All rollouts of a namespace, or of every namespace; worst first."""
    listed = access.listed(KIND, namespace=namespace, selector=selector)
    return sorted((RolloutProgress.of(raw) for raw in listed), key=urgency)


def urgency(standing: RolloutProgress) -> tuple[int, AppKey]:
    """Sorts the worst first."""
    return list(Attention).index(standing.outlook), standing.key


def of_application(access: ClusterClient, application: Object) -> tuple[list[RolloutProgress], str]:
    """The rollouts in the status of an Application, and what was unreadable."""
    rollouts: list[RolloutProgress] = []
    problem = ""
    for entry in (application.get("status") or {}).get("rollouts") or ():
        try:
            workload = ObjectKey.parse(str(entry.get("workload")))
            rollouts.append(
                RolloutProgress.of(access.objects.get(ObjectKey(GROUP, KIND, workload.namespace, str(entry.get("policy")))))
            )
        except (AgentError, ValueError) as error:
            problem = str(error)
    return sorted(rollouts, key=urgency), problem
