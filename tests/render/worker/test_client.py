"""Renders in workers: the same results, and a safe agent."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gitops_agent.render.renderer import Renderer
from gitops_agent.render.request import Failure, Rendered, RenderLimits
from gitops_agent.render.variables.variable import Variable
from gitops_agent.render.worker.client import RenderWorkers
from gitops_agent.render.worktree import WorkTree
from tests.render.programs import HANGS, program
from tests.render.samples import CHART, ask, config_map, deployment, put
from tests.render.worker.conftest import Start
from tests.waiting import LIMIT_SECONDS, eventually

pytestmark = pytest.mark.slow

FILES: dict[str, str | bytes] = {
    "k/kustomization.yaml": "resources: [../base]\nnamePrefix: x-\n",
    "base/kustomization.yaml": "resources: [a.yaml, b.yaml]\n",
    "base/a.yaml": deployment(),
    "base/b.yaml": config_map("b", x="1"),
    "h/Chart.yaml": CHART,
    "h/templates/a.yaml": deployment(),
    "h/values-prod.yaml": "a: 1\n",
    "p/a.yaml": deployment(),
    "p/deep/b.yaml": config_map("b", number="1"),
    "broken/a.yaml": "kind: [\n",
    "absent/kustomization.yaml": "resources: [gone.yaml]\n",
    "fails/Chart.yaml": CHART,
    "fails/templates/a.yaml": "{{ fail `no` }}",
    "v/a.yaml": config_map("v", city="${CITY}", size="${SIZE}", more="${UNKNOWN}"),
    "v/b.yaml": "apiVersion: v1\nkind: Secret\nmetadata: {name: v}\nstringData: {a: '${PASSWORD}'}\n",
    "many/kustomization.yaml": f"resources: [{', '.join(f'{number}.yaml' for number in range(120))}]\n",
    **{f"many/{number}.yaml": config_map(f"m{number}") for number in range(120)},
}
VARIABLES = (
    Variable(name="CITY", value="Köln", source="ConfigMap site"),
    Variable(name="SIZE", value=3, source="spec", literal=True),
    Variable(name="PASSWORD", value="hunter22", source="Secret vault", secret=True),
)
REQUESTS = [
    ask("k"),
    ask("h", helm={"valuesFiles": ["values-prod.yaml"], "values": {"x": {"y": [1]}}}),
    ask("h", helm={"valuesFiles": ["none.yaml"]}),
    ask("p"),
    ask("p/a.yaml"),
    ask("many"),
    ask("linked"),
    ask("broken"),
    ask("absent"),
    ask("fails"),
    replace(ask("v", variables={"undefined": "keep"}), variables=VARIABLES),
    replace(ask("v", variables={"values": {"a": 1}}), variables=VARIABLES),
    ask("none"),
    ask("../x"),
    ask("outside"),
]
SHOWS_ITS_PARENT = f"#!/bin/sh\nprintf '{config_map('parent')}data: {{parent: \"%s\"}}\\n' $PPID\n".replace("\\n", "\\n")
CONNECTS = """#!{python}
import socket, sys
if sys.argv[1] == "version":
    print("v5.0.0")
    sys.exit()
try:
    socket.create_connection(("127.0.0.1", {port}), 5)
    answer = "connected"
except OSError:
    answer = "refused"
