from __future__ import annotations

from typing import Any

import pytest

from gitops_agent.api.render_options import RenderOptions
from gitops_agent.errors import SourceError
from gitops_agent.revision.chart_dependency import ChartDependency
from gitops_agent.source.chart.chart_ref import ChartSource
from gitops_agent.source.chart.dependency import LOCKED, DependencyAccess
from gitops_agent.source.repository import Repository

GIT = Repository(url="https://git.example.com/config.git", secret="apps/git")


def secret_of(url: str, source: Repository = GIT, **helm: Any) -> str:
    """The Secret that a dependency at an address is read with."""
    access = DependencyAccess.of("apps", source, RenderOptions.model_validate({"helm": helm}))
    return access.located(ChartDependency(url, "redis", "1.2.0"))[0].secret


def entry(url: str, name: str = "charts") -> dict[str, Any]:
    return {"url": url, "secretRef": {"name": name}}


@pytest.mark.parametrize(
    ("written", "url", "secret"),
    [
        ("https://c.example.com/a", "https://c.example.com/a", "apps/charts"),
        ("https://c.example.com/a/", "https://c.example.com/a", "apps/charts"),
        ("https://c.example.com/a", "https://c.example.com/a/b", "apps/charts"),
        ("oci://ghcr.io/acme", "oci://ghcr.io/acme/charts", "apps/charts"),
        ("https://c.example.com", "https://c.example.com/x", "apps/charts"),
        ("https://c.example.com/a", "https://c.example.com/ab", ""),
        ("https://c.example.com/a", "https://c.example.com/a/../b", ""),
        ("https://c.example.com/a", "https://c.example.com:8443/a", ""),
        ("https://c.example.com/a", "https://evil.example.com/a", ""),
        ("oci://c.example.com/a", "https://c.example.com/a", ""),
    ],
)
def test_an_address_gets_the_secret_that_the_spec_names_for_it(written: str, url: str, secret: str) -> None:
    assert secret_of(url, repositories=[entry(written)]) == secret


def test_the_longest_address_counts() -> None:
    rows = [entry("https://c.example.com", "all"), entry("https://c.example.com/a", "one")]
    assert secret_of("https://c.example.com/a/b", repositories=rows) == "apps/one"


def test_the_repository_of_the_chart_itself_needs_no_entry() -> None:
    chart = {"repository": "https://c.example.com/a", "name": "x", "version": "1.0.0", "secretRef": {"name": "own"}}
    own = ChartSource(url="https://c.example.com/a/", secret="apps/own")

    assert secret_of("https://c.example.com/a", chart=chart) == "apps/own"
    assert secret_of("https://c.example.com/a", own) == "apps/own"
    assert secret_of("https://c.example.com/b", own) == ""


def test_what_a_range_means_is_chosen_for_the_chart_that_names_it() -> None:
    access = DependencyAccess(namespace="apps")
    refs = [access.located(ChartDependency("https://c", "redis", "~1.2", parent))[1] for parent in ("", "f" * 40)]

    assert [(ref.version, ref.once) for ref in refs] == [("~1.2", LOCKED), ("~1.2", "f" * 40)]


def test_plain_http_is_for_this_machine() -> None:
    with pytest.raises(SourceError, match="plain http"):
        secret_of("http://c.example.com")
    assert secret_of("http://127.0.0.1:1") == ""
