"""Values of Secrets in renders of charts, by the real workers."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gitops_agent.render.helm_values import entries
from gitops_agent.render.memory import memory_folder
from gitops_agent.render.request import Failure, Rendered, RenderLimits, RenderRequest
from gitops_agent.render.worker.client import RenderWorkers
from gitops_agent.render.worker.launch import ProcessDialer
from gitops_agent.render.worktree import WorkTree
from tests.render.samples import CHART, ask, put

PASSWORD = "hunter22-of-the-shop"
SECRET = "apiVersion: v1\nkind: Secret\nmetadata: {name: db}\nstringData: {password: {{ .Values.db.password | quote }}}\n"
EXPOSING = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: db}\ndata: {url: 'pg://shop:{{ .Values.db.password }}@db'}\n"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def workers(programs: Mapping[str, Path]) -> Iterator[RenderWorkers]:
    """Workers with their scratch folder in memory."""
    chosen: dict[str, Path | None] = {"helm": programs["helm"], "kustomize": programs["kustomize"]}
    with tempfile.TemporaryDirectory(dir=memory_folder()) as scratch:
        started = RenderWorkers(ProcessDialer(Path(scratch), chosen), limits=RenderLimits(), programs=chosen)
        yield started
        started.stop()


def request(**more: Any) -> RenderRequest:
    source = {"kind": "Secret", "name": "db", "key": "password", "targetPath": "/db/password", **more}
    asked = ask("web", helm={"valuesFrom": [source]})
    assert asked.options is not None
    assert asked.options.helm is not None
    return replace(asked, variables=entries(asked.options.helm.values_from, [{"password": PASSWORD.encode()}]))


def attempt(workers: RenderWorkers, repository: Path, template: str, **more: Any) -> Rendered | Failure:
    put(repository, {"web/Chart.yaml": CHART, "web/templates/a.yaml": template})
    return workers.attempt(WorkTree(repository), request(**more))


def test_a_value_of_a_secret_may_go_into_a_secret(workers: RenderWorkers, repository: Path) -> None:
    result = attempt(workers, repository, SECRET)
    assert isinstance(result, Rendered), result
    assert result.manifests[0].obj["stringData"] == {"password": PASSWORD}
    assert result.warnings == ()


def test_a_value_of_a_secret_in_another_object_is_refused(workers: RenderWorkers, repository: Path) -> None:
    result = attempt(workers, repository, EXPOSING)
    assert isinstance(result, Failure)
    assert result.error.reason == "SecretExposed"
    assert "ConfigMap:db data.url holds a value of Secret db, key password" in result.error.message
    assert PASSWORD not in str(result)


def test_a_value_of_a_secret_may_be_let_through(workers: RenderWorkers, repository: Path) -> None:
    result = attempt(workers, repository, EXPOSING, exposure="warn")
    assert isinstance(result, Rendered), result
    (warning,) = result.warnings
    assert "holds a value of Secret db, key password" in warning
    assert PASSWORD not in warning


def test_no_error_of_helm_quotes_a_value_of_a_secret(workers: RenderWorkers, repository: Path) -> None:
    result = attempt(workers, repository, "{{ fail .Values.db.password }}")
    assert isinstance(result, Failure)
    assert PASSWORD not in str(result)


def test_a_value_of_a_secret_is_written_to_no_disk(programs: Mapping[str, Path], repository: Path, tmp_path: Path) -> None:
    chosen: dict[str, Path | None] = {"helm": programs["helm"], "kustomize": programs["kustomize"]}
    workers = RenderWorkers(ProcessDialer(tmp_path / "scratch", chosen), limits=RenderLimits(), programs=chosen)
    try:
        result = attempt(workers, repository, SECRET)
    finally:
        workers.stop()
    assert isinstance(result, Failure)
    assert result.error.reason == "PlaintextOnDisk"
