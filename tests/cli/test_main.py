from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from gitops_agent import __version__
from gitops_agent.cli.exit_codes import INTERRUPTED
from tests.cli.cluster_env import ClusterEnv
from tests.cli.conftest import Run
from tests.cluster.wire import kubeconfig
from tests.waiting import eventually

COMMANDS = [
    *(
        "demo",
        "sandbox",
        "tools",
        "install",
        "bootstrap",
        "uninstall",
        "run",
        "status",
        "dashboard",
        "get",
        "create",
        "import",
        "delete",
        "tree",
        "diff",
        "render",
        "sync",
        "test",
        "wait",
        "rollback",
        "lock",
        "retry",
        "approve",
    ),
    *(
        "rollout",
        "notify",
        "pause",
        "suspend",
        "resume",
        "history",
        "events",
        "logs",
        "why",
        "trace",
        "check",
        "signers",
        "config",
        "version",
        "completion",
        "render-worker",
    ),
]
HEAVY = {
    "kubernetes",
    "urllib3",
    "rich",
    "pydantic",
    "structlog",
    "git",
    "apscheduler",
    "jinja2",
    "deepdiff",
    "yaml",
    "opentelemetry",
    "sigstore",
}


def imported_by(*words: str) -> set[str]:
    """The heavy libraries a command line loads."""
    program = (
        "import json, sys\nfrom gitops_agent.cli.main import main\n"
        f"sys.argv = ['gitops-agent', *{words!r}]\n"
        "try:\n    main()\nfinally:\n    print(json.dumps(sorted(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True, text=True)
    return HEAVY & {name.partition(".")[0] for name in json.loads(done.stderr.splitlines()[-1])}


@pytest.mark.slow
def test_a_command_that_asks_the_cluster_loads_neither_logging_nor_tables(tmp_path: Path) -> None:
    server = "http://127.0.0.1:9"
    loaded = imported_by("status", "--kubeconfig", str(kubeconfig(tmp_path, server)))

    assert loaded & {"kubernetes", "structlog", "rich", "git", "jinja2", "deepdiff", "apscheduler"} == {"kubernetes"}


def test_help_of_the_group_loads_no_heavy_library() -> None:
    assert imported_by("--help") == set()


def test_help_of_no_command_loads_a_heavy_library() -> None:
    program = (
        "import contextlib, json, os, sys\nfrom gitops_agent.cli.main import main\nloaded = {}\n"
        f"for command in {COMMANDS!r}:\n"
        "    sys.argv = ['gitops-agent', command, '--help']\n"
        "    with contextlib.suppress(SystemExit), contextlib.redirect_stdout(open(os.devnull, 'w')):\n"
        "        main()\n"
        f"    loaded[command] = sorted({HEAVY!r} & {{name.partition('.')[0] for name in sys.modules}})\n"
        "print(json.dumps(loaded))"
    )
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)

    # Modules stay loaded, so the first command of a list is the one to blame.
    assert json.loads(done.stdout) == {command: [] for command in COMMANDS}


def test_the_commands_stand_in_the_order_of_the_story(run: Run) -> None:
    result = run("--help")

    listed = [line.split()[0] for line in result.stdout.partition("Commands:\n")[2].splitlines() if line[2:3].strip()]
    assert result.code == 0
    assert listed == COMMANDS


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_says_what_it_does(run: Run, command: str) -> None:
    result = run(command, "--help")

    assert result.code == 0
    assert result.stdout.startswith(f"Usage: gitops-agent {command} ")
    assert result.stdout.splitlines()[2].strip()


def test_kubectl_finds_it_as_a_plug_in() -> None:
    plugin = Path(sys.executable).parent / "kubectl-gitops"

    done = subprocess.run([plugin, "status", "--help"], capture_output=True, text=True, check=True)

    assert done.stdout.startswith("Usage: kubectl gitops status ")


