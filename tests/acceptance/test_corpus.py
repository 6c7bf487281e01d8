"""Public repositories, synced by the real agent: Healthy or explained.

Every object becomes Healthy, or the status says why it does not.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from gitops_agent.manifest.key import Object
from gitops_agent.manifest.marks import APPLICATION
from gitops_agent.process import run
from gitops_agent.sandbox.controlplane import ControlPlane
from tests.acceptance.installed_agent import InstalledAgent
from tests.acceptance.tenant import Tenant
from tests.corpus import clone

pytestmark = [pytest.mark.cluster, pytest.mark.e2e, pytest.mark.timeout(1200)]

SECONDS = 240.0
UNKNOWN = "the cluster knows no"
METRICS = "unable to get metrics"
FREE = {"maxObjects": 1000, "maxPercent": 100, "protectedKinds": []}


@dataclass(frozen=True, kw_only=True)
class Case:
    """One directory of a repository and what is expected of it.

    Attributes:
        path: of the directory.
        objects: how many it declares, at least.
        reasons: why objects are not Healthy: kind → what its reason says. Empty: the application becomes Ready.
        refused: what the status says of a directory that cannot be deployed at all.
        left_out: declared objects that are not applied.
    """

    path: str
    objects: int = 1
    reasons: Mapping[str, str] = field(default_factory=dict)
    refused: str = ""
    left_out: int = 0


FLUX = (
    Case(path="apps/staging", objects=4, reasons={"HelmRelease": UNKNOWN, "HelmRepository": UNKNOWN}),
    Case(path="apps/production", refused="but already by Application"),
    Case(path="infrastructure/controllers", objects=7, reasons={"HelmRelease": UNKNOWN, "OCIRepository": UNKNOWN}),
    Case(
        path="infrastructure/configs",
        objects=4,
        reasons={"ClusterIssuer": UNKNOWN, "Gateway": UNKNOWN, "GatewayClass": UNKNOWN},
    ),
    Case(path="clusters/staging", objects=5, reasons={"Kustomization": UNKNOWN, "ArtifactGenerator": UNKNOWN}),
)
ARGO = (
    Case(path="apps", objects=15, reasons={"Application": UNKNOWN}),
    Case(path="blue-green", objects=3, reasons={"Rollout": UNKNOWN}),
    Case(path="guestbook", objects=2),
    Case(path="helm-dependency", refused="run `helm dependency update helm-dependency`"),
    Case(path="helm-guestbook", objects=2),
    Case(path="helm-hooks", objects=2),
    Case(path="kustomize-guestbook", objects=2),
    Case(path="pre-post-sync", objects=2),
    Case(path="sock-shop", objects=29),
    Case(path="sync-waves", objects=4),
)
_PODINFO = {"HorizontalPodAutoscaler": METRICS, "StatefulSet": "unbound immediate PersistentVolumeClaims"}
PODINFO = (
    Case(path="charts/podinfo", objects=2),
    Case(path="kustomize", objects=3, reasons={"HorizontalPodAutoscaler": METRICS}),
    Case(path="deploy/overlays/dev", objects=25, reasons=_PODINFO),
    Case(path="deploy/overlays/staging", objects=25, reasons=_PODINFO),
    Case(path="deploy/overlays/production", objects=25, reasons=_PODINFO),
    Case(
        path="deploy/secure",
        objects=13,
        reasons={"Certificate": UNKNOWN, "ClusterIssuer": UNKNOWN, "HorizontalPodAutoscaler": "unable to get metrics"},
    ),
    # Both of its autoscalers select the pods of the backend.
    Case(path="deploy/webapp", objects=11, reasons={"HorizontalPodAutoscaler": ""}),
)
PROMETHEUS = (
    Case(
        path="",
        objects=131,
        reasons={
            "APIService": "metrics.k8s.io",
            "Alertmanager": "the operator has not reported it available",
            "Prometheus": "the operator has not reported it available",
        },
    ),
)
"""Pods are not real here: no metrics are served, and the operators do not run."""


@contextlib.contextmanager
def team(folder: Path) -> Iterator[Tenant]:
    """An agent on its own control plane, for cluster-wide leftovers.

    What public repositories bring is cluster-wide, and stays.
    """
    with (
        ControlPlane.start(folder / "plane", nodes=3, tied=True) as plane,
        InstalledAgent(plane, "gitops-agent", folder / "installed") as installed,
    ):
        agent = installed.start(settings={"leader__enabled": "false"})
        tenant = Tenant(installed, agent, "shop", folder / "team")
        yield tenant
        assert not agent.unexpected()


def declare(made: Tenant, short: str, url: str, path: str, **sync: Any) -> None:
    made.declare(
        short,
        source={"repoURL": url, "path": path},
        destination={"namespace": short, "createNamespace": True},
        sync={"deletionGuard": FREE, "timeout": "1h", **sync},
    )


def explained(made: Tenant, short: str, case: Case) -> Object:
    """The status once it explains every object, else nothing."""
    status: Object = made.application(short).get("status") or {}
    ready: Object = next((condition for condition in status.get("conditions") or () if condition["type"] == "Ready"), {})
    if case.refused:
        return status if ready.get("status") == "False" and case.refused in str(ready.get("message")) else {}
    resources = status.get("resources") or {}
    problems = resources.get("problems") or []
    if resources.get("total", 0) < case.objects or resources.get("leftOut", 0) != case.left_out:
        return {}
    if not case.reasons:
        return status if ready.get("status") == "True" and resources["synced"] == resources["total"] else {}
    kinds = {kind_of(problem["object"]) for problem in problems}
    known = all(case.reasons.get(kind_of(problem["object"]), "\0") in problem["message"] for problem in problems)
    waiting = sum(UNKNOWN in problem["message"] for problem in problems)
    rest = resources["total"] - resources["synced"] - waiting
    full = len(problems) == 10  # the status shows no more
    return status if known and (kinds == set(case.reasons) or full) and (rest == 0 or full) else {}


def kind_of(name: str) -> str:
    return name.partition(":")[0].rpartition("/")[2]


@pytest.mark.parametrize(
    ("repository", "cases"),
    [
        ("flux2-kustomize-helm-example", FLUX),
        ("argocd-example-apps", ARGO),
        ("podinfo", PODINFO),
        ("kube-prometheus", PROMETHEUS),
    ],
    ids=["flux2-kustomize-helm-example", "argocd-example-apps", "podinfo", "kube-prometheus"],
)
def test_every_object_of_a_public_repository_is_healthy_or_explained(
    repository: str, cases: tuple[Case, ...], tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    bare = clone(repository, tmp_path / "repository.git", "--bare")
    with team(tmp_path) as made:
        for number, case in enumerate(cases):
            short = f"app-{number}"
            started = time.monotonic()
            declare(made, short, f"file://{bare}", case.path)
            what = f"{repository}/{case.path} is Ready or explained"
            status = made.until(partial(explained, made, short, case), what, seconds=SECONDS)
            seconds = time.monotonic() - started
            record_property(f"{repository}/{case.path}", f"{status['resources']['total']} objects, {seconds:.1f} s")
        for number, case in enumerate(cases):
            assert explained(made, f"app-{number}", case), f"{case.path} is still as it was"


def test_six_years_of_releases_are_replayed_without_leftovers(tmp_path: Path) -> None:
    bare = clone("podinfo", tmp_path / "repository.git", "--bare")

    def git(*words: str) -> str:
        return run(("git", "-C", str(bare), *words)).stdout.decode().strip()

    head = git("rev-parse", "main")
    commits = git("log", "--first-parent", "--reverse", "--format=%H", "--", "kustomize", "charts/podinfo").splitlines()
    step = max(1, len(commits) // 10)
    replayed = [*commits[::step], head]
    with team(tmp_path) as made:
        git("update-ref", "refs/heads/main", replayed[0])
        for short, path in (("chart", "charts/podinfo"), ("plain", "kustomize")):
            declare(made, short, f"file://{bare}", path, interval="1h")
        outcomes = []
        for commit in replayed:
            git("update-ref", "refs/heads/main", commit)
            made.ask()
            outcome = {short: settled(made, short, commit) for short in ("chart", "plain")}
            if outcome["chart"] == "Immutable":  # the selector of the Deployment changed twice in these years
                made.delete("Deployment", f"{made.name('chart')}-podinfo", namespace="chart", api="apps/v1")
                made.ask()
                outcome["chart"] = made.until(partial(synced, made, "chart", commit), "the Deployment is made anew")
            outcomes.append(outcome)
        applied = [value for outcome in outcomes for value in outcome.values() if value == "Synced"]
        assert outcomes[-1] == {"chart": "Synced", "plain": "Synced"}
        assert len(applied) > len(replayed)
        left = {short: owned(made, short) for short in ("chart", "plain")}
        # What a fresh installation of the newest release consists of is all there is.
        for short, path in (("chart", "charts/podinfo"), ("plain", "kustomize")):
            declare(made, f"new-{short}", f"file://{bare}", path)
            assert settled(made, f"new-{short}", head) == "Synced"
            renamed = {(kind, name.replace(f"new-{short}", short)) for kind, name in owned(made, f"new-{short}")}
            assert left[short] == renamed


def synced(made: Tenant, short: str, commit: str) -> str:
    status = made.application(short).get("status") or {}
    done = status["sync"].get("revision") == commit and status["sync"].get("status") == "Synced"
    return "Synced" if done else ""


def settled(made: Tenant, short: str, commit: str) -> str:
    """How a commit ended: `Synced`, or the reason of its failure."""

    def check() -> str:
        status = made.application(short).get("status") or {}
        if (status.get("source") or {}).get("revision") != commit:
            return ""
        if synced(made, short, commit):
            return "Synced"
        synced_condition: Object = next(
            (condition for condition in status.get("conditions") or () if condition["type"] == "Synced"), {}
        )
        # Old releases are written for API versions that are gone, or lie elsewhere.
        final = ("PathNotFound", "Invalid", "RenderFailed", "Immutable")
        return str(synced_condition["reason"]) if synced_condition.get("reason") in final else ""

    return made.until(check, f"{short} has come to an end with {commit[:12]}", seconds=SECONDS)


def owned(made: Tenant, short: str) -> set[tuple[str, str]]:
    """Everything in the namespace that carries the application's mark: kind and name."""
    label = f"{APPLICATION}={made.installed.namespace}_{made.name(short)}"
    keys = set()
    for root in ("/api/v1", "/apis/apps/v1", "/apis/autoscaling/v2", "/apis/networking.k8s.io/v1", "/apis/policy/v1"):
        for resource in made.plane.request("GET", root)["resources"]:
            if "/" in resource["name"] or "list" not in resource["verbs"] or not resource["namespaced"]:
                continue
            listing = made.plane.request("GET", f"{root}/namespaces/{short}/{resource['name']}?labelSelector={label}")
            controlled = ("Endpoints", "Pod", "ReplicaSet")
            keys |= {
                (resource["kind"], item["metadata"]["name"])
                for item in listing["items"]
                if resource["kind"] not in controlled and "deletionTimestamp" not in item["metadata"]
            }
    return keys
