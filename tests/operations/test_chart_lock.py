"""Version and digest of a chart, written where they stand."""

from __future__ import annotations

from typing import Any

import pytest

from gitops_agent.errors import AgentError, UsageError
from gitops_agent.operations.chart_lock import ChartPin, dependencies_of, has_chart, locked, pin_of

DIGEST = "sha256:" + "6c3c" * 16
PIN = ChartPin(version="6.5.4", digest=DIGEST)
HEAD = "apiVersion: gitops-agent.dev/v1alpha1\nkind: Application\nmetadata: {name: podinfo}\n"


def written(text: str) -> str:
    return locked(text.encode(), "podinfo", PIN, file="app.yaml").decode()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "spec:\n  source:\n    chart:\n      name: podinfo # the chart\n      version: ~6.5  # a range\n      repository: https://x\n",
            (
                "spec:\n  source:\n    chart:\n      name: podinfo # the chart\n      version: 6.5.4\n      "
                f'digest: "{DIGEST}"  # a range\n      repository: https://x\n'
            ),
        ),
        (
            "spec: {source: {chart: {version: '~6.5', name: podinfo}}}\n",
            f"spec: {{source: {{chart: {{version: '6.5.4', digest: \"{DIGEST}\", name: podinfo}}}}}}\n",
        ),
        (
            "spec:\n  render:\n    helm:\n      chart: {name: podinfo, version: 6.5.3, digest: 'sha256:0'}\n",
            f"spec:\n  render:\n    helm:\n      chart: {{name: podinfo, version: 6.5.4, digest: '{DIGEST}'}}\n",
        ),
    ],
    ids=["block", "flow", "digest"],
)
def test_only_two_values_change(before: str, after: str) -> None:
    other = "---\nkind: Application\nmetadata: {name: other}\nspec: {source: {chart: {version: ~6.5}}}\n"

    assert written(HEAD + before + other) == HEAD + after + other
    assert written(HEAD + after + other) == HEAD + after + other


@pytest.mark.parametrize(
    "text",
    [
        "",
        "kind: Application\nmetadata: {name: other}\nspec: {source: {chart: {version: ~6.5}}}\n",
        HEAD + "spec: {source: {repoURL: x}}\n",
        "a: [\n",
        HEAD + "spec: &x {source: {chart: {version: ~6.5}}}\n",
    ],
)
def test_a_file_without_the_application_stays_as_it_is(text: str) -> None:
    with pytest.raises(AgentError):
        written(text)


def application(**chart: Any) -> dict[str, Any]:
    spec = {"repository": "https://x", "name": "podinfo", "version": "~6.5"}
    seen = {"repository": "https://x", "name": "podinfo", "range": "~6.5", "version": "6.5.4", "digest": DIGEST, **chart}
    return {"metadata": {"name": "podinfo"}, "spec": {"source": {"chart": spec}}, "status": {"source": {"chart": seen}}}


def test_the_status_says_what_a_range_stands_for() -> None:
    assert pin_of(application()) == PIN


def test_what_another_range_resolved_to_is_not_taken() -> None:
    with pytest.raises(UsageError, match=r"has not resolved podinfo ~6\.5 yet"):
        pin_of(application(range="^6"))
    with pytest.raises(UsageError, match="has no chart of a repository"):
        pin_of({"metadata": {"name": "podinfo"}, "spec": {"source": {"repoURL": "https://x"}}})


def test_fetched_dependencies_are_listed() -> None:
    row = {"name": "redis", "version": "1.2.0", "repository": "https://c", "digest": DIGEST}
    status = {"source": {"dependencies": [{**row, "range": "1.2.0", "resolvedAt": "2026-11-29T18:00:00Z"}]}}
    application = {"metadata": {"name": "shop"}, "spec": {"source": {"repoURL": "x"}}, "status": status}

    assert (dependencies_of(application), has_chart(application)) == ([row], False)
    assert dependencies_of({"spec": {}}) == []
