"""The tests of a chart, by the command and after a sync."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.acceptance.tenant import Tenant

pytestmark = [pytest.mark.cluster]

POD = """\
apiVersion: v1
kind: Pod
metadata:
  name: smoke
  annotations: {helm.sh/hook: test, sandbox.gitops-agent.dev/run-for: 1h}
spec:
  restartPolicy: Never
  containers: [{name: main, image: example.com/smoke:1}]
"""
CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\ndata: {mode: fast}\n"
CHART = "apiVersion: v2\nname: web\nversion: 0.1.0\n"
FILES: dict[str, str | bytes] = {"Chart.yaml": CHART, "templates/web.yaml": CONFIG, "templates/tests/smoke.yaml": POD}


def end(team: Tenant, phase: str) -> str:
    """Ends the pod of the test; its uid."""

    def uid() -> str:
        live = team.get("Pod", "smoke") or {}
        running = live.get("status", {}).get("phase") == "Running" and not live["metadata"].get("deletionTimestamp")
        return str(live["metadata"]["uid"]) if running else ""

    pod_uid = team.until(uid, "the test runs")
    path = f"/api/v1/namespaces/{team.namespace}/pods/smoke/status"
    patch = {"status": {"phase": phase, "containerStatuses": None}}
    team.plane.request("PATCH", path, patch, content_type="application/merge-patch+json")
    return pod_uid


def run(team: Tenant, phase: str) -> tuple[int, str, str]:
    """Runs the command: exit code, output, uid of the pod."""
    words = ["-m", "gitops_agent", "test", team.name("app"), "-n", team.installed.namespace]
    command = [sys.executable, *words, "--kubeconfig", str(team.plane.kubeconfig)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        uid = end(team, phase)
        output, _ = process.communicate(timeout=60)
    return process.returncode, output, uid


def test_the_tests_of_a_chart_run_when_asked_for(team: Tenant) -> None:
    commit = team.commit(FILES)
    team.declare()
    team.settled(commit)
    assert team.get("Pod", "smoke") is None

    code, output, first = run(team, "Succeeded")
    assert (code, output) == (0, f"Pod:{team.namespace}/smoke: passed\n")
    code, output, second = run(team, "Failed")
    assert code == 3
    assert output.startswith(f"Pod:{team.namespace}/smoke: failed\n")
    assert f"kubectl logs -n {team.namespace} pod/smoke" in output
    assert first != second
    team.looked()
    assert (team.get("Pod", "smoke") or {})["metadata"]["uid"] == second


def test_the_tests_of_a_chart_run_after_a_sync(team: Tenant) -> None:
    commit = team.commit(FILES)
    team.declare(render={"helm": {"tests": "after-sync"}}, sync={"rollback": {"onDegraded": True}})
    first = end(team, "Succeeded")
    team.settled(commit)

    team.commit({**FILES, "templates/web.yaml": CONFIG.replace("fast", "broken")})
    second = end(team, "Failed")
    message = team.says("RolledBack", f"is rejected: post-sync hook Pod:{team.namespace}/smoke: ")
    team.until(lambda: (team.config("web") or {}).get("data") == {"mode": "fast"}, "the version before is applied again")
    third = end(team, "Succeeded")
    assert message
    assert len({first, second, third}) == 3