print("apiVersion: v1\\nkind: ConfigMap\\nmetadata:\\n  name: " + answer)
"""


def essence(result: Rendered | Failure) -> Any:
    """What two results have in common when they are the same."""
    if isinstance(result, Rendered):
        return result
    error = result.error
    return type(error), error.message, error.reason, error.transient, error.facts, result.closure, result.passing


@pytest.fixture
def tree(repository: Path) -> WorkTree:
    put(repository, FILES)
    (repository / "linked").symlink_to("p")
    (repository / "outside").symlink_to("/etc")
    return WorkTree(repository)


@pytest.mark.slow
def test_a_worker_renders_what_this_process_would(tree: WorkTree, renderer: Renderer, start: Start) -> None:
    workers = start()
    for request in REQUESTS:
        assert essence(workers.attempt(tree, request)) == essence(renderer.attempt(tree, request)), request.path
        assert workers.key(request) == renderer.key(request)


def parent_of(workers: RenderWorkers, tree: WorkTree) -> int:
    """The process of the worker that renders."""
    rendered = workers.render(tree, ask("k"))
    return int(rendered.manifests[0].obj["data"]["parent"])


def test_a_worker_serves_one_render_after_another(tree: WorkTree, tmp_path: Path, start: Start) -> None:
    workers = start(kustomize=program(tmp_path / "bin", SHOWS_ITS_PARENT))

    assert len({parent_of(workers, tree) for _ in range(3)}) == 1


def test_a_worker_that_died_while_it_was_idle_is_replaced(tree: WorkTree, tmp_path: Path, start: Start) -> None:
    workers = start(kustomize=program(tmp_path / "bin", SHOWS_ITS_PARENT))
    first = parent_of(workers, tree)
    os.kill(first, signal.SIGKILL)

    assert parent_of(workers, tree) != first


@pytest.mark.slow
def test_the_process_that_starts_workers_is_replaced(tree: WorkTree, tmp_path: Path, start: Start) -> None:
    workers = start(kustomize=program(tmp_path / "bin", SHOWS_ITS_PARENT))
    first = parent_of(workers, tree)
    supervisor = int(Path(f"/proc/{first}/stat").read_text().rpartition(")")[2].split()[1])
    os.kill(supervisor, signal.SIGKILL)
    eventually(lambda: not Path(f"/proc/{first}").exists())

    assert parent_of(workers, tree) != first


def test_a_program_reaches_nothing_that_listens_on_this_machine(tree: WorkTree, tmp_path: Path, start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        connects = CONNECTS.format(python=sys.executable, port=server.getsockname()[1])
        workers = start(kustomize=program(tmp_path / "bin", connects))

        assert workers.render(tree, ask("k")).manifests[0].key.name == "refused"


Hanging = Callable[..., tuple[int, threading.Thread, list[Rendered | Failure]]]


@pytest.fixture
def hanging(tree: WorkTree, tmp_path: Path) -> Iterator[Hanging]:
    """Starts a render that does not end; returns the worker's process."""
    threads: list[threading.Thread] = []

    def do(workers: RenderWorkers, **options: Any) -> tuple[int, threading.Thread, list[Rendered | Failure]]:
        results: list[Rendered | Failure] = []
        thread = threading.Thread(target=lambda: results.append(workers.attempt(tree, ask("k"), **options)))
        thread.start()
        threads.append(thread)
        pid = tmp_path / "pid"
        eventually(lambda: pid.exists() and pid.read_text().strip())
        return int(pid.read_text()), thread, results

    yield do
    for thread in threads:
        thread.join(LIMIT_SECONDS)
        assert not thread.is_alive()


def hangs(folder: Path) -> Path:
    """A kustomize that writes its parent's process id and does not end."""
    return program(folder / "bin", HANGS.replace("sleep 600 &", f"echo $PPID > {folder}/pid; sleep 600 &"))


def test_a_render_that_is_not_needed_any_more_ends_with_all_it_started(tmp_path: Path, start: Start, hanging: Hanging) -> None:
    cancel = threading.Event()
    worker, thread, results = hanging(start(kustomize=hangs(tmp_path)), cancel=cancel)
    cancel.set()
    thread.join(LIMIT_SECONDS)

    (failure,) = results
    assert isinstance(failure, Failure)
    assert failure.error.facts["cause"] == "cancelled"
    assert not Path(f"/proc/{worker}").exists()
    assert not [path for folder in (tmp_path / "scratch").iterdir() for path in folder.iterdir()]


@pytest.mark.slow
def test_a_worker_that_stops_is_ended_at_the_time_limit(tree: WorkTree, tmp_path: Path, start: Start, hanging: Hanging) -> None:
    workers = start(kustomize=hangs(tmp_path), limits=RenderLimits(seconds=10))
    worker, thread, results = hanging(workers)
    os.kill(worker, signal.SIGSTOP)
    thread.join(LIMIT_SECONDS)

    (failure,) = results
    assert isinstance(failure, Failure)
    assert (failure.error.reason, failure.passing) == ("RenderTimeout", True)
    assert "still running after 10 s" in failure.error.message
    assert workers.render(tree, ask("p")).manifests


@pytest.mark.parametrize(
    ("number", "reason", "words"),
    [(signal.SIGKILL, "RenderTooLarge", "memory"), (signal.SIGSEGV, "RenderFailed", "signal 11"), (24, "RenderTimeout", "5 s")],
)
def test_a_worker_that_dies_fails_its_render_only(
    tree: WorkTree, tmp_path: Path, start: Start, hanging: Hanging, *, number: int, reason: str, words: str
) -> None:
    workers = start(kustomize=hangs(tmp_path), limits=RenderLimits(seconds=50))
    worker, thread, results = hanging(workers)
    os.kill(worker, number)
    thread.join(LIMIT_SECONDS)

    (failure,) = results
    assert isinstance(failure, Failure)
    assert failure.error.reason == reason
    assert words in failure.error.message.replace("50 s", "5 s")
    assert failure.passing
    assert workers.render(tree, ask("p")).manifests


