"""Names of revisions and their parts."""

from __future__ import annotations

import pytest

from gitops_agent.manifest.revision_name import (
    base_of,
    chart_name,
    chart_of,
    commit_of,
    digest_of,
    joined,
    short,
    values_of,
    version_of,
    with_values,
    without_values,
)

COMMIT = "94b34e0" + "0" * 33
DIGEST = "sha256:" + "6c3c" * 16
SHARED, OTHER = "https://git.example.com/shared.git", "https://git.example.com/other.git"
VALUES = [(SHARED, "77b0c3d" + "1" * 33), (OTHER, "1234567" + "2" * 57)]
SHOWN = "+values@77b0c3d11111,123456722222"
CHART = chart_name("podinfo", "6.5.4+up1", DIGEST)


@pytest.mark.parametrize(
    ("revision", "commit", "chart", "shown"),
    [
        ("", "", "", ""),
        (COMMIT, COMMIT, "", "94b34e000000"),
        (CHART, "", CHART, "podinfo-6.5.4+up1"),
        (joined(COMMIT, CHART), COMMIT, CHART, "94b34e000000+podinfo-6.5.4+up1"),
        (joined(COMMIT, ""), COMMIT, "", "94b34e000000"),
        ("main", "main", "", "main"),
        (with_values(COMMIT, VALUES), COMMIT, "", f"94b34e000000{SHOWN}"),
        (with_values(CHART, VALUES), "", CHART, f"podinfo-6.5.4+up1{SHOWN}"),
        (with_values(joined(COMMIT, CHART), VALUES), COMMIT, CHART, f"94b34e000000+podinfo-6.5.4+up1{SHOWN}"),
    ],
)
def test_a_revision_names_its_parts(revision: str, commit: str, chart: str, shown: str) -> None:
    assert (commit_of(revision), chart_of(revision), short(revision)) == (commit, chart, shown)


def test_a_chart_names_its_version_and_digest() -> None:
    assert version_of(CHART, "podinfo") == "6.5.4+up1"
    assert digest_of(CHART) == DIGEST
    assert version_of(CHART, "other") == ""
    assert digest_of("podinfo") == ""


@pytest.mark.parametrize("revision", [COMMIT, CHART, joined(COMMIT, CHART)])
def test_values_are_added_to_a_revision_and_taken_off_again(revision: str) -> None:
    named = with_values(revision, VALUES)
    assert without_values(named) == without_values(revision) == revision
    assert base_of(named) == base_of(revision)
    assert with_values(revision, []) == revision


def test_values_are_found_by_the_address_of_their_repository() -> None:
    (_, first), (_, second) = VALUES
    named = with_values(COMMIT, VALUES)
    assert values_of(named, [SHARED, OTHER]) == (first, second)
    assert values_of(named, [OTHER, "https://git.example.com/new.git", SHARED]) == (second, "", first)
    assert values_of(COMMIT, [SHARED]) == ("",)


def test_a_repository_that_is_followed_twice_has_its_commits_in_that_order() -> None:
    named = with_values(COMMIT, [(SHARED, "a" * 40), (OTHER, "b" * 40), (SHARED, "c" * 40)])
    assert values_of(named, [SHARED, OTHER, SHARED]) == ("a" * 40, "b" * 40, "c" * 40)
    assert values_of(named, [SHARED]) == ("a" * 40,)
