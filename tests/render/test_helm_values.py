from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gitops_agent.api.helm_values import Exposure, ValuesSource
from gitops_agent.errors import RenderError, SourceError
from gitops_agent.manifest.yaml import load_all
from gitops_agent.render.helm_values import collect_secrets, documents, entries
from gitops_agent.render.renderer import Rendered, Renderer
from gitops_agent.render.request import Failure
from gitops_agent.render.secret_exposure import RenderSecrets
from gitops_agent.render.worktree import WorkTree
from gitops_agent.revision.mounted_tree import MountedTree, values_folder
from gitops_agent.revision.tree import Tree
from tests.render.samples import CHART, ask, put

Render = Callable[..., Rendered]
PASSWORD = "hunter22-of-the-shop"
VALUES = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: values}\ndata: {values: {{ .Values | toJson | quote }}}\n"


def sources(*rows: Mapping[str, Any]) -> tuple[ValuesSource, ...]:
    return tuple(ValuesSource.model_validate({"kind": "ConfigMap", "name": "cluster", **row}) for row in rows)


def placed(path: str, text: str, *others: dict[str, Any], kind: str = "ConfigMap") -> Any:
    """What a document with one entry at a path says."""
    named = sources({"kind": kind, "key": "entry", "targetPath": path})
    ((_, document, _),) = documents(named, entries(named, [{"entry": text.encode()}]), lambda: list(others))
    return load_all(document.encode())[0]


def refused(path: str, *others: dict[str, Any]) -> str:
    with pytest.raises(RenderError) as caught:
        placed(path, "x", *others)
    return caught.value.message


def test_an_entry_is_put_at_its_path() -> None:
    assert placed("/postgres/auth~1x/password", "p") == {"postgres": {"auth/x": {"password": "p"}}}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("3", 3),
        ('"3"', "3"),
        ("'true'", "true"),
        ("010", "010"),
        ("1.20", "1.20"),
        ("a\nb\n", "a\nb\n"),
        ("", ""),
    ],
)
def test_an_entry_of_a_config_map_is_what_it_looks_like(text: str, value: Any) -> None:
    assert placed("/a", text) == {"a": value}


@pytest.mark.parametrize("text", ["true", "3", '"3"'])
def test_an_entry_of_a_secret_stays_text(text: str) -> None:
    assert placed("/a", text, kind="Secret") == {"a": text}


def test_a_position_keeps_the_rest_of_the_list() -> None:
    hosts = [{"name": "a", "tls": True}, {"name": "b"}]
    chart = {"hosts": hosts, "other": 1}
    assert placed("/hosts/0/name", "x", chart) == {"hosts": [{"name": "x", "tls": True}, {"name": "b"}]}
    assert placed("/hosts/2", "x", chart) == {"hosts": [*hosts, "x"]}
    assert placed("/hosts/-", "x", chart, {"hosts": ["y"]}) == {"hosts": ["y", "x"]}
    assert placed("/new/0", "x", chart) == {"new": ["x"]}


def test_a_position_that_is_not_there_is_refused() -> None:
    assert refused("/hosts/7", {"hosts": []}).endswith("/hosts/7 is beyond the end of a list of 0")
    assert refused("/hosts/0/first/x", {"hosts": [["a"]]}).endswith("leads through a list, where 'first' is no position")


def test_a_later_entry_sees_the_list_of_an_earlier_one() -> None:
    named = sources({"key": "a"}, {"key": "b", "targetPath": "/list/-"})
    rows = documents(named, entries(named, [{"a": b"list: [1]"}, {"b": b"2"}]), list)
    assert [load_all(text.encode())[0] for _, text, _ in rows] == [{"list": [1]}, {"list": [1, 2]}]


def test_what_is_optional_may_be_missing() -> None:
    named = sources({"optional": True}, {"optional": True, "key": "a"})
    assert entries(named, [{}, {"b": b""}]) == ()


def test_a_missing_entry_is_named() -> None:
    with pytest.raises(RenderError) as caught:
        entries(sources({"key": "prod.yaml"}), [{"values.yaml": b""}])
    assert caught.value.message == (
        "spec.render.helm.valuesFrom[0]: ConfigMap cluster, key prod.yaml is not there; add it, or set `optional: true`"
    )
    assert caught.value.reason == "VariableSourceMissing"
    assert caught.value.transient


