from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from gitops_agent.errors import UsageError
from gitops_agent.install.bootstrap import Layout, with_image
from gitops_agent.install.overlay import Image, Overlay

MADE = Overlay(
    url="https://git.example.com/config.git",
    branch="main",
    path="clusters/a",
    name="root",
    secret="",
    cluster_uid="uid-a",
    image=Image.parse("registry.example.com/agent:0.1.0"),
)


def write(root: Path, made: Overlay = MADE, *, new_cluster: bool = False) -> tuple[str, ...]:
    return Layout.read(root, made.path).write(made, new_cluster=new_cluster)


def put(root: Path, name: str, text: str = "a: 1\n") -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_the_second_time_nothing_is_written(tmp_path: Path) -> None:
    first = write(tmp_path)

    assert {"clusters/a/kustomization.yaml", "clusters/a/gitops-agent/root.yaml"} <= set(first)
    assert write(tmp_path) == ()


def test_what_people_changed_stays_and_the_manifests_are_replaced(tmp_path: Path) -> None:
    write(tmp_path)
    kept = put(tmp_path, "clusters/a/gitops-agent/config.yaml", "log: {level: debug}\n")
    put(tmp_path, "clusters/a/gitops-agent/deploy/base/service.yaml", "edited: true\n")
    stale = put(tmp_path, "clusters/a/gitops-agent/deploy/base/gone.yaml")

    assert write(tmp_path) == (
        "clusters/a/gitops-agent/deploy/base/gone.yaml",
        "clusters/a/gitops-agent/deploy/base/service.yaml",
    )
    assert kept.read_text() == "log: {level: debug}\n"
    assert not stale.exists()


def test_a_path_that_holds_something_else_is_refused_and_stays_as_it_is(tmp_path: Path) -> None:
    put(tmp_path, "clusters/a/shop.yaml")

    with pytest.raises(UsageError, match=r"--path clusters/a: it is not empty \(shop\.yaml\): name an empty path"):
        write(tmp_path)

    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["shop.yaml"]


def test_a_kustomization_that_lists_the_folder_takes_the_agent_in(tmp_path: Path) -> None:
    listing = put(tmp_path, "clusters/a/kustomization.yaml", "resources: [shop.yaml, gitops-agent]\n")
    put(tmp_path, "clusters/a/shop.yaml")

    assert "clusters/a/gitops-agent/root.yaml" in write(tmp_path)
    assert listing.read_text() == "resources: [shop.yaml, gitops-agent]\n"


def test_a_kustomization_that_does_not_list_it_is_named(tmp_path: Path) -> None:
    put(tmp_path, "clusters/a/kustomization.yaml", "resources: [shop.yaml]\n")

    with pytest.raises(UsageError, match=r"clusters/a/kustomization\.yaml does not list gitops-agent"):
        write(tmp_path)


def test_the_path_of_another_cluster_is_refused_until_this_one_replaces_it(tmp_path: Path) -> None:
    write(tmp_path)
    other = replace(MADE, cluster_uid="uid-b")

    with pytest.raises(UsageError, match=r"belongs to the cluster uid-a, and this one is uid-b.*--new-cluster"):
        write(tmp_path, other)

    assert write(tmp_path, other, new_cluster=True) == (
        "clusters/a/gitops-agent/config.yaml",
        "clusters/a/gitops-agent/root.yaml",
    )
    assert write(tmp_path, other) == ()


def test_a_link_out_of_the_repository_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "repository/clusters").mkdir(parents=True)
    (tmp_path / "outside").mkdir()
    (tmp_path / "repository/clusters/a").symlink_to(tmp_path / "outside")

    with pytest.raises(UsageError, match="a link leads out of the repository"):
        write(tmp_path / "repository")


def test_the_image_in_git_is_kept_and_one_has_to_be_named_at_first(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="name it with --image"):
        with_image(MADE, Layout.read(tmp_path, MADE.path), "")
    write(tmp_path)

    assert with_image(MADE, Layout.read(tmp_path, MADE.path), "").image == MADE.image
    assert str(with_image(MADE, Layout.read(tmp_path, MADE.path), "agent:2").image) == "agent:2"