@pytest.mark.slow
def test_a_repository_that_eats_memory_ends_its_worker_and_costs_the_agent_nothing(repository: Path, start: Start) -> None:
    put(repository, {f"app/{number}.yaml": "- {}\n" * 2_000_000 for number in range(4)} | {"p/a.yaml": config_map()})
    workers = start(limits=RenderLimits(memory_bytes=160 * 1024 * 1024, nodes=10**9, seconds=300))
    result = workers.attempt(WorkTree(repository), ask("app"))

    assert isinstance(result, Failure)
    assert result.error.reason == "RenderTooLarge", result.error.message
    assert "160 MiB" in result.error.message
    assert workers.render(WorkTree(repository), ask("p")).manifests


RUNS = """
import sys
from pathlib import Path
from gitops_agent.render.request import RenderLimits
from gitops_agent.render.worker.client import RenderWorkers
from gitops_agent.render.worker.launch import ProcessDialer
from gitops_agent.render.worktree import WorkTree
from tests.render.samples import ask
programs = {"helm": None, "kustomize": Path(sys.argv[1])}
RenderWorkers(ProcessDialer(Path(sys.argv[2]), programs), limits=RenderLimits(), programs=programs).render(
    WorkTree(Path(sys.argv[3])), ask("k")
)
"""


@pytest.mark.slow
@pytest.mark.usefixtures("tree")
def test_everything_ends_with_the_agent_however_it_ends(repository: Path, tmp_path: Path) -> None:
    argv = [sys.executable, "-c", RUNS, str(hangs(tmp_path)), str(tmp_path / "scratch"), str(repository)]
    agent = subprocess.Popen(argv, cwd=Path(__file__).parents[3])
    pid = tmp_path / "pid"
    eventually(lambda: pid.exists() and pid.read_text().strip())
    worker = int(pid.read_text())
    (program_pid,) = [int(child) for child in Path(f"/proc/{worker}/task/{worker}/children").read_text().split()]
    agent.kill()
    agent.wait()

    eventually(lambda: not Path(f"/proc/{worker}").exists() and not Path(f"/proc/{program_pid}").exists())
    eventually(lambda: not list((tmp_path / "scratch").rglob("worker-*")))


def test_what_a_program_leaves_behind_in_a_session_of_its_own_ends_with_its_worker(
    tree: WorkTree, tmp_path: Path, start: Start
) -> None:
    leaves = f"setsid sh -c 'echo $$ > {tmp_path}/pid; exec sleep 600' >&- 2>&- &\n"
    # What has not left its session when the program ends, ends with it.
    waits = f"until [ -s {tmp_path}/pid ]; do :; done\n"
    escapes = SHOWS_ITS_PARENT.replace("printf", f"{leaves}{waits}printf", 1)
    workers = start(kustomize=program(tmp_path / "bin", escapes))
    parent_of(workers, tree)
    escaped = eventually(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text().strip())
    workers.stop()

    eventually(lambda: not Path(f"/proc/{escaped}").exists())


def test_workers_that_die_together_cost_no_other_worker(tree: WorkTree, tmp_path: Path, start: Start) -> None:
    marks = tmp_path / "marks"
    marks.mkdir()
    together = f'[ "$1" = build ] && : > {marks}/$PPID && until [ $(ls {marks} | wc -l) -ge 2 ]; do :; done\nprintf'
    workers = start(kustomize=program(tmp_path / "bin", SHOWS_ITS_PARENT.replace("printf", together, 1)))
    with ThreadPoolExecutor(2) as pool:
        both = list(pool.map(lambda _: parent_of(workers, tree), range(2)))
    supervisor = _stat(both[0])[1]
    os.kill(int(supervisor), signal.SIGSTOP)
    for pid in both:
        os.kill(pid, signal.SIGKILL)
    eventually(lambda: [_stat(pid)[0] for pid in both] == ["Z", "Z"])
    os.kill(int(supervisor), signal.SIGCONT)

    assert _stat(parent_of(workers, tree))[1] == supervisor


def _stat(pid: int) -> list[str]:
    """State and parent of a process."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[:2]


class Torn(WorkTree):
    """A tree whose disk has gone."""

    def entry(self, path: str) -> None:
        raise OSError(f"input/output error at {path}")


def test_a_disk_that_fails_is_the_callers_to_handle(tree: WorkTree, repository: Path, start: Start) -> None:
    workers = start()
    with pytest.raises(OSError, match="input/output"):
        workers.attempt(Torn(repository), ask("k"))
    assert workers.render(tree, ask("p")).manifests


def test_renders_run_side_by_side(tree: WorkTree, tmp_path: Path, start: Start, hanging: Hanging) -> None:
    cancel = threading.Event()
    workers = start(kustomize=hangs(tmp_path))
    hanging(workers, cancel=cancel)

    assert workers.render(tree, ask("p")).manifests
    cancel.set()
