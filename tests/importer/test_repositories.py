from __future__ import annotations

import pytest

from gitops_agent.errors import SourceError
from gitops_agent.importer.repositories import UnreadRepositories, by_full_name
from gitops_agent.manifest.key import Object

URL = "https://git.example.com/config.git"


@pytest.mark.parametrize(
    ("revision", "spec", "doubtful"),
    [
        ("a" * 40, {"commit": "a" * 40}, False),
        ("^1.2", {"semver": "^1.2"}, False),
        ("1.2.x", {"semver": "1.2.x"}, False),
        ("*", {"semver": "*"}, False),
        ("refs/tags/v1", {"tag": "v1"}, False),
        ("refs/heads/a/b", {"branch": "a/b"}, False),
        ("v1.2.3", {"tag": "v1.2.3"}, True),
        ("HEAD", {"branch": "main"}, True),
        ("", {"branch": "main"}, True),
        ("feature/x", {"branch": "feature/x"}, True),
    ],
)
def test_a_name_decides_where_no_repository_is_read(revision: str, spec: Object, *, doubtful: bool) -> None:
    reference = UnreadRepositories().reference(URL, revision)

    assert reference.spec == spec
    assert bool(reference.doubt) is doubtful


def test_files_are_not_read_offline() -> None:
    with pytest.raises(SourceError, match="--offline"):
        UnreadRepositories().tree(URL, "main")


def test_another_reference_has_no_equivalent() -> None:
    assert "neither a branch nor a tag" in by_full_name("refs/pull/1/head").doubt
