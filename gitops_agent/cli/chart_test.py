"""`gitops-agent test APP`: runs the tests of an Application's chart.

As `helm test` does: with the rights of the caller, at the applied commit, one after the other, and as no part of a sync.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

import click

from gitops_agent.cli import complete
from gitops_agent.cli import output as out
from gitops_agent.cli.exit_codes import DIFFERENT
from gitops_agent.cli.watch_until import seconds_of, until
from gitops_agent.errors import AgentError, Conflict, NotFound

if TYPE_CHECKING:
    from gitops_agent.cluster.client import ClusterClient
    from gitops_agent.manifest.key import Object
    from gitops_agent.sync.hooks.hook import Hook


@click.command("test")
@click.argument("name", shell_complete=complete.applications)
@click.option("--timeout", default="5m", show_default=True, help="For all tests together.")
@out.cluster_options
def chart_test(name: str, *, timeout: str, kubeconfig: str | None, context: str | None, namespace: str) -> None:
    """Run the tests of an Application's chart, at the applied commit.

    Exit codes: 0 all have passed, or there are none; 3 one has failed or did not end in time.
    """
    from gitops_agent.cluster.client import ClusterClient
    from gitops_agent.preview.chart_tests import chart_tests

    deadline = time.monotonic() + seconds_of(timeout, "--timeout")
    access = ClusterClient.open(kubeconfig, context, namespace)
    tests = chart_tests(access, access.application(name))
    if not tests:
        out.talk(f"the chart of {name} has no tests")
        return
    for test in tests:
        problem = _run(access, test, deadline)
        click.echo(out.coloured(f"{test.key}: {'failed' if problem else 'passed'}", "Degraded" if problem else "Healthy"))
        if problem:
            out.talk(
                out.line(f"{problem} (next: kubectl logs -n {test.key.namespace} {test.key.kind.lower()}/{test.key.name})")
            )
            sys.exit(DIFFERENT)


def _run(access: ClusterClient, test: Hook, deadline: float) -> str:
    """Runs one test; why it has not passed, empty when it has."""
    from gitops_agent.sync.health import assess
    from gitops_agent.sync.hook_runs.outcome import outcome
    from gitops_agent.sync.hook_runs.record import RunState
    from gitops_agent.sync.hooks.delete_policy import DeletePolicy

    def state(live: Object) -> RunState:
        return outcome(assess(live), runs_to_an_end=test.runs_to_an_end)

    _make_room(access, test, deadline)
    access.objects.create(_unmarked(test.manifest.obj))
    live = until(
        access,
        test.key.name,
        lambda live: state(live) is not RunState.RUNNING,
        seconds=max(0.0, deadline - time.monotonic()),
        seen=lambda _: None,
        kind=test.key.kind,
        group=test.key.group,
        namespace=test.key.namespace,
    )
    if live is None:
        return "it has not ended in time"
    passed = state(live) is RunState.SUCCEEDED
    policy = DeletePolicy.HOOK_SUCCEEDED if passed else DeletePolicy.HOOK_FAILED
    if policy in test.policies and not test.keep:
        access.objects.delete(test.key, uid=str(live["metadata"]["uid"]), propagation="Background")
    return "" if passed else str(assess(live).message or assess(live).reason or "it failed")


def _make_room(access: ClusterClient, test: Hook, deadline: float) -> None:
    """Deletes the object of an earlier run, and nothing else.

    Raises:
        Conflict: another object has the name.
    """
    from gitops_agent.preview.chart_tests import is_test

    try:
        live = access.objects.get(test.key)
    except NotFound:
        return
    if not is_test(live):
        raise Conflict(f"{test.key} is there and no test of a chart", status=409, code="AlreadyExists")
    access.objects.delete(test.key, uid=str(live["metadata"]["uid"]), propagation="Background")
    try:
        until(
            access,
            test.key.name,
            lambda _: False,
            seconds=max(0.0, deadline - time.monotonic()),
            seen=lambda _: None,
            kind=test.key.kind,
            group=test.key.group,
            namespace=test.key.namespace,
        )
    except AgentError as error:
        if error.reason != "NotFound":
            raise


def _unmarked(obj: Object) -> Object:
    """The object without the annotation of a hook of a sync."""
    from gitops_agent.manifest.marks import HOOK

    annotations = {name: text for name, text in obj["metadata"]["annotations"].items() if name != HOOK}
    return {**obj, "metadata": {**obj["metadata"], "annotations": annotations}}
