"""Fixtures of the suite: one control plane, a namespace per test.

The control plane is started by the first test that asks for it, in whichever process that runs, and shared by all workers of a
parallel run. It is tied to the pytest process that was called and ends with it, however that process dies; there is no count
of users.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from xdist.remote import Producer
from xdist.scheduler import WorkStealingScheduling

from gitops_agent.file_lock import FileLock
from gitops_agent.sandbox.controlplane import ControlPlane, stop
from gitops_agent.toolchain.cache import ToolCache
from gitops_agent.toolchain.catalog import selected
from gitops_agent.toolchain.progress import Lines
from tests.issuers import ISSUERS, trust
from tests.skips import in_ci, unlisted
from tests.waiting import eventually

# A property that fails once in a hundred runs does not test a change: every run tries the same cases.
# `quick` tries the first few of them, for a run between two edits; `mutants` does not minimise what fails; `search` looks for
# new ones, and what it finds becomes an example in the tests.
_ANY = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("repeatable", _ANY, max_examples=150, derandomize=True)
settings.register_profile("quick", _ANY, max_examples=15, derandomize=True)
settings.register_profile(
    "mutants", _ANY, max_examples=60, derandomize=True, database=None, phases=[Phase.explicit, Phase.generate]
)
settings.register_profile("search", _ANY, max_examples=1000, print_blob=True)
settings.load_profile("repeatable")

_FOLDER = "GITOPS_AGENT_TEST_SANDBOX"
_OWNER = "GITOPS_AGENT_TEST_OWNER"
_BUILD_SECONDS = 3600

_LONGEST = (
    "tests/acceptance/test_traffic.py",
    "tests/acceptance/test_demo.py",
    "tests/acceptance/test_rollout_kills.py",
    "tests/acceptance/test_corpus.py",
    "tests/acceptance/test_bootstrap.py",
    "tests/acceptance/test_rollout",
    "tests/acceptance/",
    "tests/agent/",
)
"""Beginnings of ids: single tests of minutes, then folders whose tests take seconds."""


def pytest_configure(config: pytest.Config) -> None:
    """Names the folder of the run, which its workers inherit."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # A shell ignores interrupts in what it runs in the background, and programs that tests interrupt would inherit that.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if not hasattr(config, "workerinput"):
        os.environ[_FOLDER] = tempfile.mkdtemp(prefix="gitops-agent-tests-")
        os.environ[_OWNER] = str(os.getpid())


def pytest_unconfigure(config: pytest.Config) -> None:
    """The process that was called ends the control plane."""
    folder = os.environ.get(_FOLDER)
    if folder and not hasattr(config, "workerinput"):
        stop(Path(folder) / "plane")
        shutil.rmtree(folder, ignore_errors=True)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fails a CI run that skips a test for unlisted reasons."""
    if not hasattr(session.config, "workerinput") and _unlisted(session.config) and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Lists the skips that failed the run, after pytest's own list."""
    for reason in _unlisted(terminalreporter.config):
        terminalreporter.write_line(f"ERROR skipped for a reason that tests/skips.py does not list: {reason}", red=True)


def _unlisted(config: pytest.Config) -> list[str]:
    reporter = config.pluginmanager.getplugin("terminalreporter")
    if reporter is None or not in_ci():
        return []
    reports = [report for report in reporter.stats.get("skipped", []) if isinstance(report.longrepr, tuple)]
    return unlisted([str(report.longrepr[2]).removeprefix("Skipped: ") for report in reports])


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> WorkStealingScheduling | None:
    """Lets idle workers take tests from others.

    Each gets its share in order: one begins with the longest tests, which mostly wait, another with short ones, which compute.
    """
    return WorkStealingScheduling(config, log) if config.getoption("dist") == "load" else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Puts the longest tests first where workers share them.

    Extends timeouts where programs have to be built first.
    """
    if hasattr(config, "workerinput"):
        items.sort(key=rank)
    cache = ToolCache()
    if not all(cache.present(tool) for tool in selected()):
        for item in items:
            item.add_marker(pytest.mark.timeout(_BUILD_SECONDS))


def rank(item: pytest.Item) -> int:
    """Where a test stands among the others; whatever is long is first."""
    name = item.nodeid
    return next((place for place, beginning in enumerate(_LONGEST) if name.startswith(beginning)), len(_LONGEST))


@pytest.fixture(scope="session")
def control_plane(request: pytest.FixtureRequest) -> ControlPlane:
    """The control plane of this test run."""
    folder = Path(os.environ[_FOLDER])
    capture = request.config.pluginmanager.getplugin("capturemanager")

    def tell(line: str) -> None:
        with capture.global_and_fixture_disabled():
            sys.stderr.write(f"{line}\n")

    with FileLock(folder / "start.lock"):
        issuers = folder / ISSUERS
        if not issuers.exists():
            trust(issuers)
        extra = {"kube-apiserver": (f"--authentication-config={issuers}",)}
        owner = int(os.environ[_OWNER])
        return ControlPlane.start(folder / "plane", nodes=3, tied_to=owner, extra=extra, progress=Lines(tell))


@pytest.fixture(scope="session")
def issuers(control_plane: ControlPlane) -> Path:
    """The issuers that the API server trusts; it follows the file."""
    return control_plane.directory.parent / ISSUERS


@pytest.fixture
def namespace(control_plane: ControlPlane) -> Iterator[str]:
    """The name of a fresh namespace, deleted afterwards without waiting.

    Pods can be created in it.
    """
    name = f"t-{uuid.uuid4().hex[:10]}"
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    control_plane.request("POST", "/api/v1/namespaces", body)
    path = f"/api/v1/namespaces/{name}"
    eventually(lambda: control_plane.request("GET", f"{path}/serviceaccounts/default"), what="the default ServiceAccount")
    yield name
    control_plane.request("DELETE", path)
