from __future__ import annotations

from pathlib import Path

from gitops_agent.api.render_options import RenderOptions
from gitops_agent.manifest.key import Object
from gitops_agent.manifest.revision_name import with_values as named
from gitops_agent.render.worktree import WorkTree
from gitops_agent.revision.mounted_tree import readable, values_file, values_folder
from gitops_agent.revision.revision import Revision
from gitops_agent.source.values import values_beside, with_mounted_values, with_values

URL = "https://git.example.com/shared.git"


def options(*sources: Object) -> RenderOptions:
    return RenderOptions.model_validate({"helm": {"valuesFrom": list(sources)}})


def git(path: str = "web.yaml", branch: str = "main", **more: Object) -> Object:
    return {"kind": "Git", "repoURL": URL, "ref": {"branch": branch}, "path": path, **more}


def test_a_repository_and_reference_is_followed_once() -> None:
    render = options(
        git(), {"kind": "ConfigMap", "name": "a"}, git("db.yaml"), git(branch="next"), git(secretRef={"name": "x"})
    )

    followed = [(repository.secret, str(ref)) for repository, ref in values_beside("ops", render)]

    assert followed == [("", "branch main"), ("", "branch next"), ("ops/x", "branch main")]
    assert values_beside("ops", None) == values_beside("ops", RenderOptions()) == ()


def test_a_revision_names_the_commits_of_its_values() -> None:
    own = Revision(repository="https://git.example.com/config.git", ref="main", commit="a" * 40)
    ((repository, ref),) = values_beside("ops", options(git()))
    values = Revision(repository=repository.url, ref=ref.value, commit="b" * 40)

    both = with_values(own, [values], [ref])

    assert both.commit == named("a" * 40, [(URL, "b" * 40)])
    assert [(source.repository, source.ref, source.commit) for source in both.values] == [(URL, "branch main", "b" * 40)]
    assert with_values(own, [], []) is own


def test_each_file_is_seen_below_a_directory_of_its_own(tmp_path: Path) -> None:
    for name in ("config", "main", "next"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "web.yaml").write_text(name)
    render = options({"kind": "ConfigMap", "name": "a"}, git(), git(branch="next"))
    trees = {pair: WorkTree(tmp_path / str(pair[1].value)) for pair in values_beside("ops", render)}

    tree = with_mounted_values(WorkTree(tmp_path / "config"), "ops", render, trees)

    contents = [tree.read(path, limit=100) for path in ("web.yaml", *(f"{values_folder(n)}/web.yaml" for n in (1, 2)))]
    assert contents == [b"config", b"main", b"next"]
    assert tree.entry(f"{values_folder(0)}/web.yaml") is None


def test_texts_name_the_field_instead_of_the_directory() -> None:
    path = f"{values_folder(3)}/prod/web.yaml"
    assert values_file(path) == (3, "prod/web.yaml")
    assert values_file("prod/web.yaml") is None
    assert readable(f"{path} is a Git LFS pointer") == "spec.render.helm.valuesFrom[3]: prod/web.yaml is a Git LFS pointer"
