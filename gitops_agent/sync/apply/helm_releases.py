"""Whether Helm still remembers a release whose objects an Application has.

As long as it does, `helm uninstall` deletes them and `helm upgrade` overwrites them, whatever Git says.
"""

from __future__ import annotations

from gitops_agent.cluster.objects import Objects
from gitops_agent.errors import AgentError
from gitops_agent.manifest.kinds import SECRET
from gitops_agent.manifest.reading import mapping
from gitops_agent.sync.planning.plan import Plan

_MANAGED_BY = "app.kubernetes.io/managed-by"
_CHART = "helm.sh/chart"
REASON = "HelmReleasePresent"


def renders_chart(plan: Plan) -> bool:
    """Whether the labels of an object say that a chart made it."""
    labels = (mapping(action.manifest.obj, "metadata", "labels") for action in plan.actions if action.manifest is not None)
    return any(_CHART in object_labels or object_labels.get(_MANAGED_BY) == "Helm" for object_labels in labels)


def warning_of_release(objects: Objects, name: str, namespace: str) -> str:
    """A warning while Helm has a release of this name, else empty.

    Empty as well where that cannot be seen.
    """
    try:
        resource = objects.discovery.find(SECRET.group, SECRET.kind)
        selector = f"owner=helm,name={name}"
        if not objects.list(resource, namespace=namespace, label_selector=selector, metadata_only=True).items:
            return ""
    except AgentError:
        return ""
    command = f"gitops-agent import helm {name} -n {namespace} --retire"
    return f"{REASON}: `helm uninstall {name}` would delete objects of this application (next: {command})"
