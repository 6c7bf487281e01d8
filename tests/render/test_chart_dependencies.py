from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from gitops_agent.errors import AgentError
from gitops_agent.manifest.key import Object
from gitops_agent.manifest.yaml import dump
from gitops_agent.render.chart_lock import digest
from gitops_agent.render.renderer import Rendered, Renderer
from gitops_agent.render.request import RenderRequest, rendered
from gitops_agent.render.worker.client import local_workers
from gitops_agent.render.worktree import WorkTree
from gitops_agent.revision.chart_dependency import DEPENDENCIES, ChartDependency
from gitops_agent.revision.mounted_tree import CHART, MountedTree
from gitops_agent.revision.pinned_tree import PinnedTree
from gitops_agent.revision.tree import Tree
from gitops_agent.source.chart.archive import ChartFile
from gitops_agent.source.chart.chart_tree import ChartTree
from tests.render.samples import ask, config_map, names, put

pytestmark = pytest.mark.slow

URL = "https://charts.example.com"
MAP = config_map("{{ .Chart.Name }}-{{ .Values.color | default `none` }}")


def tree_of(files: Mapping[str, str], commit: str = "c-1.0.0@sha256:0") -> Tree:
    """A chart as its repository has it."""
    return ChartTree(commit, lambda: {path: ChartFile(path=path, data=text.encode()) for path, text in files.items()})


def chart(name: str, *wishes: Object, version: str = "1.2.0", **more: str) -> dict[str, str]:
    about = {"apiVersion": "v2", "name": name, "version": version, "dependencies": list(wishes)}
    return {"Chart.yaml": dump(about), "templates/map.yaml": MAP, **more}


def wish(name: str = "redis", version: str = "~1.2", repository: str = URL, **more: object) -> Object:
    return {"name": name, "version": version, "repository": repository, **more}


def lock(wishes: list[Object], *versions: str) -> str:
    """As `helm dependency update` writes it."""
    pairs = zip(wishes, versions, strict=True)
    entries = [
        {"name": dependency["name"], "repository": dependency["repository"], "version": version}
        for dependency, version in pairs
    ]
    return dump({"dependencies": entries, "digest": digest(wishes, entries), "generated": "2026-11-29T18:00:00Z"})


class Charts:
    """The charts that were fetched, and what was looked for."""

    def __init__(self) -> None:
        self.trees: dict[ChartDependency, Tree] = {}
        self.missing: list[ChartDependency] = []

    def add(self, name: str, files: Mapping[str, str], version: str = "1.2.0", url: str = URL) -> ChartDependency:
        dependency = ChartDependency(url, name, version)
        self.trees[dependency] = tree_of(files)
        return dependency

    def tree(self, dependency: ChartDependency) -> Tree | None:
        if dependency not in self.trees:
            self.missing.append(dependency)
        return self.trees.get(dependency)


@pytest.fixture
def charts() -> Charts:
    return Charts()


Build = Callable[..., Rendered]


@pytest.fixture
def build(repository: Path, renderer: Renderer, charts: Charts) -> Build:
    """Renders `apps/shop`, whose dependencies are locked to versions."""

    def do(wishes: list[Object], *versions: str, files: Mapping[str, str] | None = None, **options: object) -> Rendered:
        locked = {"Chart.lock": lock(wishes, *versions)} if versions else {}
        shop = {**chart("shop", *wishes), **locked, **(files or {})}
        put(repository, {f"apps/shop/{path}": text for path, text in shop.items()})
        request = ask("apps/shop", helm=options) if options else ask("apps/shop")
        return rendered(renderer.attempt(PinnedTree(WorkTree(repository), DEPENDENCIES, charts), request))

    return do


def refused(build: Build, wishes: list[Object], *versions: str, files: Mapping[str, str] | None = None) -> AgentError:
    with pytest.raises(AgentError) as caught:
        build(wishes, *versions, files=files)
    return caught.value


