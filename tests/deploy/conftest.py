from __future__ import annotations

from pathlib import Path

import pytest

from gitops_agent.manifest.key import Object
from gitops_agent.manifest.yaml import load_all
from gitops_agent.process import run
from gitops_agent.render.binaries import find

ROOT = Path(__file__).parents[2]


def build(directory: Path) -> list[Object]:
    """What kustomize makes of a directory."""
    binary = find("kustomize")
    documents: list[Object] = load_all(run((str(binary.path), "build", str(directory))).stdout, file=str(directory))
    return documents


@pytest.fixture(scope="session")
def everything() -> list[Object]:
    """What `kubectl apply -k deploy/` installs."""
    return build(ROOT / "deploy")


@pytest.fixture(scope="session")
def read_only() -> list[Object]:
    """What `kubectl apply -k deploy/read-only/` installs."""
    return build(ROOT / "deploy/read-only")


def only(objects: list[Object], kind: str, name: str = "gitops-agent") -> Object:
    """The object of a kind and name."""
    (match,) = (obj for obj in objects if obj["kind"] == kind and obj["metadata"]["name"] == name)
    return match
