"""Builds the desired state from a render, as the commands need it.

The agent's loader reads kinds and autoscalers from what it watches; a command asks the API server. What is built is the same.
"""

from __future__ import annotations

from gitops_agent.api.application import Application
from gitops_agent.api.sync_options import IgnoreFields
from gitops_agent.cluster.client import ClusterClient
from gitops_agent.errors import CannotSee, UnknownKind
from gitops_agent.manifest.key import GroupKind, ObjectKey
from gitops_agent.render.request import Rendered
from gitops_agent.revision.revision import Revision
from gitops_agent.sync.desired import Desired, build


def desired_state(
    access: ClusterClient,
    application: Application,
    rendered: Rendered,
    revision: Revision,
    *,
    autoscaled: frozenset[ObjectKey] = frozenset(),
    ignore_fields: tuple[IgnoreFields, ...] = (),
) -> Desired:
    """The desired state of an Application.

    Args:
        access: the cluster.
        application: whose.
        rendered: the render of the commit.
        revision: the commit.
        autoscaled: workloads whose replicas are left out; none keeps what Git declares.
        ignore_fields: fields that are left out; none keeps what Git declares.
    """

    def scope(kind: GroupKind) -> bool | None:
        try:
            return access.discovery.find(kind.group, kind.kind).namespaced
        except (UnknownKind, CannotSee):
            return None

    return build(
        rendered.manifests,
        application=application.key,
        revision=revision,
        namespace=application.namespace,
        scope=scope,
        create_namespace=application.spec.destination.create_namespace,
        autoscaled=autoscaled,
        ignore_fields=ignore_fields,
        helm_hooks=application.spec.helm_hooks,
    )
