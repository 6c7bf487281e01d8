"""The tests of an Application's chart, at the commit that is applied."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

from gitops_agent.api.application import Application
from gitops_agent.api.helm_values import ChartTests
from gitops_agent.api.parse import parse
from gitops_agent.api.render_options import HelmOptions, RenderOptions
from gitops_agent.cluster.client import ClusterClient
from gitops_agent.errors import UsageError
from gitops_agent.manifest.key import Object
from gitops_agent.manifest.marks import annotation
from gitops_agent.preview.comparison import kube_facts, render
from gitops_agent.preview.decryption_keys import decryption_keys
from gitops_agent.preview.desired_state import desired_state
from gitops_agent.preview.fetched_sources import fetched
from gitops_agent.preview.render_inputs import variables_of
from gitops_agent.sync.hooks.hook import Hook
from gitops_agent.sync.hooks.spelling import HELM_HOOK, HELM_TESTS


def is_test(obj: Object) -> bool:
    """Whether an object is a test of a chart."""
    return bool(HELM_TESTS.intersection(part.strip() for part in (annotation(obj, HELM_HOOK) or "").split(",")))


def chart_tests(access: ClusterClient, raw: Object) -> tuple[Hook, ...]:
    """The tests, in their order; their objects carry no marks.

    Raises:
        UsageError: the Application has applied nothing yet.
        AgentError: the repository cannot be read or does not render.
    """
    application = _with_tests(parse(raw))
    applied = str(((raw.get("status") or {}).get("sync") or {}).get("revision") or "")
    if not applied:
        raise UsageError(f"Application {application.key.name} has applied nothing yet")
    with (
        tempfile.TemporaryDirectory(prefix="gitops-agent-") as scratch,
        fetched(access, application, Path(scratch), revision=applied) as (tree, revision),
    ):
        variables, keys = variables_of(access, application), decryption_keys(access, application)
        path, facts = application.spec.source.path, kube_facts(access)
        rendered = render(tree, application, path=path, facts=facts, variables=variables, keys=keys)
    hooks = desired_state(access, application, rendered, revision).hooks
    return tuple(sorted((hook for hook in hooks if is_test(hook.manifest.obj)), key=lambda hook: (hook.weight, hook.key)))


def _with_tests(application: Application) -> Application:
    options = application.spec.render or RenderOptions()
    if options.kustomize is not None:
        return application
    helm = (options.helm or HelmOptions()).model_copy(update={"tests": ChartTests.AFTER_SYNC})
    # Without options of its own, an application that is no chart keeps its format.
    chosen = options.model_copy(update={"helm": helm})
    return replace(application, spec=application.spec.model_copy(update={"render": chosen}))