def test_a_locked_dependency_is_rendered_with_its_own_templates(build: Build, charts: Charts) -> None:
    charts.add("redis", chart("redis"))
    result = build([wish()], "1.2.0", values={"redis": {"color": "red"}})

    assert sorted(names(result)) == ["ConfigMap/redis-red", "ConfigMap/shop-none"]
    files = {manifest.key.name: manifest.file for manifest in result.manifests}
    assert files == {
        "shop-none": "apps/shop/templates/map.yaml",
        "redis-red": "templates/map.yaml of redis 1.2.0 from https://charts.example.com",
    }


def test_alias_condition_tags_and_imported_values_are_those_of_helm(build: Build, charts: Charts) -> None:
    charts.add("redis", chart("redis", **{"values.yaml": "color: blue\nexports: {data: {color: imported}}\n"}))
    charts.add("redis", chart("redis", version="2.0.0"), version="2.0.0")
    charts.add("kv", chart("kv"))
    charts.add("off", chart("off"))
    wishes = [
        {**wish(alias="cache"), "import-values": ["data"]},
        wish(version="2.x", alias="store"),
        wish("kv", condition="kv.enabled"),
        wish("off", tags=["back"]),
    ]
    result = build(wishes, "1.2.0", "2.0.0", "1.2.0", "1.2.0", values={"kv": {"enabled": False}, "tags": {"back": False}})

    assert sorted(names(result)) == ["ConfigMap/cache-blue", "ConfigMap/shop-imported", "ConfigMap/store-none"]


def test_all_that_is_missing_is_looked_for_at_once(build: Build, charts: Charts) -> None:
    wishes = [wish(), wish("kv", repository="oci://ghcr.io/acme/charts/")]
    error = refused(build, wishes, "1.2.0", "0.3.1+b1")

    assert error.reason == "ChartDependencyMissing"
    assert error.message.startswith("apps/shop/Chart.yaml: dependencies: redis 1.2.0 from https://charts.example.com has not")
    kv = ChartDependency("oci://ghcr.io/acme/charts", "kv", "0.3.1+b1")
    assert set(charts.missing) == {ChartDependency(URL, "redis", "1.2.0"), kv}


def test_a_lock_that_does_not_fit_is_refused_with_the_command(build: Build, charts: Charts) -> None:
    charts.add("redis", chart("redis"))
    stale = lock([wish(version="~1.1")], "1.2.0")
    error = refused(build, [wish()], files={"Chart.lock": stale})

    assert (error.reason, charts.missing) == ("ChartLockStale", [])
    assert "apps/shop/Chart.lock does not fit Chart.yaml: run `helm dependency update apps/shop`" in error.message


def test_a_lock_that_names_a_range_is_refused(build: Build) -> None:
    assert refused(build, [wish()], "~1.2").reason == "ChartLockStale"


def test_a_chart_in_git_without_a_lock_is_refused(build: Build) -> None:
    error = refused(build, [wish()])

    assert error.reason == "ChartLockMissing"
    assert "there is no apps/shop/Chart.lock that names its version: run `helm dependency update apps/shop`" in error.message


@pytest.mark.parametrize(
    ("repository_url", "words"),
    [
        ("@stable", "is a name on its author's machine: write the address"),
        ("alias:stable", "is a name on its author's machine: write the address"),
        ("https://u:p@charts.example.com", "holds credentials"),
        ("s3://bucket", "is not https://host/path or oci://host/path"),
        ("https://[", "is not an address"),
    ],
)
def test_other_repositories_are_refused_with_what_to_write(build: Build, repository_url: str, words: str) -> None:
    error = refused(build, [wish(repository=repository_url)], "1.2.0")

    assert (error.reason, words in error.message) == ("ChartDependency", True)
    assert "u:p" not in error.message


@pytest.mark.parametrize("path", ["file://../../../x", "file:///etc", "file://../.chart-dependencies/x@1.0.0@@https%3A"])
def test_a_local_dependency_stays_inside_the_tree(build: Build, path: str) -> None:
    assert refused(build, [wish(repository=path)]).reason in ("PathEscapes", "FileNotFound")


def test_a_fetched_chart_reads_nothing_of_the_repository(build: Build, charts: Charts, repository: Path) -> None:
    put(repository, {"lib/Chart.yaml": "apiVersion: v2\nname: lib\nversion: 1.0.0\n"})
    charts.add("redis", chart("redis", wish("lib", repository="file://../../lib")))

    assert refused(build, [wish()], "1.2.0").reason == "PathEscapes"


