from __future__ import annotations

from typing import Any

import pytest

from gitops_agent.render.kustomization import charts, function, plugin_references, references, remote, shown

ALL: dict[str, Any] = {
    "resources": ["a.yaml", "../base"],
    "bases": ["b"],
    "components": ["c"],
    "crds": ["crd.json"],
    "configurations": ["conf.yaml"],
    "patchesStrategicMerge": ["p.yaml", "kind: A\n"],
    "generators": ["g.yaml"],
    "transformers": ["t.yaml"],
    "validators": ["v.yaml"],
    "patches": [{"path": "p2.yaml"}, {"patch": "- op: remove"}, "old.yaml"],
    "patchesJson6902": [{"path": "p3.yaml", "target": {}}],
    "replacements": [{"path": "r.yaml"}, {"source": {}}],
    "configMapGenerator": [{"files": ["f.txt", "key=g.txt"], "envs": ["e.env"], "env": "old.env", "literals": ["a=b.txt"]}],
    "secretGenerator": [{"files": ["s.txt"]}],
    "openapi": {"path": "schema.json"},
}


def test_every_field_that_names_files_is_known() -> None:
    assert sorted(reference.value for reference in references(ALL)) == sorted(
        [
            *("a.yaml", "../base", "b", "c", "crd.json", "conf.yaml", "p.yaml", "kind: A\n", "g.yaml", "t.yaml", "v.yaml"),
            *("p2.yaml", "old.yaml", "p3.yaml", "r.yaml", "f.txt", "g.txt", "e.env", "old.env", "s.txt", "schema.json"),
        ]
    )


@pytest.mark.parametrize("wrong", [None, 5, "text", {"a": 1}, [5, None, ["x"]], [{"path": 5}]])
def test_values_of_a_wrong_type_name_nothing(wrong: Any) -> None:
    assert list(references(dict.fromkeys(ALL, wrong))) == []


@pytest.mark.parametrize(
    "value",
    [
        "https://github.com/org/repo//base?ref=v1",
        "http://169.254.169.254/latest/meta-data",
        "git@github.com:org/repo.git",
        "github.com/org/repo/base",
        "github.com:org/repo",
        "ssh://git@host/repo",
        "git::https://host/repo.git",
        "file:///etc",
        "gh:org/repo",
        "org-12345@github.com:org/repo",
        "user@host/path",
        "../base?ref=main",
        "HTTPS://EXAMPLE.COM/a.yaml",
        "s3://bucket/key",
        "host.xz/repo.git?timeout=90&ref=x",
    ],
)
def test_what_lies_elsewhere_is_known_by_its_look(value: str) -> None:
    assert remote(value)


@pytest.mark.parametrize(
    "value", ["../base", "./a.yaml", "a@b.yaml", "github.yaml", "my.github.com.yaml", "a:b.yaml", "what?.yaml", "k=v.yaml"]
)
def test_what_lies_here_is_not(value: str) -> None:
    assert not remote(value)


def test_credentials_of_an_address_are_not_shown() -> None:
    assert shown("https://user:token@host/repo") == "https://***@host/repo"


def test_the_configuration_of_builtin_plugins_names_files() -> None:
    configs: list[dict[str, Any]] = [
        {"kind": "ConfigMapGenerator", "files": ["a"], "envs": ["b"]},
        {"kind": "PatchTransformer", "path": "c"},
        {"kind": "PatchStrategicMergeTransformer", "paths": ["d", "kind: X\n"]},
        {"kind": "ReplacementTransformer", "replacements": [{"path": "e"}]},
    ]
    values = [reference.value for config in configs for reference in plugin_references(config)]
    assert values == ["a", "b", "c", "d", "kind: X\n", "e"]


def test_functions_and_charts_are_recognised() -> None:
    annotations = {"config.kubernetes.io/function": "exec: {path: ./x}"}
    assert function({"metadata": {"annotations": annotations}})
    assert not function({"metadata": {"annotations": {}}})
    assert not function({"metadata": None})
    assert charts({"helmCharts": [{"name": "x"}]}) == "helmCharts"
    assert charts({"helmCharts": []}) is None
