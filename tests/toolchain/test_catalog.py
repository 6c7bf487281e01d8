from __future__ import annotations

import re
from pathlib import Path

import pytest

from gitops_agent.errors import UsageError
from gitops_agent.sandbox.components import ORDER
from gitops_agent.toolchain.catalog import TOOLS, selected
from gitops_agent.toolchain.go import GOTOOLS

_MODULE = (GOTOOLS / "go.mod").read_text()


@pytest.mark.parametrize("tool", TOOLS.values(), ids=TOOLS)
def test_the_lock_and_the_go_module_pin_the_same_version(tool: object) -> None:
    assert tool in TOOLS.values()
    entry = TOOLS[getattr(tool, "name", "")]
    modules = dict(re.findall(r"^\s+(\S+) v(\S+) // indirect$", _MODULE, re.MULTILINE))
    module = max((name for name in modules if entry.package.startswith(name)), key=len)
    assert modules[module] == entry.version
    assert f"\t{entry.package}\n" in _MODULE


@pytest.mark.parametrize("name", TOOLS)
def test_releases_and_digests_are_asked_for_over_tls(name: str) -> None:
    release = TOOLS[name].release
    assert release.url.startswith("https://")
    assert release.checksums.startswith("https://")
    assert "{version}" in release.url
    assert "{arch}" in release.url


def test_unasked_everything_but_the_optional_is_selected() -> None:
    assert [tool.name for tool in selected()] == [
        *("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok", "helm", "kustomize")
    ]
    assert [tool.name for tool in selected(("kube-proxy", "etcd", "kube-proxy"))] == ["kube-proxy", "etcd"]


def test_an_unknown_tool_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UsageError, match=r"no tool 'kubectl': known are etcd"):
        selected(("kubectl",))


def test_every_component_is_a_tool() -> None:
    assert set(ORDER) <= set(TOOLS)


def test_the_go_module_is_part_of_the_package() -> None:
    assert (GOTOOLS / "go.sum").stat().st_size > 0
    assert Path(GOTOOLS).parent.name == "toolchain"
