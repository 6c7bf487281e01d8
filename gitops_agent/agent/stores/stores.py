"""Bundles the watch-fed stores.

Every stage reads them; their watches and the responses to our own writes fill them.
"""

from __future__ import annotations

from dataclasses import dataclass

from gitops_agent.agent.ports import Wake
from gitops_agent.agent.stores.account_access import AccountAccess
from gitops_agent.agent.stores.applications import ApplicationStore
from gitops_agent.agent.stores.autoscalers import AutoscalerStore
from gitops_agent.agent.stores.config_maps import ConfigMapStore
from gitops_agent.agent.stores.endpoint_slices import EndpointSliceStore
from gitops_agent.agent.stores.live_objects import LiveObjectInformer
from gitops_agent.agent.stores.mark_key import MarkKeyStore
from gitops_agent.agent.stores.prerequisites import PrerequisiteWatcher
from gitops_agent.agent.stores.rollout_policies import RolloutPolicyStore
from gitops_agent.agent.stores.secrets import SecretStore
from gitops_agent.agent.work_queue import WorkQueue
from gitops_agent.api.application_rules import NO_RULES, ApplicationRules
from gitops_agent.cluster.objects import Objects
from gitops_agent.httpclient.allowed_hosts import ANYWHERE, AllowedHosts
from gitops_agent.manifest.key import AppKey
from gitops_agent.manifest.mark_authority import MarkAuthority
from gitops_agent.sync.health.expressions import HealthExpressions
from gitops_agent.sync.live.live_state import LiveState


@dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    """What the agent knows of the cluster.

    Attributes:
        applications: the Applications of the agent's namespace.
        policies: the RolloutPolicies.
        live: the live objects of all applications.
        mark_key: gives the live state the key that verifies marks.
        informer: keeps `live` current, a kind at a time.
        endpoints: the EndpointSlices of Services whose traffic is split.
        autoscalers: the workloads that live autoscalers scale.
        secrets: the Secrets in use.
        config_maps: the ConfigMaps in use.
        prerequisites: the CRDs and Namespaces that applications wait for.
        access: what the accounts of Applications may do.
    """

    applications: ApplicationStore
    policies: RolloutPolicyStore
    live: LiveState
    mark_key: MarkKeyStore
    informer: LiveObjectInformer
    endpoints: EndpointSliceStore
    autoscalers: AutoscalerStore
    secrets: SecretStore
    config_maps: ConfigMapStore
    prerequisites: PrerequisiteWatcher
    access: AccountAccess


def build_stores(
    objects: Objects,
    queue: WorkQueue[AppKey],
    *,
    namespace: str = "",
    rules: ApplicationRules = NO_RULES,
    git_hosts: AllowedHosts = ANYWHERE,
    expressions: HealthExpressions | None = None,
) -> Stores:
    """Makes empty stores that queue an application when its objects change.

    Args:
        objects: the cluster.
        queue: of applications.
        namespace: whose Applications are served; all of them when empty.
        rules: of the installation.
        git_hosts: the hosts that may receive credentials of repositories.
        expressions: judge the health of custom kinds.
    """
    wake: Wake = queue.add
    authority = MarkAuthority()
    live = LiveState(authority, expressions)
    policies = RolloutPolicyStore(objects, wake, authority)
    return Stores(
        applications=ApplicationStore(wake, namespace=namespace, rules=rules),
        policies=policies,
        live=live,
        mark_key=MarkKeyStore(objects, live, authority, namespace, wake),
        informer=LiveObjectInformer(objects, live, wake),
        endpoints=EndpointSliceStore(live, policies, wake),
        autoscalers=AutoscalerStore(wake),
        secrets=SecretStore(objects, git_hosts),
        config_maps=ConfigMapStore(objects),
        prerequisites=PrerequisiteWatcher(objects, queue),
        access=AccountAccess(objects),
    )
