from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from gitops_agent.errors import RenderError
from gitops_agent.manifest.key import Object
from gitops_agent.manifest.yaml import dump, load_all
from gitops_agent.render.chart_lock import read_lock
from gitops_agent.render.inputs import Inputs
from gitops_agent.render.renderer import RenderLimits
from gitops_agent.render.worktree import WorkTree
from tests.render.samples import put

WISHES = """\
- name: redis
  version: ">=1.0.0 <2"
  repository: http://127.0.0.1:33815
  alias: cache
  condition: cache.enabled,a&b
  tags: [back, "ünï"]
  import-values:
  - data
  - {parent: y, child: default.x}
- {name: kv, version: ~0.3, repository: http://127.0.0.1:33815}
- {name: lib, version: 0.x, repository: "file://../lib"}
"""
ENTRIES = """\
dependencies:
- {name: redis, repository: 'http://127.0.0.1:33815', version: 1.2.0}
- {name: kv, repository: 'http://127.0.0.1:33815', version: 0.3.1+b1}
- {name: lib, repository: 'file://../lib', version: 0.5.0}
"""
WRITTEN = "sha256:30262947980457cabba6d84e57ed4337e817be9257978ebb428560cf81dd4870"
"""By `helm dependency update` of Helm 4.3.1."""
Lock = Callable[..., tuple[str, list[Object]] | None]


@pytest.fixture
def lock(repository: Path) -> Lock:
    """Reads the lock that is written to a file."""

    def do(name: str, text: str, wishes: str = WISHES, api: str = "v2") -> tuple[str, list[Object]] | None:
        put(repository, {f"apps/shop/{name}": text} if name else {})
        (rows,) = load_all(f"dependencies:\n{wishes}".encode(), file="")
        return read_lock(Inputs(WorkTree(repository), RenderLimits()), "apps/shop", {"apiVersion": api}, rows["dependencies"])

    return do


@pytest.mark.parametrize(("name", "api"), [("Chart.lock", "v2"), ("requirements.lock", "v1")])
def test_a_lock_of_helm_fits(lock: Lock, name: str, api: str) -> None:
    result = lock(name, f"{ENTRIES}digest: {WRITTEN}\n", api=api)
    assert result is not None
    assert (result[0], result[1][1]["version"]) == (f"apps/shop/{name}", "0.3.1+b1")


def test_a_lock_of_helm_2_fits_charts_of_its_time_only(lock: Lock) -> None:
    text = b'{"dependencies":[{"name":"redis","version":"1.x","repository":"https://a"}]}'
    wishes = "- {name: redis, version: 1.x, repository: 'https://a'}\n"
    entries = "dependencies: [{name: redis, version: 1.2.0, repository: 'https://a'}]\n"
    written = f"{entries}digest: sha256:{hashlib.sha256(text).hexdigest()}\n"

    assert lock("requirements.lock", written, wishes, "v1") is not None
    with pytest.raises(RenderError):
        lock("requirements.lock", written, wishes, "v2")


@pytest.mark.parametrize(
    ("text", "wishes"),
    [
        (f"{ENTRIES}digest: {WRITTEN}\n", WISHES.replace("~0.3", "~0.4")),
        (f"{ENTRIES}digest: {WRITTEN}\n", WISHES.replace("cache.enabled,a&b", "cache.enabled")),
        (f"{ENTRIES}digest: {WRITTEN}\n".replace("1.2.0", "1.3.0"), WISHES),
        (ENTRIES, WISHES),
        (f"dependencies: 1\ndigest: {WRITTEN}\n", WISHES),
        ("[]", WISHES),
        ("", WISHES),
    ],
)
def test_one_for_other_dependencies_is_refused_with_the_command(lock: Lock, text: str, wishes: str) -> None:
    with pytest.raises(RenderError) as caught:
        lock("Chart.lock", text, wishes)
    assert caught.value.reason == "ChartLockStale"
    assert caught.value.message == (
        "apps/shop/Chart.lock does not fit Chart.yaml: run `helm dependency update apps/shop` and commit"
    )


def test_there_may_be_none(lock: Lock) -> None:
    assert lock("", dump({})) is None
