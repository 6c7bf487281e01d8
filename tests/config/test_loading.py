from __future__ import annotations

import json
from pathlib import Path

import pytest

from gitops_agent.config import Loaded, load
from gitops_agent.config.settings import paths
from gitops_agent.errors import UsageError


def loaded(text: str, tmp_path: Path, environ: dict[str, str] | None = None, flags: dict[str, str] | None = None) -> Loaded:
    file = tmp_path / "config.yaml"
    file.write_text(text)
    return load(file, environ or {}, flags or {})


def test_without_anything_there_are_defaults() -> None:
    configuration = load(None, {}, {})

    assert (configuration.settings.sync.workers, configuration.settings.cluster.namespace) == (16, "gitops-system")
    assert configuration.origins == dict.fromkeys(paths(), "default")


def test_the_file_is_read(tmp_path: Path) -> None:
    configuration = loaded("source: {allowFile: true, cacheDir: /var/cache}\nsync:\n  workers: 3\n", tmp_path)

    assert (configuration.settings.source.allow_file, configuration.settings.source.cache_dir) == (True, Path("/var/cache"))
    assert configuration.origins["sync.workers"] == f"file {tmp_path / 'config.yaml'}"


@pytest.mark.parametrize("text", ["", "# nothing\n", "source:\n", "{}"])
def test_an_empty_file_or_section_says_nothing(text: str, tmp_path: Path) -> None:
    assert loaded(text, tmp_path).settings == load(None, {}, {}).settings


def test_flags_win_over_the_environment_and_that_over_the_file(tmp_path: Path) -> None:
    text = "sync: {workers: 1, applyConcurrency: 1}\nserver: {port: 1}\n"
    environ = {"GITOPS_AGENT_SYNC__WORKERS": "2", "GITOPS_AGENT_SYNC__APPLY_CONCURRENCY": "2"}
    configuration = loaded(text, tmp_path, environ, {"sync.workers": "3"})

    assert (
        configuration.settings.sync.workers,
        configuration.settings.sync.apply_concurrency,
        configuration.settings.server.port,
    ) == (3, 2, 1)
    assert [configuration.origins[path].split()[0] for path in ("sync.workers", "sync.applyConcurrency", "server.port")] == [
        "flag",
        "environment",
        "file",
    ]


def test_texts_of_the_environment_become_values() -> None:
    environ = {
        "GITOPS_AGENT_SOURCE__ALLOW_FILE": "true",
        "GITOPS_AGENT_LEADER__RENEW_SECONDS": "0.5",
        "GITOPS_AGENT_RENDER__HELM": "/opt/helm",
        "GITOPS_AGENT_LOG__LEVEL": "debug",
    }
    settings = load(None, environ, {}).settings

    assert (settings.source.allow_file, settings.leader.renew_seconds, settings.render.helm, settings.log.level) == (
        True,
        0.5,
        Path("/opt/helm"),
        "debug",
    )


def test_an_empty_variable_is_not_given() -> None:
    assert load(None, {"GITOPS_AGENT_SYNC__WORKERS": ""}, {}).settings.sync.workers == 16


def test_variables_that_kubernetes_makes_of_services_are_no_settings() -> None:
    environ = {"GITOPS_AGENT_PORT": "tcp://10.0.0.1:8080", "GITOPS_AGENT_SERVICE_HOST": "10.0.0.1", "PATH": "/bin"}

    assert load(None, environ, {}).settings == load(None, {}, {}).settings


