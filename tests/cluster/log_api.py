"""An API server with pods and their logs, on the wire."""

from __future__ import annotations

import json
from typing import Any

from tests.cluster.wire import Asked, Line

PODS = {"resource": "pods", "responseKind": {"group": "", "version": "v1", "kind": "Pod"}, "scope": "Namespaced"}
DISCOVERY = {"v1": [PODS | {"singularResource": "pod", "verbs": ["get", "list", "watch"]}]}


def pod(name: str, *names: str, phase: str = "Running", init: str = "") -> dict[str, Any]:
    """A pod of the agent's namespace with some containers."""
    spec: dict[str, Any] = {"containers": [{"name": container} for container in names or ("agent",)]}
    if init:
        spec["initContainers"] = [{"name": init}]
    metadata = {"name": name, "namespace": "gitops-system", "uid": f"uid-of-{name}"}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec, "status": {"phase": phase}}


class Api:
    """An API server with some pods and their logs.

    Attributes:
        followed: logs that are open now.
    """

    lasts = False
    """Whether a log that is followed stays open."""

    def __init__(self, *pods: dict[str, Any], **logs: str) -> None:
        self.pods, self.logs = pods, logs
        self.followed = 0

    def __call__(self, asked: Asked, line: Line) -> None:
        if asked.path in ("/api", "/apis"):
            versions = [{"version": version, "resources": resources} for version, resources in DISCOVERY.items()]
            items = [{"metadata": {"name": ""}, "versions": versions}] if asked.path == "/api" else []
            media = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
            line.text(json.dumps({"kind": "APIGroupDiscoveryList", "items": items}), content_type=media)
        elif asked.path.endswith("/log"):
            text = self.logs.get(asked.path.split("/")[-2].replace("-", "_"))
            if text is None:
                line.refuse(400, "BadRequest", "container agent is waiting to start: ContainerCreating")
            elif asked.query["follow"] == "true":
                line.begin()
                for piece in filter(None, text.encode().partition(b"n")):
                    line.chunk(piece)
                if self.lasts:
                    self.followed += 1
                    line.hang()
                    self.followed -= 1
                line.end()
            else:
                line.text(text, content_type="text/plain")
        elif target := next((each for each in self.pods if asked.path.endswith(f"/pods/{each['metadata']['name']}")), None):
            line.json(target)
        else:
            line.json({"kind": "PodList", "apiVersion": "v1", "metadata": {"resourceVersion": "1"}, "items": self.pods})
