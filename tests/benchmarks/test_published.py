"""A module that is not the pinned one is refused."""

from __future__ import annotations

import dataclasses

import pytest

from benchmarks.published import GATEWAY_API, GATEWAY_CRDS
from gitops_agent.errors import AgentError
from gitops_agent.toolchain.progress import Silent

ROUTES = GATEWAY_CRDS.format(plural="httproutes")


def test_a_published_file_is_read_from_its_module() -> None:
    assert b"kind: HTTPRoute" in (GATEWAY_API.folder(Silent()) / ROUTES).read_bytes()


def test_a_module_with_another_content_is_refused() -> None:
    other = dataclasses.replace(GATEWAY_API, sum="h1:AAAA")

    with pytest.raises(AgentError, match="not the one that is pinned"):
        other.folder(Silent())


def test_a_module_that_does_not_exist_is_refused() -> None:
    with pytest.raises(AgentError, match="cannot be had"):
        dataclasses.replace(GATEWAY_API, name="sigs.k8s.io/gateway-api@v999.0.0").folder(Silent())
