"""The shape of the tree: tests beside modules, and short files."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent
MODULES = sorted(path.relative_to(ROOT / "gitops_agent") for path in (ROOT / "gitops_agent").rglob("*.py"))
FILES = sorted(
    path.relative_to(ROOT) for folder in ("gitops_agent", "tests", "benchmarks") for path in (ROOT / folder).rglob("*.py")
)
LONGEST = 450
ARGUMENTS = 6
CLOCKS = frozenset({"clock", "now"})

TESTED_ELSEWHERE = {
    "__init__.py": "test_layout.py",  # a sentence about its room, and at most names that come from elsewhere
    "cli/exit_codes.py": "cli/test_main.py",  # numbers
    "cluster/client.py": "cli/test_client.py",  # through commands
    "preview/dependants.py": "cli/test_dependants.py",  # likewise
    "preview/desired_state.py": "cli/test_diff.py",  # likewise
    "preview/why.py": "cli/test_why.py",  # likewise
    "agent/desired/chart_access.py": "acceptance/test_charts.py",  # what only a poll of the agent reads
    "source/following.py": "acceptance/test_charts.py",  # likewise
    "source/chart/signers.py": "source/chart/test_oci_repository.py",  # what is demanded of registries
    "preview/remote_bases.py": "cli/test_render.py",  # likewise
    "preview/chart_dependencies.py": "cli/test_render.py",  # likewise
    "agent/desired/pinned_inputs.py": "agent/desired/test_chart_dependencies.py",  # the door of two others
    "render/template_origins.py": "render/test_chart_dependencies.py",  # what renders name
    "cli/object_chain.py": "cli/test_trace.py",  # likewise
    "preview/decryption_keys.py": "cli/test_render.py",  # likewise
    "httpclient/message.py": "httpclient/test_client.py",  # values without behaviour
    "__main__.py": "sandbox/demo/test_agent.py",  # calls cli.main, in a process of its own
    "agent/reconcile/app_state.py": "agent/reconcile/test_reconciler.py",  # fields without behaviour
    "agent/reconcile/sync_pass.py": "agent/reconcile/test_reconciler.py",  # what a reconcile shows as a whole
    "agent/reconcile/hook_*.py": "agent/reconcile/test_hooks.py",  # what only a real cluster shows
    "agent/ports.py": "agent/test_events.py",  # signatures
    "agent/reconcile/outcome.py": "agent/reconcile/test_status_builder.py",  # likewise
    "source/signature/judgement.py": "source/signature/test_gate.py",  # likewise
    "preview/signature.py": "cli/test_diff.py",  # what that command prints
    "source/chart/index_cache.py": "source/chart/test_http_repository.py",  # what a repository keeps of its index
    "source/chart/repositories.py": "source/chart/test_charts.py",  # a table, used there over real requests
    "source/chart/resolution.py": "source/chart/test_charts.py",  # one reference of those that are polled there
    "source/chart/repository.py": "source/chart/test_credentials.py",  # signatures, and values without behaviour
    "source/signature/verdict.py": "source/signature/test_verifier.py",  # values without behaviour
    "api/reason_texts.py": "api/test_reasons.py",  # a table without behaviour
    "api/source_status.py": "api/test_application_status.py",  # a part of one model
    "api/rollout_*.py": "api/test_rollout_policy.py",  # parts of one model
    "preview/owned_objects.py": "cli/test_tree.py",  # what is printed there
    "sandbox/demo/*.py": "acceptance/test_demo.py",  # chapters of one story, tested as a whole
    "agent/rollouts/loader.py": "acceptance/test_rollouts.py",  # what only a real rollout shows, with those that follow
    "agent/stores/endpoint_slices.py": "acceptance/test_rollouts.py",
    "agent/rollouts/stuck_pods.py": "acceptance/test_rollout_strategies.py",
    "agent/rollouts/uncovered_workloads.py": "agent/rollouts/test_controller.py",  # what a pass holds back
    "agent/rollouts/rollout_pass.py": "agent/rollouts/test_controller.py",  # likewise
    "agent/rollouts/context.py": "acceptance/test_rollouts.py",
    "operations/rollout_lookup.py": "cli/rollout/test_lookup.py",  # through commands
    "operations/object_tree.py": "cli/test_tree.py",  # what that command prints
    "operations/history.py": "cli/test_history.py",  # likewise
    "operations/pause.py": "cli/test_wait.py",  # through commands
    "operations/requests.py": "cli/test_approve.py",  # likewise
    "operations/rollback.py": "cli/test_rollback.py",  # likewise
    "operations/rollout_command.py": "cli/rollout/test_send.py",  # likewise
    "server/views/*.py": "server/test_answers.py",  # values without behaviour
    "operations/events.py": "cli/test_events.py",  # through commands
    "preview/revision_manifests.py": "server/test_local_dashboard.py",  # through the dashboard
    "server/answers/*.py": "server/test_local_dashboard.py",  # likewise, over HTTP
    "server/http/*.py": "server/http/test_app.py",  # parts of one server
    "server/plan_cache.py": "server/test_local_dashboard.py",  # likewise
    "server/source.py": "server/test_local_dashboard.py",  # likewise
    "server/application_row.py": "server/http/test_app.py",  # what the list shows
    "cli/dashboard.py": "server/test_local_dashboard.py",  # serves until interrupted
    "server/agent_source.py": "server/test_agent_dashboard.py",  # likewise
    "cluster/bearer.py": "server/test_agent_dashboard.py",  # likewise
    "server/routes.py": "server/test_openapi.py",  # a table
    "server/shares/share_key.py": "server/shares/test_share_links.py",  # what only the API server shows
    "server/shares/shared_viewer.py": "server/shares/test_share_links.py",  # likewise
    "config/dashboard.py": "config/test_settings.py",  # sections of those
    "config/section.py": "config/test_settings.py",  # what they have in common
    "server/sign_in.py": "server/oidc/test_oidc_sign_in.py",  # likewise
    "server/oidc/signature.py": "server/oidc/test_id_token.py",  # one step of it
    "server/delegated/viewers.py": "server/delegated/test_reviewed_transport.py",  # likewise
    "server/destination_rights.py": "server/shares/test_share_links.py",  # likewise
    "importer/tables/*.py": "importer/test_tables.py",  # rows, tried as a whole
    "importer/argo*.py": "importer/test_argo.py",  # parts of one translation, tried by fields
    "importer/flux*.py": "importer/test_flux.py",  # likewise
    "importer/helm_application.py": "importer/test_helm_release.py",  # of the release that is read there
    "importer/helm_comparison.py": "acceptance/test_helm_takeover.py",  # what only a release of the real helm shows
    "importer/helm_retirement.py": "acceptance/test_helm_takeover.py",  # likewise
    "cli/chart_test.py": "acceptance/test_chart_tests.py",  # what only a real pod shows
    "preview/chart_tests.py": "acceptance/test_chart_tests.py",  # likewise
    "cli/import_helm.py": "acceptance/test_helm_takeover.py",  # likewise
    "sync/apply/helm_releases.py": "acceptance/test_helm_takeover.py",  # likewise
    "importer/con*.py": "importer/test_argo.py",  # values without behaviour
    "importer/peer_objects.py": "importer/test_argo.py",  # likewise
    "importer/report_text.py": "importer/test_report.py",  # how a report is spelled
    "importer/reading.py": "cli/test_import_resources.py",  # files, by the command
    "importer/output_directory.py": "cli/test_import_resources.py",  # likewise
    "importer/result.py": "cli/test_import_resources.py",  # likewise
    "importer/draft.py": "importer/test_argo.py",  # what every resource has
    "cli/import_*.py": "cli/test_import_resources.py",  # parts of one command
    "rollout/analysis/metric.py": "rollout/analysis/test_measurement.py",  # values without behaviour
    "rollout/analysis/http_provider.py": "rollout/analysis/test_dispatch.py",  # what every provider is asked with
    "render/decryption/*.py": "render/decryption/test_decryptor.py",  # parts of one decryptor, judged by sops as a whole
    "render/decryption/keys/*.py": "render/decryption/test_decryptor.py",  # likewise
    "rollout/*.py": "rollout/test_machine.py",  # the values and steps of one machine, which is tested as a whole
    "rollout/traffic/*.py": "rollout/traffic/test_goldens.py",  # providers, each compared with the same goldens
}
"""Modules without tests beside their name, by pattern, and where they are tried instead."""

MEANINGLESS = re.compile(r"(^|_)(utils?|common|manager|helpers?|misc|stuff)(_|$)")


def beside(module: Path) -> Path:
    """Where the tests of a module stand."""
    return ROOT / "tests" / module.with_name(f"test_{module.name}")


def elsewhere(module: Path) -> bool:
    return any(module.match(pattern) for pattern in TESTED_ELSEWHERE)


def test_every_module_has_its_tests() -> None:
    assert [str(module) for module in MODULES if not elsewhere(module) and not beside(module).is_file()] == []


@pytest.mark.parametrize(("pattern", "place"), TESTED_ELSEWHERE.items())
def test_no_exception_outlives_its_reason(pattern: str, place: str) -> None:
    covered = [module for module in MODULES if module.match(pattern)]

    assert [module for module in covered if not beside(module).exists()] != []
    assert (ROOT / "tests" / place).exists()


def test_files_that_need_no_tests_define_nothing() -> None:
    for module in MODULES:
        if module.name == "__init__.py":
            text = (ROOT / "gitops_agent" / module).read_text()
            assert not re.search(r"^\s*(def|class|if|for|while|try)\b", text, re.MULTILINE), module


def test_no_file_is_longer_than_a_person_reads_at_once() -> None:
    lengths = {str(file): len((ROOT / file).read_text().splitlines()) for file in FILES}

    assert {file: length for file, length in lengths.items() if length > LONGEST} == {}


def constructors() -> Iterator[tuple[str, dict[str, str]]]:
    """Constructors with the annotations of their arguments, by class.

    A dataclass has none of its own.
    """
    for module in MODULES:
        for node in ast.walk(ast.parse((ROOT / "gitops_agent" / module).read_text())):
            for method in node.body if isinstance(node, ast.ClassDef) else ():
                if isinstance(node, ast.ClassDef) and isinstance(method, ast.FunctionDef) and method.name == "__init__":
                    arguments = (*method.args.posonlyargs, *method.args.args, *method.args.kwonlyargs)[1:]
                    named = {each.arg: ast.unparse(each.annotation) if each.annotation else "" for each in arguments}
                    yield f"{module}: {node.name}", named


def test_no_constructor_takes_more_than_six_arguments() -> None:
    taken = dict(constructors())

    assert "agent/components.py: Components" in taken
    assert {name: list(arguments) for name, arguments in taken.items() if len(arguments) > ARGUMENTS} == {}


def test_in_the_agent_only_a_clock_is_a_function() -> None:
    """A class of the agent calls only objects below it.

    `Wake` and `EventSink` alone travel down.
    """
    functions = {
        f"{name}.{argument}"
        for name, arguments in constructors()
        for argument, annotation in arguments.items()
        if name.startswith("agent/") and "Callable" in annotation and argument not in CLOCKS
    }

    assert functions == set()


def test_every_module_is_named_after_what_it_is_about() -> None:
    assert [file for file in FILES for part in file.with_suffix("").parts if MEANINGLESS.search(part)] == []


def test_every_module_says_what_it_is_for() -> None:
    assert [str(module) for module in MODULES if not (ROOT / "gitops_agent" / module).read_text().startswith('"""')] == []


def test_no_test_is_hidden_by_another_of_the_same_name() -> None:
    for file in FILES:
        names = re.findall(r"^def (test_\w+)", (ROOT / file).read_text(), re.MULTILINE)
        assert len(names) == len(set(names)), file