@pytest.mark.parametrize(
    ("text", "problem"), [("a: [", "is not valid YAML"), ("- a", "holds a list"), ("hunter22", "a single value")]
)
def test_an_entry_that_is_no_map_of_values_is_refused_without_a_word_of_it(text: str, problem: str) -> None:
    with pytest.raises(RenderError) as caught:
        entries(sources({"kind": "Secret"}), [{"values.yaml": text.encode()}])
    assert problem in caught.value.message
    assert "hunter22" not in caught.value.message


def test_the_values_of_secrets_are_remembered_as_the_source_says() -> None:
    named = sources({"kind": "Secret", "exposure": "warn"}, {"kind": "Secret", "key": "p", "targetPath": "/p"}, {})
    contents = [{"values.yaml": b"auth: {password: hunter22-a}"}, {"p": b"hunter22-b"}, {"values.yaml": b"x: hunter22-c"}]
    strict, tolerated = RenderSecrets(), RenderSecrets()
    for exposure, into in ((Exposure.REFUSE, strict), (Exposure.WARN, tolerated)):
        collect_secrets(named, entries(named, contents), into, exposure)
    assert strict.without("hunter22-a hunter22-b hunter22-c") == "hunter22-a *** hunter22-c"
    assert tolerated.without("hunter22-a hunter22-b hunter22-c") == "*** hunter22-b hunter22-c"


def test_values_of_objects_win_over_files_and_lose_to_the_spec(render: Render) -> None:
    files = {"web/Chart.yaml": CHART, "web/templates/a.yaml": VALUES, "web/values.yaml": "a: 1\nb: 1\nc: 1\nd: 1\ngone: 1\n"}
    files |= {"web/prod.yaml": "b: 2\nc: 2\nd: 2\n"}
    rows = [{"key": "x"}, {"key": "c", "targetPath": "/d"}]
    named = sources(*rows)
    helm = {"valuesFiles": ["prod.yaml"], "valuesFrom": [{"kind": "ConfigMap", "name": "cluster", **row} for row in rows]}
    request = ask("web", helm={**helm, "values": {"d": 4}})
    variables = entries(named, [{"x": b"c: 3\nd: 3\ngone: null\n"}, {"c": b"3"}])
    rendered = render(replace(request, variables=variables), files)
    assert json.loads(rendered.manifests[0].obj["data"]["values"]) == {"a": 1, "b": 2, "c": 3, "d": 4}
    assert rendered.variables == ("spec.render.helm.valuesFrom[0]", "spec.render.helm.valuesFrom[1]")


class SharedValues:
    """A chart, and values for it in another repository."""

    def __init__(self, folder: Path, renderer: Renderer) -> None:
        self._chart, self._shared, self._renderer = folder / "config", folder / "shared", renderer
        put(
            self._chart,
            {"web/Chart.yaml": CHART, "web/templates/a.yaml": VALUES, "web/values.yaml": "a: 0\nb: 0\nc: 0\nd: 0\n"},
        )
        put(self._chart, {"web/prod.yaml": "b: file\nc: file\nd: file\n"})

    def tree(self, *sources: Mapping[str, Any]) -> Tree:
        tree: Tree = WorkTree(self._chart)
        for index, _ in enumerate(sources):
            tree = MountedTree(tree, values_folder(index), WorkTree(self._shared), "both")
        return tree

    def attempt(self, *changes: Mapping[str, Any], files: Mapping[str, str | bytes], **helm: Any) -> Rendered | Failure:
        put(self._shared, files)
        git = {"kind": "Git", "repoURL": URL, "ref": {"branch": "main"}, "path": "prod/web.yaml"}
        listed = [{**git, **change} for change in changes or ({},)]
        request = ask("web", helm={"valuesFiles": ["prod.yaml"], "valuesFrom": listed, **helm})
        return self._renderer.attempt(self.tree(*listed), request)

    def render(self, *changes: Mapping[str, Any], files: Mapping[str, str | bytes], **helm: Any) -> dict[str, Any]:
        result = self.attempt(*changes, files=files, **helm)
        assert isinstance(result, Rendered), result
        values: dict[str, Any] = json.loads(result.manifests[0].obj["data"]["values"])
        return values

    def error(self, *changes: Mapping[str, Any], files: Mapping[str, str | bytes]) -> RenderError | SourceError:
        result = self.attempt(*changes, files=files)
        assert isinstance(result, Failure), result
        return result.error


