"""Generates the CRDs from the models: `python -m gitops_agent.api.crd DIRECTORY`.

They are committed where `kubectl apply -k` finds them, and a test fails when the committed text is stale.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from gitops_agent.api import application, notifier, rollout_policy
from gitops_agent.api.application import VERSION, ApplicationSpec
from gitops_agent.api.application_status import ApplicationStatus
from gitops_agent.api.model import Model
from gitops_agent.api.notifier import NotifierSpec
from gitops_agent.api.notifier_status import NotifierStatus
from gitops_agent.api.rollout_policy import RolloutPolicySpec
from gitops_agent.api.rollout_status import RolloutPolicyStatus
from gitops_agent.api.schema import structural
from gitops_agent.manifest.key import Object
from gitops_agent.manifest.kinds import GROUP
from gitops_agent.manifest.yaml import dump

_AGE = {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"}


def crds() -> list[Object]:
    """The CustomResourceDefinitions of every kind of ours, by name."""
    return [
        _crd(
            kind=application.KIND,
            description="A directory of a Git repository that the agent keeps a part of this cluster in step with.",
            short=("app", "gapp"),
            spec=ApplicationSpec,
            status=ApplicationStatus,
            columns=[
                _column("Ready", '.status.conditions[?(@.type=="Ready")].status'),
                _column("Sync", ".status.sync.status"),
                _column("Health", ".status.health.status"),
                _column("Reason", '.status.conditions[?(@.type=="Ready")].reason'),
                _column("Revision", ".status.sync.shortRevision"),
                _AGE,
                _column("Repository", ".spec.source.repoURL", wide=True),
                _column("Path", ".spec.source.path", wide=True),
                _column("Message", '.status.conditions[?(@.type=="Ready")].message', wide=True),
            ],
        ),
        _crd(
            kind=notifier.KIND,
            description="Sends notifications when an Application breaks, recovers, drifts or waits for approval.",
            short=("ntf",),
            spec=NotifierSpec,
            status=NotifierStatus,
            columns=[
                _column("Provider", ".spec.provider"),
                _column("Ready", '.status.conditions[?(@.type=="Ready")].status'),
                _AGE,
                _column("Message", '.status.conditions[?(@.type=="Ready")].message'),
            ],
        ),
        _crd(
            kind=rollout_policy.KIND,
            plural="rolloutpolicies",
            description="How new versions of a workload take over, and what they are judged by.",
            short=("rop",),
            spec=RolloutPolicySpec,
            status=RolloutPolicyStatus,
            columns=[
                _column("Workload", ".spec.targetRef.name"),
                _column("Phase", ".status.phase"),
                {"name": "Weight", "type": "integer", "jsonPath": ".status.weight"},
                _AGE,
                _column("Message", ".status.message"),
            ],
        ),
    ]


def _crd(
    *,
    kind: str,
    description: str,
    short: tuple[str, ...],
    spec: type[Model],
    status: type[Model],
    columns: list[dict[str, Any]],
    plural: str = "",
) -> Object:
    plural = plural or f"{kind.lower()}s"
    properties = {
        "apiVersion": {"type": "string", "description": "The version of the schema."},
        "kind": {"type": "string", "description": "The kind."},
        "metadata": {"type": "object"},
        "spec": structural(spec),
        "status": structural(status, defaults=False),
    }
    version = {
        "name": VERSION,
        "served": True,
        "storage": True,
        "subresources": {"status": {}},
        "additionalPrinterColumns": columns,
        "schema": {
            "openAPIV3Schema": {
                "description": description,
                "type": "object",
                "required": ["spec"],
                "properties": properties,
            }
        },
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{GROUP}", "labels": {"app.kubernetes.io/part-of": "gitops-agent"}},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": kind,
                "listKind": f"{kind}List",
                "plural": plural,
                "singular": kind.lower(),
                "shortNames": list(short),
                "categories": ["gitops"],
            },
            "versions": [version],
        },
    }


def _column(name: str, path: str, *, wide: bool = False) -> dict[str, Any]:
    """A column of `kubectl get`, or of `-o wide` only."""
    return {"name": name, "type": "string", "jsonPath": path} | ({"priority": 1} if wide else {})


def texts() -> dict[str, str]:
    """The files: name to content."""
    return {f"{crd['spec']['names']['plural']}.yaml": dump(crd) for crd in crds()}


def write(directory: Path) -> None:
    """Writes every CRD below a directory."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, text in texts().items():
        (directory / name).write_text(text)


if __name__ == "__main__":
    write(Path(sys.argv[1]))
