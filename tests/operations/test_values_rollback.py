"""Values of other repositories in a rollback."""

from __future__ import annotations

from typing import Any

import pytest

from gitops_agent.errors import UsageError
from gitops_agent.manifest.key import Object
from gitops_agent.manifest.revision_name import with_values
from gitops_agent.operations import values_rollback

OWN, FIRST, SECOND = "a" * 40, "b" * 40, "c" * 40
SHARED, OTHER = "https://git.example.com/shared.git", "https://git.example.com/other.git"


def git(url: str, **ref: str) -> Object:
    return {"kind": "Git", "repoURL": url, "ref": ref or {"branch": "main"}, "path": "web.yaml"}


def application(*sources: Object) -> Object:
    return {"metadata": {"name": "shop"}, "spec": {"render": {"helm": {"valuesFrom": list(sources)}}}}


def refs(answer: dict[str, Any]) -> list[Object]:
    listed: list[Object] = answer["values"]
    return listed


def test_each_repository_is_pinned_to_its_commit() -> None:
    revision = with_values(OWN, [(SHARED, FIRST), (OTHER, SECOND)])
    shop = application(git(OTHER, tag="v3"), {"kind": "Secret", "name": "db"}, git(SHARED))

    pinned = values_rollback.pinned(shop, revision)

    assert refs(pinned) == [{"commit": SECOND}, {"commit": FIRST}]
    assert [source.get("ref") for source in values_rollback.sources(shop, refs(pinned))] == [
        {"commit": SECOND},
        None,
        {"commit": FIRST},
    ]
    assert refs(values_rollback.followed(shop)) == [{"tag": "v3"}, {"branch": "main"}]


def test_two_files_of_one_commit_are_pinned_alike_and_two_branches_apart() -> None:
    alike = application(git(SHARED), git(SHARED))
    apart = application(git(SHARED), git(SHARED, branch="next"))

    assert refs(values_rollback.pinned(alike, with_values(OWN, [(SHARED, FIRST)]))) == [{"commit": FIRST}] * 2
    both = with_values(OWN, [(SHARED, FIRST), (SHARED, SECOND)])
    assert refs(values_rollback.pinned(apart, both)) == [{"commit": FIRST}, {"commit": SECOND}]


def test_a_repository_that_the_revision_does_not_name_stays_at_what_it_follows() -> None:
    assert refs(values_rollback.pinned(application(git(SHARED, tag="v3")), OWN)) == [{"tag": "v3"}]
    assert values_rollback.pinned(application({"kind": "ConfigMap", "name": "a"}), OWN) == {}
    assert values_rollback.followed({"metadata": {"name": "shop"}, "spec": {}}) == {}


@pytest.mark.parametrize("before", [[], [{"branch": "main"}] * 2, "main", ["main"]])
def test_references_that_do_not_fit_the_spec_are_not_put_back(before: Any) -> None:
    with pytest.raises(UsageError, match="valuesFrom of shop has changed since its rollback"):
        values_rollback.sources(application(git(SHARED)), before)