def test_either_spelling_of_a_name_is_understood(tmp_path: Path) -> None:
    assert loaded("source: {allow_file: true}", tmp_path).settings.source.allow_file
    assert load(None, {}, {"source.allowFile": "true"}).settings.source.allow_file


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("source: {allowFiles: true}", "source.allowFiles: is unknown; did you mean source.allowFile?"),
        ("sources: {allowFile: true}", "sources: is unknown; did you mean source?"),
        ("sync: {wrokers: 3}", "sync.wrokers: is unknown; did you mean sync.workers?"),
        ("sync: 3", "sync: is not a map of settings"),
        ("sync: {workers: 0}", "sync.workers: input should be greater than or equal to 1"),
        ("sync: {workers: many}", "sync.workers: input should be a valid integer"),
        ("log: {level: loud}", "log.level: input should be 'debug', 'info', 'warning' or 'error'"),
        ("leader: {durationSeconds: 5, renewSeconds: 4}", "leader: renewSeconds is more than half of durationSeconds"),
        ("[1, 2]", "is not a map of sections"),
        ("a: 1\n---\nb: 2\n", "holds 2 documents instead of one"),
        ("a: {", "is not valid YAML"),
        ("sync: {workers: 1}\nsync: {workers: 2}\n", "is not valid YAML"),
    ],
)
def test_a_wrong_file_is_refused_with_path_and_suggestion(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        loaded(text, tmp_path)

    assert message in str(caught.value)
    assert "config.yaml" in str(caught.value) or message.startswith("leader")


def test_a_wrong_variable_or_flag_is_named() -> None:
    with pytest.raises(
        UsageError, match=r"sync.workrs: is unknown; did you mean sync.workers\? \(environment GITOPS_AGENT_SYNC__WORKRS"
    ):
        load(None, {"GITOPS_AGENT_SYNC__WORKRS": "1"}, {})
    with pytest.raises(UsageError, match=r"server.port: .* \(flag\)"):
        load(None, {}, {"server.port": "70000"})


def test_all_that_is_wrong_is_reported_at_once(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        loaded("sync: {wrokers: 3}\nlgo: {}\n", tmp_path, {"GITOPS_AGENT_X__Y": "1"})

    assert len(caught.value.facts["problems"]) == 3


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"missing\.yaml cannot be read: No such file"):
        load(tmp_path / "missing.yaml", {}, {})


EXPRESSIONS = """
health:
  expressions:
    - {apiVersion: example.com/v1, kind: Database, current: status.phase == 'Up', inProgress: status.phase == 'Making'}
"""


def test_expressions_are_read_from_the_file_and_as_json_from_the_environment(tmp_path: Path) -> None:
    text = json.dumps(
        [
            {"apiVersion": "example.com/v1", "kind": "Database", "current": "status.phase == 'Up'"},
            {"apiVersion": "example.com/v1", "kind": "Cache", "current": "true", "failed": "false"},
        ]
    )
    (database,) = loaded(EXPRESSIONS, tmp_path).settings.health.expressions
    kinds = [entry.kind for entry in load(None, {"GITOPS_AGENT_HEALTH__EXPRESSIONS": text}, {}).settings.health.expressions]

    assert (database.api_version, database.in_progress, database.failed) == ("example.com/v1", "status.phase == 'Making'", None)
    assert kinds == ["Database", "Cache"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[{kind: Database, current: 'true'}]", "health.expressions.0.apiVersion: field required (file "),
        ("[{apiVersion: a.b/v1, kind: C, current: 'true', healthy: 'true'}]", "health.expressions.0.healthy: extra inputs"),
        ("'[{'", "health.expressions: expecting property name"),
        ("[text]", "health.expressions.0: input should be"),
    ],
)
def test_an_expression_of_another_shape_is_named_with_its_index(text: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        loaded(f"health: {{expressions: {text}}}", tmp_path)

    assert words in str(caught.value)


def test_a_setting_has_one_spelling_wherever_it_was_given() -> None:
    loaded = load(None, {"GITOPS_AGENT_SERVER__EXTERNAL_URL": "https://gitops.example.com"}, {})

    assert loaded.settings.server.external_url == "https://gitops.example.com"
    assert loaded.origins["server.externalURL"] == "environment GITOPS_AGENT_SERVER__EXTERNAL_URL"