def test_what_a_fetched_chart_lacks_is_fetched_too(build: Build, charts: Charts) -> None:
    inner = [wish("leaf")]
    charts.add("redis", chart("redis", *inner, **{"Chart.lock": lock(inner, "1.2.0")}))
    charts.add("leaf", chart("leaf"))
    result = build([wish()], "1.2.0")

    assert sorted(names(result)) == ["ConfigMap/leaf-none", "ConfigMap/redis-none", "ConfigMap/shop-none"]
    assert "templates/map.yaml of leaf 1.2.0 from https://charts.example.com" in {
        manifest.file for manifest in result.manifests
    }


def test_a_published_chart_names_ranges_for_its_own_content(renderer: Renderer, repository: Path, charts: Charts) -> None:
    def attempt(request: RenderRequest) -> Rendered:
        mounted = MountedTree(WorkTree(repository), CHART, tree_of(chart("podinfo", wish())), "c")
        return rendered(renderer.attempt(PinnedTree(mounted, DEPENDENCIES, charts), request))

    (repository / "values.yaml").write_text("redis: {color: red}\n")
    source = {"repository": URL, "name": "podinfo", "version": "1.2.0"}
    request = ask("", helm={"chart": source, "valuesFiles": ["values.yaml"]})
    with pytest.raises(AgentError) as caught:
        attempt(request)
    (missing,) = set(charts.missing)
    assert (caught.value.reason, missing.version, len(missing.parent)) == ("ChartDependencyMissing", "~1.2", 40)

    charts.trees[missing] = tree_of(chart("redis"))
    assert sorted(names(attempt(request))) == ["ConfigMap/podinfo-none", "ConfigMap/redis-red"]


def test_charts_in_a_circle_are_refused(build: Build, charts: Charts) -> None:
    charts.add("a", chart("a", wish("b", version="1.2.0")))
    charts.add("b", chart("b", wish("a", version="1.2.0")))
    error = refused(build, [wish("a")], "1.2.0")

    assert (error.reason, "in a circle: a 1.2.0 → b 1.2.0 → a 1.2.0" in error.message) == ("ChartDependency", True)


def test_there_are_limits(build: Build, charts: Charts) -> None:
    for number in range(6):
        charts.add(f"c{number}", chart(f"c{number}", wish(f"c{number + 1}", version="1.2.0")))
    assert "more than 5 deep" in refused(build, [wish("c0")], "1.2.0").message

    many = [wish(f"m{number}") for number in range(51)]
    assert "more than 50 charts" in refused(build, many, *["1.2.0"] * 51).message


def test_a_local_chart_without_a_lock_is_rendered_as_by_helm(build: Build, repository: Path) -> None:
    put(repository, {f"lib/{path}": text for path, text in chart("lib", wish()).items()})
    result = build([wish("lib", repository="file://../../lib")])

    assert sorted(names(result)) == ["ConfigMap/lib-none", "ConfigMap/shop-none"]
    assert any("lib is rendered without its dependency redis" in warning for warning in result.warnings)


def test_errors_name_the_chart_and_its_repository(build: Build, charts: Charts) -> None:
    charts.add("redis", chart("redis", **{"templates/bad.yaml": "{{ fail `no` }}"}))
    error = refused(build, [wish(alias="cache")], "1.2.0")

    assert "templates/bad.yaml of redis 1.2.0 from https://charts.example.com" in error.message
    assert ".chart-dependencies" not in error.message


def test_workers_render_it_and_the_closure_covers_it(repository: Path, charts: Charts) -> None:
    wishes = [wish()]
    put(repository, {**chart("shop", *wishes), "Chart.lock": lock(wishes, "1.2.0")})
    redis = charts.add("redis", chart("redis"))
    tree = PinnedTree(WorkTree(repository), DEPENDENCIES, charts)
    with local_workers() as workers:
        result = workers.render(tree, ask(""))

    assert sorted(names(result)) == ["ConfigMap/redis-none", "ConfigMap/shop-none"]
    assert redis.path in {path for path, oid in result.closure.entries if oid}
    assert result.closure.holds(tree)