def test_the_version_is_printed_without_a_cluster(run: Run) -> None:
    assert run("--version").stdout.strip() == f"gitops-agent, version {__version__}"


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("statsu",), "No such command 'statsu'; did you mean status?"),
        (("stat",), "No such command 'stat'; did you mean status?"),
        (("rollout", "promot"), "No such command 'promot'. Did you mean 'promote'?"),
        (("xyzzy",), "No such command 'xyzzy' (see"),
        (("status", "--nope"), "No such option '--nope'"),
        (("approve", "shop"), "Missing argument 'PLAN'"),
        (("status", "-o", "xml"), "'xml' is not one of 'table', 'wide', 'json', 'yaml', 'name'"),
    ],
)
def test_a_wrong_command_line_is_one_line_and_exit_code_two(run: Run, words: tuple[str, ...], text: str) -> None:
    result = run(*words)

    assert (result.code, result.stdout) == (2, "")
    assert result.stderr.count("\n") == 1
    assert text in result.stderr
    assert "--help" in result.stderr


def test_no_command_at_all_shows_the_help_on_standard_error(run: Run) -> None:
    result = run()

    assert (result.code, result.stdout) == (2, "")
    assert result.stderr.startswith("Usage: gitops-agent")


def test_a_server_that_does_not_answer_is_one_line_and_exit_code_one(run: Run, tmp_path: Path) -> None:
    cluster = {"name": "c", "cluster": {"server": "https://127.0.0.1:9"}}
    user = {"name": "u", "user": {"token": "t0p-secret"}}
    context = {"name": "x", "context": {"cluster": "c", "user": "u"}}
    config = {"apiVersion": "v1", "kind": "Config", "clusters": [cluster], "users": [user], "contexts": [context]}
    file = tmp_path / "kubeconfig"
    file.write_text(json.dumps(config | {"current-context": "x"}))

    result = run("status", "--kubeconfig", str(file))

    assert (result.code, result.stdout) == (1, "")
    assert result.stderr.startswith("error: ")
    assert result.stderr.endswith("(Unavailable)\n")
    assert result.stderr.count("\n") == 1
    verbose = run("-v", "status", "--kubeconfig", str(file))
    assert len(verbose.stderr) > len(result.stderr)
    assert "t0p-secret" not in result.stderr + verbose.stderr
    assert run("status", "-v", "--kubeconfig", str(file)).stderr == verbose.stderr
    assert run("rollout", "status", "--kubeconfig", str(file), "--verbose").stderr == verbose.stderr


@pytest.mark.cluster
def test_an_interrupted_command_ends_with_130(stage: ClusterEnv) -> None:
    stage.application("shop")
    argv = [sys.executable, "-m", "gitops_agent", "wait", "shop", "--timeout", "2m"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as waiting:
        try:
            assert waiting.stderr is not None
            assert "no agent runs" in waiting.stderr.readline()
            waiting.send_signal(signal.SIGINT)
            _, rest = waiting.communicate(timeout=90)
        finally:
            waiting.kill()

    assert waiting.returncode == INTERRUPTED
    assert rest.strip() == "interrupted"


def test_a_command_interrupted_in_the_middle_of_an_import_ends_with_130(tmp_path: Path) -> None:
    (tmp_path / "interrupted.py").write_text(
        "import sys, types, click\n"
        "from gitops_agent.cli import main\n"
        "@click.command()\n"
        "def interrupted():\n"
        "    exec('raise KeyboardInterrupt')\n"
        "sys.modules['gitops_agent.cli.interrupted'] = types.SimpleNamespace(interrupted=interrupted)\n"
        "main._COMMANDS['interrupted'] = ('interrupted', 'interrupted', '')\n"
        "main.main()\n"
    )
    argv = [sys.executable, "-m", "interrupted", "interrupted"]

    done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr.strip()) == (INTERRUPTED, "interrupted")


@pytest.mark.cluster
def test_a_reader_that_has_seen_enough_is_no_error(stage: ClusterEnv) -> None:
    for number in range(3):
        stage.application(f"shop-{number}")
    argv = [sys.executable, "-m", "gitops_agent", "get", "app", "-o", "json"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as listing:
        assert listing.stdout is not None
        listing.stdout.close()
        assert eventually(lambda: listing.poll() is not None)
        assert listing.stderr is not None
        assert listing.stderr.read() == ""

    assert listing.returncode == 0
