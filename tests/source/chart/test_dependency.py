from __future__ import annotations

from typing import Any

import pytest

from gitops_agent.api.render_options import RenderOptions
from gitops_agent.api.source_options import ChartSpec
from gitops_agent.errors import SourceError
from gitops_agent.revision.chart_dependency import ChartDependency
from gitops_agent.source.chart.chart_ref import SignerDemand
from gitops_agent.source.chart.dependency import LOCKED, DependencyAccess


def secret_of(url: str, chart: ChartSpec | None = None, **helm: Any) -> str:
    """The Secret that a dependency at an address is read with."""
    access = DependencyAccess.of("apps", chart, RenderOptions.model_validate({"helm": helm}))
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


CHART = {"repository": "https://c.example.com/a/", "name": "shop", "version": "1.0.0", "secretRef": {"name": "own"}}


def test_the_repository_of_the_chart_itself_needs_no_entry() -> None:
    own = ChartSpec.model_validate(CHART)
    beside = RenderOptions.model_validate({"helm": {"chart": CHART}})

    for access in (DependencyAccess.of("apps", own, None), DependencyAccess.of("apps", None, beside)):
        same, other = (ChartDependency(f"https://c.example.com/{path}", "redis", "1.2.0") for path in "ab")
        assert (access.located(same)[0].secret, access.located(other)[0].secret) == ("apps/own", "")


@pytest.mark.parametrize("beside", [True, False], ids=["beside values in Git", "alone"])
@pytest.mark.parametrize(
    ("verify", "version", "range_"),
    [({}, True, True), ({"dependencies": "verified"}, True, True), ({"dependencies": "locked"}, False, True)],
    ids=["by default", "verified", "locked"],
)
def test_a_dependency_is_verified_like_its_chart_unless_locks_suffice(
    *, verify: dict[str, Any], version: bool, range_: bool, beside: bool
) -> None:
    chart = CHART | {"verify": {"provenance": {"secretRef": {"name": "signers"}}, **verify}}
    if beside:
        access = DependencyAccess.of("apps", None, RenderOptions.model_validate({"helm": {"chart": chart}}))
    else:
        access = DependencyAccess.of("apps", ChartSpec.model_validate(chart), None)
    demand = SignerDemand(secret="apps/signers", provenance=True)
    locked, ranged = (ChartDependency("https://c", "redis", *rest) for rest in (("1.2.0",), ("~1.2", "f" * 40)))

    assert access.located(locked)[1].signers == (demand if version else None)
    assert access.located(ranged)[1].signers == (demand if range_ else None)


def test_only_a_missing_signature_becomes_one_of_a_dependency() -> None:
    access = DependencyAccess(namespace="apps", chart="shop")
    dependency = ChartDependency("https://c", "redis", "~1.2", "f" * 40)
    down = SourceError("down", reason="SourceUnavailable", transient=True)
    refused = access.explained(dependency, SourceError("no keys yet", reason="Unverified", transient=True, repository="x"))

    assert access.explained(dependency, down) is down
    assert (refused.reason, refused.transient, refused.facts["repository"]) == ("ChartDependencyUnverified", True, "https://c")
    assert "name one version in Chart.lock and set verify.dependencies: locked" in refused.message


def test_what_a_range_means_is_chosen_for_the_chart_that_names_it() -> None:
    access = DependencyAccess(namespace="apps")
    refs = [access.located(ChartDependency("https://c", "redis", "~1.2", parent))[1] for parent in ("", "f" * 40)]

    assert [(ref.version, ref.once) for ref in refs] == [("~1.2", LOCKED), ("~1.2", "f" * 40)]


def test_plain_http_is_for_this_machine() -> None:
    with pytest.raises(SourceError, match="plain http"):
        secret_of("http://c.example.com")
    assert secret_of("http://127.0.0.1:1") == ""
