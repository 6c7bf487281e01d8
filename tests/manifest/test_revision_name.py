"""Names of revisions and their parts."""

from __future__ import annotations

import pytest

from gitops_agent.manifest.revision_name import chart_name, chart_of, commit_of, digest_of, joined, short, version_of

COMMIT = "94b34e0" + "0" * 33
DIGEST = "sha256:" + "6c3c" * 16
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
    ],
)
def test_a_revision_names_its_parts(revision: str, commit: str, chart: str, shown: str) -> None:
    assert (commit_of(revision), chart_of(revision), short(revision)) == (commit, chart, shown)


def test_a_chart_names_its_version_and_digest() -> None:
    assert version_of(CHART, "podinfo") == "6.5.4+up1"
    assert digest_of(CHART) == DIGEST
    assert version_of(CHART, "other") == ""
    assert digest_of("podinfo") == ""
