from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gitops_agent.importer.application_set_generators import Generators, flat
from gitops_agent.importer.template_text import TemplateNotRead
from gitops_agent.manifest.key import Object
from tests.importer.peers import URL, Repositories
from tests.importer.trees import tree

FILES = {
    "apps/web/a.yaml": "a: 1\n",
    "apps/db/a.yaml": "a: 1\n",
    "apps/.hidden/a.yaml": "a: 1\n",
    "apps/web/deep/a.yaml": "a: 1\n",
    "clusters/prod/config.json": '{"cluster": {"name": "prod", "size": 3}}',
    "clusters/dev/config.json": '[{"cluster": {"name": "dev-1"}}, {"cluster": {"name": "dev-2"}}]',
}


@pytest.fixture
def generators(tmp_path: Path) -> Generators:
    return Generators(go=False, repositories=Repositories({URL: tree(tmp_path, FILES)}))


@pytest.fixture
def nested(generators: Generators) -> Generators:
    return Generators(go=True, repositories=generators.repositories)


def git(**fields: Any) -> Object:
    return {"git": {"repoURL": URL, "revision": "HEAD", **fields}}


def elements(*sets: Object) -> Object:
    return {"list": {"elements": list(sets)}}


def test_a_list_yields_its_elements(generators: Generators) -> None:
    assert generators.yielded(elements({"a": "1"}, {"a": "2"})) == [{"a": "1"}, {"a": "2"}]
    assert generators.yielded({"list": {"elementsYaml": "- {a: '3'}\n"}}) == [{"a": "3"}]


def test_directories_yield_their_paths(generators: Generators) -> None:
    sets = generators.yielded(git(directories=[{"path": "apps/*"}, {"path": "apps/db", "exclude": True}]))

    assert sets == [
        {
            "path": "apps/web",
            "path.basename": "web",
            "path.basenameNormalized": "web",
            "path[0]": "apps",
            "path[1]": "web",
        }
    ]


def test_go_templates_get_nested_paths(nested: Generators) -> None:
    (parameters,) = nested.yielded(git(directories=[{"path": "apps/web"}], values={"name": "{{ .path.basename | upper }}"}))

    assert parameters["path"]["segments"] == ["apps", "web"]
    assert parameters["values"] == {"name": "WEB"}


def test_a_prefix_keeps_two_generators_apart(generators: Generators) -> None:
    (parameters,) = generators.yielded(git(directories=[{"path": "apps/web"}], pathParamPrefix="app"))

    assert parameters["app.path"] == "apps/web"
    assert parameters["app.path.basename"] == "web"


def test_files_yield_their_content(generators: Generators) -> None:
    sets = [flat(parameters) for parameters in generators.yielded(git(files=[{"path": "clusters/**/config.json"}]))]

    assert [parameters["cluster.name"] for parameters in sets] == ["dev-1", "dev-2", "prod"]
    assert sets[2]["cluster.size"] == 3
    assert (sets[2]["path"], sets[2]["path.filename"]) == ("clusters/prod", "config.json")


def test_a_star_stays_in_its_directory(generators: Generators) -> None:
    names = [parameters["path"] for parameters in generators.yielded(git(directories=[{"path": "apps/*"}]))]

    assert names == ["apps/db", "apps/web"]
    assert len(generators.yielded(git(directories=[{"path": "apps/**"}]))) == 3


def test_a_matrix_combines_and_refers(nested: Generators) -> None:
    second = git(files=[{"path": "{{ .where }}/config.json"}])
    sets = nested.yielded({"matrix": {"generators": [elements({"where": "clusters/prod"}, {"where": "clusters/dev"}), second]}})

    assert [parameters["cluster"]["name"] for parameters in sets] == ["prod", "dev-1", "dev-2"]
    with pytest.raises(TemplateNotRead, match="two generators"):
        nested.yielded({"matrix": {"generators": [second]}})


def test_a_merge_overrides_by_its_keys(generators: Generators) -> None:
    base, other = elements({"name": "a", "size": "1"}, {"name": "b", "size": "1"}), elements({"name": "b", "size": "2"})

    sets = generators.yielded({"merge": {"mergeKeys": ["name"], "generators": [base, other]}})

    assert sets == [{"name": "a", "size": "1"}, {"name": "b", "size": "2"}]


def test_a_selector_chooses_among_the_sets(generators: Generators) -> None:
    generator = elements({"env": "prod"}, {"env": "dev"}) | {"selector": {"matchLabels": {"env": "prod"}}}

    assert generators.yielded(generator) == [{"env": "prod"}]


@pytest.mark.parametrize(
    "generator",
    [
        {"clusters": {}},
        {"scmProvider": {"github": {}}},
        {"list": {}, "git": {}},
        {},
        git(directories=[{"path": "********"}]) | {"selector": None, "git": {"repoURL": "https://gone.example.com/x.git"}},
        git(files=[{"path": "*" * 20}]),
    ],
    ids=lambda generator: str(generator)[:40],
)
def test_what_is_not_expanded_is_said(generators: Generators, generator: Object) -> None:
    with pytest.raises(TemplateNotRead):
        generators.yielded(generator)
