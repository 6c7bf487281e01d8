"""Addresses of chart repositories, and what is followed in them."""

from __future__ import annotations

import pytest

from gitops_agent.errors import SourceError
from gitops_agent.source.chart.chart_ref import ChartRef, ChartSource

DIGEST = "sha256:" + "6c3c" * 16


@pytest.mark.parametrize(
    "url",
    [
        "https://charts.example.com",
        "https://charts.example.com:8443/stable/",
        "oci://ghcr.io/acme/charts",
        "http://127.0.0.1:8879",
        "http://localhost/charts",
        "http://[::1]:80/",
    ],
)
def test_an_address_is_https_a_registry_or_this_machine(url: str) -> None:
    assert str(ChartSource(url=url)) == url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "charts.example.com",
        "http://charts.example.com",
        "http://127.0.0.1.example.com",
        "ftp://charts.example.com",
        "file:///charts",
        "https://",
        "https://li:geheim@charts.example.com",
        "https://charts.example.com/?token=geheim",
        "https://charts.example.com/#geheim",
        "https://charts.example.com/a b",
        "https://charts.example.com:port",
        "https://[::1",
        "https://charts.example.com/\n",
    ],
)
def test_any_other_address_is_refused_without_its_credentials(url: str) -> None:
    with pytest.raises(SourceError, match="the address of the chart repository") as caught:
        ChartSource(url=url)

    assert "geheim" not in str(caught.value)


def test_a_reference_names_a_chart_and_its_versions() -> None:
    assert str(ChartRef(name="podinfo", version="~6.5")) == "chart podinfo ~6.5"
    assert ChartRef(name="podinfo", version="6.5.4", digest=DIGEST) != ChartRef(name="podinfo", version="6.5.4")


@pytest.mark.parametrize(
    ("name", "version", "digest"),
    [
        ("../podinfo", "1.0.0", ""),
        ("podinfo", "latest", ""),
        ("podinfo", "~6.5", DIGEST),
        ("podinfo", "6.5.4", "6c3c"),
        ("podinfo", "6.5.4", DIGEST + "\n"),
    ],
)
def test_what_names_no_chart_is_refused(name: str, version: str, digest: str) -> None:
    with pytest.raises(SourceError) as caught:
        ChartRef(name=name, version=version, digest=digest)

    assert caught.value.reason == "InvalidSpec"
