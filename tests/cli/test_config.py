from __future__ import annotations

import json
from pathlib import Path

import pytest

from gitops_agent.config.settings import paths
from tests.cli.conftest import Run


def test_every_setting_says_where_it_came_from(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("sync: {workers: 3}\nlog: {level: debug}\n")
    monkeypatch.setenv("GITOPS_AGENT_LOG__LEVEL", "warning")

    result = run("config", "show", "--config", str(file), "--set", "source.allowFile=true")

    rows = {line.split()[0]: line.split()[1:] for line in result.lines[1:]}
    assert result.code == 0
    assert rows["sync.workers"] == ["3", "file", str(file)]
    assert rows["log.level"] == ["warning", "environment", "GITOPS_AGENT_LOG__LEVEL"]
    assert rows["source.allowFile"] == ["true", "flag"]
    assert rows["server.port"] == ["8080", "default"]


def test_the_options_of_other_commands_stand_for_settings(run: Run) -> None:
    result = run("config", "show", "-v", "-n", "team", "--kubeconfig", "/etc/k", "--context", "west", "-o", "json")
    settings = json.loads(result.stdout)

    assert settings["cluster"] == {"kubeconfig": "/etc/k", "context": "west", "namespace": "team", "name": "", "uid": ""}
    assert settings["log"]["level"] == "debug"


def test_a_setting_wins_over_its_shorthand(run: Run) -> None:
    result = run("config", "show", "-v", "--set", "log.level=error", "--set", "cluster.namespace=b", "-n", "a", "-o", "json")

    assert json.loads(result.stdout)["log"]["level"] == "error"
    assert json.loads(result.stdout)["cluster"]["namespace"] == "b"


@pytest.mark.parametrize("command", [("run",), ("config", "show")])
def test_the_agent_takes_the_options_of_other_commands(run: Run, command: tuple[str, ...]) -> None:
    text = run(*command, "--help").stdout

    assert [option for option in ("--kubeconfig", "--context", "-n, --namespace", "-v, --verbose") if option not in text] == []


def test_scripts_get_the_document_and_the_names(run: Run) -> None:
    assert json.loads(run("config", "show", "-o", "json").stdout)["sync"]["workers"] == 16
    assert run("config", "show", "-o", "name").lines == list(paths())


@pytest.mark.parametrize(
    ("assignment", "words"),
    [
        ("source.allowfile=true", "allowFile"),
        ("source.allowFile", "say PATH=VALUE"),
        ("sync.workers=many", "sync.workers"),
    ],
)
def test_a_wrong_setting_is_one_line_and_exit_code_two(run: Run, assignment: str, words: str) -> None:
    result = run("config", "show", "--set", assignment)

    assert (result.code, result.stdout) == (2, "")
    assert result.stderr.count("\n") == 1
    assert words in result.stderr


def test_health_expressions_are_checked_and_shown(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    good = "health: {expressions: [{apiVersion: example.com/v1, kind: Database, current: status.phase == 'Up'}]}\n"
    file.write_text(good)
    shown = run("config", "show", "--config", str(file), "-o", "json")
    file.write_text(good.replace("== 'Up'", "="))
    refused = run("config", "show", "--config", str(file))
    started = run("run", "--config", str(file))

    assert json.loads(shown.stdout)["health"]["expressions"][0]["current"] == "status.phase == 'Up'"
    for result in (refused, started):
        assert result.code == 2
        assert "health.expressions.0.current: line 1, column 14: syntax error" in result.stderr
        assert f"(file {file})" in result.stderr
