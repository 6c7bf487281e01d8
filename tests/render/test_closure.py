"""A render is valid until one of its inputs changes.

What it looked for and did not find is an input too.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gitops_agent.errors import AgentError
from gitops_agent.render.renderer import Rendered, Renderer, RenderLimits
from gitops_agent.render.request import rendered
from gitops_agent.render.worktree import WorkTree
from tests.render.samples import CHART, ask, config_map, put

Render = Callable[..., Rendered]

KUSTOMIZED = {
    "app/kustomization.yaml": (
        "resources: [a.yaml, ../base]\ncomponents: [../part]\nconfigMapGenerator: [{name: g, files: [f.txt]}]\n"
    ),
    "app/a.yaml": config_map("a"),
    "app/f.txt": "f",
    "base/kustomization.yaml": "resources: [b.yaml]\n",
    "base/b.yaml": config_map("b"),
    "part/kustomization.yaml": "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nnamePrefix: p-\n",
    "other/kustomization.yaml": "resources: []\n",
    "app/unused.yaml": "x: 1\n",
}
CHARTED = {
    "app/Chart.yaml": CHART + "dependencies: [{name: leaf, version: 0.x, repository: 'file://../leaf'}]\n",
    "app/templates/a.yaml": config_map("a"),
    "app/values.yaml": "a: 1\n",
    "leaf/Chart.yaml": "apiVersion: v2\nname: leaf\nversion: 0.1.0\n",
    "leaf/templates/l.yaml": config_map("leaf"),
    "env/prod.yaml": "a: 2\n",
    "env/dev.yaml": "a: 3\n",
}
PLAIN = {"app/a.yaml": config_map("a"), "app/sub/b.yaml": config_map("b"), "other/c.yaml": config_map("c")}
HELM = {"helm": {"valuesFiles": ["../env/prod.yaml"]}}


def holds(rendered: Rendered, repository: Path) -> bool:
    return rendered.closure.holds(WorkTree(repository))


@pytest.mark.parametrize(
    ("files", "options", "outside"),
    [
        (KUSTOMIZED, {}, ["app/unused.yaml", "other/kustomization.yaml", "app/new.yaml", "app/Chart.yaml", "README.md"]),
        (CHARTED, HELM, ["env/dev.yaml", "env/new.yaml", "leaf2/Chart.yaml", "README.md"]),
        (PLAIN, {}, ["other/c.yaml", "appendix/a.yaml", "app.yaml", "README.md"]),
    ],
    ids=["kustomize", "helm", "plain"],
)
def test_a_change_outside_leaves_the_render_valid(
    render: Render, repository: Path, files: Mapping[str, str], options: Mapping[str, Any], outside: list[str]
) -> None:
    rendered = render(ask("app", **options), files)
    for path in outside:
        put(repository, {path: "changed: true\n"})
        assert holds(rendered, repository), path


@pytest.mark.parametrize(
    ("files", "options", "inside"),
    [
        (KUSTOMIZED, {}, sorted(set(KUSTOMIZED) - {"app/unused.yaml", "other/kustomization.yaml"})),
        (CHARTED, HELM, sorted(set(CHARTED) - {"env/dev.yaml"})),
        (PLAIN, {}, ["app/a.yaml", "app/sub/b.yaml"]),
    ],
    ids=["kustomize", "helm", "plain"],
)
def test_a_change_of_anything_read_ends_it(
    render: Render, repository: Path, files: Mapping[str, str], options: Mapping[str, Any], inside: list[str]
) -> None:
    rendered = render(ask("app", **options), files)
    for path in inside:
        put(repository, {path: f"{files[path]}# changed\n"})
        assert not holds(rendered, repository), path
        (repository / path).unlink()
        assert not holds(rendered, repository), path
        put(repository, {path: files[path]})
        assert holds(rendered, repository), path


@pytest.mark.parametrize(
    ("files", "appears"),
    [
        (KUSTOMIZED, "app/kustomization.yml"),
        (KUSTOMIZED, "base/Kustomization"),
        (CHARTED, "app/kustomization.yaml"),
        (CHARTED, "app/requirements.yaml"),
        (CHARTED, "app/charts/x/Chart.yaml"),
        (CHARTED, "leaf/templates/new.yaml"),
        (PLAIN, "app/kustomization.yaml"),
        (PLAIN, "app/Chart.yaml"),
        (PLAIN, "app/sub/new.yaml"),
    ],
)
def test_a_file_that_was_looked_for_and_appears_ends_it(
    render: Render, repository: Path, files: Mapping[str, str], appears: str
) -> None:
    rendered = render(ask("app"), files)
    assert holds(rendered, repository)
    put(repository, {appears: "new: true\n"})
    assert not holds(rendered, repository)


def test_a_link_that_leads_elsewhere_ends_it(render: Render, repository: Path) -> None:
    put(
        repository,
        {"v1/a.yaml": config_map("a"), "v2/a.yaml": config_map("a"), "app/kustomization.yaml": "resources: [base]\n"},
    )
    put(repository, {f"v{number}/kustomization.yaml": "resources: [a.yaml]\n" for number in (1, 2)})
    link = repository / "app" / "base"
    link.symlink_to("../v1")
    rendered = render(ask("app"))
    assert holds(rendered, repository)
    put(repository, {"v2/a.yaml": config_map("other")})
    assert holds(rendered, repository)
    link.unlink()
    link.symlink_to("../v2")
    assert not holds(rendered, repository)


def test_a_link_in_the_middle_of_a_chain_that_leads_elsewhere_ends_it(render: Render, repository: Path) -> None:
    put(repository, {"v1/a.yaml": config_map("one"), "v2/a.yaml": config_map("two"), "app/.keep": ""})
    (repository / "current").symlink_to("v1")
    (repository / "app" / "a.yaml").symlink_to("../current/a.yaml")
    rendered = render(ask("app"))
    assert holds(rendered, repository)
    (repository / "current").unlink()
    (repository / "current").symlink_to("v2")
    assert not holds(rendered, repository)


FOLDERS = ["app", "base", "lib"]
NAMES = ["a.yaml", "b.yaml", "f.txt"]
CONTENT = {
    "a.yaml": [config_map("a"), config_map("a", k="1"), "broken: ["],
    "b.yaml": [config_map("b"), config_map("b2")],
    "f.txt": ["one", "two"],
}
KUSTOMIZATIONS = st.fixed_dictionaries(
    {
        "resources": st.lists(st.sampled_from(["a.yaml", "b.yaml", "../base", "../lib", "../app"]), max_size=3, unique=True),
        "files": st.booleans(),
        "prefix": st.sampled_from(["", "p-", "q-"]),
    }
).map(
    lambda parts: (
        f"resources: {parts['resources']}\nnamePrefix: '{parts['prefix']}'\n"
        + ("configMapGenerator: [{name: g, files: [f.txt]}]\n" if parts["files"] else "")
    )
)
FILES = st.fixed_dictionaries(
    {},
    optional={
        **{f"{folder}/{name}": st.sampled_from(CONTENT[name]) for folder in FOLDERS for name in NAMES},
        **{f"{folder}/kustomization.yaml": KUSTOMIZATIONS for folder in FOLDERS},
        "app/Chart.yaml": st.just(CHART),
    },
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(before=FILES, others=FILES, data=st.data(), path=st.sampled_from(FOLDERS))
def test_as_long_as_the_closure_holds_the_render_is_the_same(
    programs: Mapping[str, Path], before: Mapping[str, str], others: Mapping[str, str], data: st.DataObject, path: str
) -> None:
    places = sorted({*before, *others})
    changed = data.draw(st.sets(st.sampled_from(places), max_size=2)) if places else set()
    after = {place: text for place, text in before.items() if place not in changed or place in others}
    after |= {place: others[place] for place in changed if place in others}
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "repository"
        renderer = Renderer(
            scratch=Path(folder) / "scratch",
            limits=RenderLimits(seconds=30),
            helm=programs["helm"],
            kustomize=programs["kustomize"],
        )

        def state(files: Mapping[str, str]) -> tuple[WorkTree, Rendered | None]:
            shutil.rmtree(root, ignore_errors=True)
            root.mkdir()
            put(root, files)
            tree = WorkTree(root)
            try:
                return tree, rendered(renderer.attempt(tree, ask(path)))
            except AgentError:
                return tree, None

        _, first = state(before)
        tree, second = state(after)
        if first is not None and first.closure.holds(tree):
            assert second is not None
            assert (second.digest, second.format, second.closure) == (first.digest, first.format, first.closure)
