"""A base in another repository, from its commit to the cluster."""

from __future__ import annotations

import pytest

from gitops_agent.manifest.yaml import dump_all
from tests.acceptance.objects import config_map
from tests.acceptance.tenant import Tenant
from tests.source.author import Author

pytestmark = [pytest.mark.cluster, pytest.mark.slow]


def base_of(name: str, tone: str) -> dict[str, str | bytes]:
    return {"web/kustomization.yaml": "resources: [w.yaml]\n", "web/w.yaml": dump_all([config_map(name, tone=tone)])}


def test_a_pinned_base_reaches_the_cluster_and_moves_with_a_commit_only(team: Tenant) -> None:
    base = Author(team.folder / "base.git")
    name = team.name("remote")

    def overlay(commit: str) -> dict[str, str | bytes | None]:
        return {"kustomization.yaml": f"resources: ['{base.repository.url}//web?ref={commit}']\n"}

    first = base.commit(base_of(name, "calm"))
    commit = team.commit(overlay(first))
    team.declare()
    team.settled(commit)
    live = team.config(name)
    assert live is not None
    assert live["data"] == {"tone": "calm"}

    second = base.commit(base_of(name, "loud"))
    team.looked()
    live = team.config(name)
    assert live is not None
    assert live["data"] == {"tone": "calm"}

    team.commit(overlay("f" * 40))
    message = team.says("RevisionNotFound", "kustomization.yaml: resources: commit ffff")
    assert "is on none of" in message
    assert team.config(name) is not None

    team.commit({"kustomization.yaml": f"resources: ['{base.repository.url}//web?ref=main']\n"})
    assert "write ?ref= and the 40 digits" in team.says("RemoteBase", "is not pinned to a commit (it names 'main')")
    assert team.config(name) is not None

    team.settled(team.commit(overlay(second)))
    team.until(lambda: (team.config(name) or {}).get("data") == {"tone": "loud"}, "the newer base is applied")
