from __future__ import annotations

from pathlib import Path

import pytest

from gitops_agent.api.parse import parse
from gitops_agent.manifest.yaml import load_all
from gitops_agent.sandbox.demo.story import APPLICATIONS, PAGES, example, root, scratch


def test_the_root_application_can_be_followed() -> None:
    application = parse(root("file:///tmp/config.git"))

    assert application.spec.source.path == "clusters/production"
    assert (example() / application.spec.source.path).is_dir()


def test_the_example_holds_the_applications_and_pages_the_story_is_about() -> None:
    named = set()
    for path in example().joinpath("clusters", "production").rglob("*.yaml"):
        for obj in load_all(path.read_bytes(), file=path.name):
            if obj["kind"] == "Application":
                named.add(obj["metadata"]["name"])

    assert named == set(APPLICATIONS)
    assert all((example() / "apps" / "guestbook" / f"page-{name}.yaml").is_file() for name in PAGES)


def test_scratch_is_taken_away_whatever_happens() -> None:
    with pytest.raises(FileNotFoundError), scratch(None) as folder:
        (folder / "no" / "such").write_text("x")

    assert not folder.exists()


def test_a_folder_somebody_named_is_kept(tmp_path: Path) -> None:
    with scratch(tmp_path / "kept") as folder:
        (folder / "file").write_text("x")

    assert (tmp_path / "kept" / "file").read_text() == "x"