URL = "https://git.example.com/shared.git"
FILE = f"spec.render.helm.valuesFrom[0]: prod/web.yaml of {URL}"


@pytest.fixture
def shared(tmp_path: Path, renderer: Renderer) -> SharedValues:
    return SharedValues(tmp_path, renderer)


def test_a_file_of_another_repository_wins_over_files_and_loses_to_the_spec(shared: SharedValues) -> None:
    written = shared.render(files={"prod/web.yaml": "c: shared\nd: shared\n"}, values={"d": "spec"})
    assert written == {"a": 0, "b": "file", "c": "shared", "d": "spec"}


def test_a_later_file_of_another_repository_wins(shared: SharedValues) -> None:
    files = {"prod/web.yaml": "c: 1\nd: 1\n", "more.yaml": "d: 2\n"}
    assert shared.render({}, {"path": "more.yaml"}, files=files) == {"a": 0, "b": "file", "c": 1, "d": 2}


def test_a_file_of_another_repository_is_a_text_at_its_path(shared: SharedValues) -> None:
    assert shared.render({"targetPath": "/a/b"}, files={"prod/web.yaml": "true"})["a"] == {"b": "true"}


def test_a_render_depends_on_the_file_that_was_read_and_on_no_other(shared: SharedValues) -> None:
    result = shared.attempt(files={"prod/web.yaml": "c: 1\n", "prod/other.yaml": "c: 1\n"})
    assert isinstance(result, Rendered)
    shared.attempt(files={"prod/other.yaml": "c: 2\n"})
    assert result.closure.holds(shared.tree({}))
    shared.attempt(files={"prod/web.yaml": "c: 2\n"})
    assert not result.closure.holds(shared.tree({}))


def test_a_file_that_is_not_there_is_named_with_its_repository(shared: SharedValues) -> None:
    missing = shared.error(files={"readme.md": "nothing"})
    assert (missing.reason, missing.message) == (
        "FileNotFound",
        f"{FILE} does not exist; correct `path`, or set `optional: true`",
    )
    folder = shared.error({"path": "prod"}, files={"prod/web.yaml": ""})
    assert folder.message.endswith(f"prod of {URL} is a directory")


def test_an_optional_file_may_be_missing(shared: SharedValues) -> None:
    assert shared.render({"optional": True}, files={"readme.md": "nothing"})["d"] == "file"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: {b\n", f"{FILE} is not valid YAML (line 2)"),
        ("- a\n", f"{FILE} holds a list, not a map of values; set `targetPath`"),
        (b"\xff\xfe", f"{FILE} is not text"),
    ],
)
def test_a_file_that_holds_no_values_is_named(shared: SharedValues, text: str | bytes, message: str) -> None:
    assert shared.error(files={"prod/web.yaml": text}).message == message


def test_a_link_out_of_the_other_repository_is_refused(shared: SharedValues, tmp_path: Path) -> None:
    put(tmp_path / "shared", {"readme.md": ""})
    (tmp_path / "shared" / "out.yaml").symlink_to("../config/web/prod.yaml")
    error = shared.error({"path": "out.yaml"}, files={})
    assert error.message.startswith(f"spec.render.helm.valuesFrom[0]: out.yaml of {URL}: ")
    assert ".helm-values" not in error.message


def test_what_helm_says_of_a_file_names_the_repository(shared: SharedValues, tmp_path: Path) -> None:
    put(tmp_path / "config", {"web/values.schema.json": '{"properties": {"c": {"type": "integer"}}}'})
    message = shared.error(files={"prod/web.yaml": "c: text\n"}).message
    assert "values-from" not in message
