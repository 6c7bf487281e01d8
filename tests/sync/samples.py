"""Objects, manifests and live states for tests of the pure core."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from gitops_agent.manifest.fields import desired_hash
from gitops_agent.manifest.key import AppKey, GroupKind, Object, ObjectKey
from gitops_agent.manifest.manifest import Manifest
from gitops_agent.revision.revision import Revision
from gitops_agent.sync.action import Action, ActionKind
from gitops_agent.sync.desired import Desired, build
from gitops_agent.sync.health import Health, Status
from gitops_agent.sync.live.live_object import LiveObject, Snapshot
from gitops_agent.sync.object_options import prune_disabled
from gitops_agent.sync.planning.plan import Plan

APP = AppKey("gitops-system", "shop")
OTHER = AppKey("gitops-system", "bank")
REVISION = Revision(repository="https://git.example.com/config.git", ref="main", commit="c" * 40)

API = {
    "Namespace": "v1",
    "ConfigMap": "v1",
    "Secret": "v1",
    "Service": "v1",
    "ServiceAccount": "v1",
    "PersistentVolumeClaim": "v1",
    "PersistentVolume": "v1",
    "ResourceQuota": "v1",
    "Pod": "v1",
    "Deployment": "apps/v1",
    "StatefulSet": "apps/v1",
    "Job": "batch/v1",
    "CronJob": "batch/v1",
    "Role": "rbac.authorization.k8s.io/v1",
    "RoleBinding": "rbac.authorization.k8s.io/v1",
    "ClusterRole": "rbac.authorization.k8s.io/v1",
    "ClusterRoleBinding": "rbac.authorization.k8s.io/v1",
    "StorageClass": "storage.k8s.io/v1",
    "CustomResourceDefinition": "apiextensions.k8s.io/v1",
    "ValidatingWebhookConfiguration": "admissionregistration.k8s.io/v1",
    "APIService": "apiregistration.k8s.io/v1",
    "HorizontalPodAutoscaler": "autoscaling/v2",
    "Ingress": "networking.k8s.io/v1",
    "IngressClass": "networking.k8s.io/v1",
    "Widget": "example.com/v1",
    "Application": "gitops-agent.dev/v1alpha1",
}
CLUSTER_SCOPED = frozenset(
    {
        "Namespace",
        "PersistentVolume",
        "ClusterRole",
        "ClusterRoleBinding",
        "StorageClass",
        "CustomResourceDefinition",
        "ValidatingWebhookConfiguration",
        "APIService",
        "IngressClass",
    },
)


def scope(kind: GroupKind) -> bool | None:
    """The scope of the kinds above; Widgets only by their CRD."""
    if kind.kind not in API or kind.kind == "Widget":
        return None
    return kind.kind not in CLUSTER_SCOPED


def thing(
    kind: str, name: str, /, *, namespace: str = "shop", annotations: Mapping[str, Any] | None = None, **body: Any
) -> Object:
    """A raw object."""
    metadata: Object = {"name": name}
    if kind not in CLUSTER_SCOPED:
        metadata["namespace"] = namespace
    if annotations:
        metadata["annotations"] = dict(annotations)
    return {"apiVersion": API[kind], "kind": kind, "metadata": metadata, **body}


def workload(
    kind: str, name: str, /, *, namespace: str = "shop", annotations: Mapping[str, Any] | None = None, **pod: Any
) -> Object:
    """A workload whose pods carry the label `app: name`."""
    spec = {"containers": [{"name": "main", "image": "example.com/main:1"}], **pod}
    template = {"metadata": {"labels": {"app": name}}, "spec": spec}
    return thing(kind, name, namespace=namespace, annotations=annotations, spec={"replicas": 2, "template": template})


def crd(plural: str = "widgets", kind: str = "Widget", *, namespaced: bool = True) -> Object:
    """A CRD of group example.com."""
    spec = {
        "group": "example.com",
        "names": {"kind": kind, "plural": plural},
        "scope": "Namespaced" if namespaced else "Cluster",
    }
    return thing("CustomResourceDefinition", f"{plural}.example.com", spec=spec)


def manifests(*objects: Object) -> list[Manifest]:
    """The objects as one render would give them."""
    return [Manifest.of(obj, file="all.yaml", document=index) for index, obj in enumerate(objects)]


def wanted(*objects: Object, application: AppKey = APP, **options: Any) -> Desired:
    """The desired state of these objects."""
    settings: dict[str, Any] = {"namespace": "shop", "scope": scope, "revision": REVISION, **options}
    return build(manifests(*objects), application=application, **settings)


def key(kind: str, name: str, namespace: str = "shop") -> ObjectKey:
    """The key of such an object."""
    return ObjectKey.of(thing(kind, name, namespace=namespace))


def live_of(manifest: Manifest, *, owner: AppKey | None = APP, **changes: Any) -> LiveObject:
    """The live object right after the manifest was applied."""
    return replace(
        LiveObject(
            key=manifest.key,
            uid=f"uid of {manifest.key}",
            resource_version="1",
            owner=owner,
            digest=manifest.digest,
            revision="b" * 40,
            projection=desired_hash(manifest.obj),
            health=Health(Status.HEALTHY),
            prune_disabled=prune_disabled(manifest.obj),
        ),
        **changes,
    )


def live(obj: Object, **changes: Any) -> LiveObject:
    """The live object right after this one was applied."""
    return live_of(wanted(obj).manifests[0], **changes)


def seen(
    *objects: LiveObject, complete: bool = True, cannot_see: Mapping[GroupKind, str] | None = None, **rest: Any
) -> Snapshot:
    """A snapshot of these live objects."""
    baselines = rest.pop("baselines", {})
    assert not rest
    by_key = {obj.key: obj for obj in objects}
    return Snapshot(objects=by_key, baselines=baselines, cannot_see=cannot_see or {}, complete=complete)


def kinds(plan: Plan) -> dict[str, str]:
    """What the plan does, by printed key."""
    return {str(action.key): action.kind.value for action in plan.actions}


def executed(plan: Plan, snapshot: Snapshot) -> Snapshot:
    """What is live once a perfect executor has run the plan."""
    objects = dict(snapshot.objects)
    baselines = dict(snapshot.baselines)
    for action in plan.actions:
        if action.kind is ActionKind.DELETE:
            objects.pop(action.key)
            baselines.pop(action.key, None)
        elif action.kind in (ActionKind.CREATE, ActionKind.UPDATE, ActionKind.REPLACE):
            assert action.manifest is not None
            objects[action.key] = live_of(action.manifest)
            baselines[action.key] = (action.manifest.digest, desired_hash(action.manifest.obj))
    return replace(snapshot, objects=objects, baselines=baselines)


def creations(objects: Iterable[Object]) -> list[Action]:
    """Actions that create these objects."""
    desired = wanted(*objects)
    return [
        Action(kind=ActionKind.CREATE, key=manifest.key, manifest=manifest, intent=ActionKind.CREATE)
        for manifest in desired.manifests
    ]


def deletions(*keys: ObjectKey) -> list[Action]:
    """Actions that delete these objects."""
    lives = [LiveObject(key=object_key, uid="u", owner=APP, health=Health(Status.HEALTHY)) for object_key in keys]
    return [
        Action(kind=ActionKind.DELETE, key=live_object.key, live=live_object, intent=ActionKind.DELETE) for live_object in lives
    ]
