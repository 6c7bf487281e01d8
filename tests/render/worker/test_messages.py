from __future__ import annotations

import os
from dataclasses import replace

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitops_agent.errors import RenderError, SourceError
from gitops_agent.render.request import KubeFacts, RenderLimits
from gitops_agent.render.variables.variable import Variable
from gitops_agent.render.worker import messages
from gitops_agent.render.worker.messages import entry_of, error_head, packed, request_head, request_of, row, unpacked
from gitops_agent.revision.tree import Entry, EntryType
from tests.render.samples import ask


@given(st.binary(max_size=40))
def test_any_name_of_git_arrives_as_it_was(name: bytes) -> None:
    path = os.fsdecode(name)
    assert unpacked(orjson.loads(orjson.dumps(packed(path)))) == path


@pytest.mark.parametrize("value", [None, 1, [], "€"])
def test_what_is_no_packed_path_is_refused(value: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        unpacked(value)


def test_a_request_arrives_as_it_was() -> None:
    request = ask(
        "apps/ü",
        facts=KubeFacts(version="1.33.1", api_versions=("a/v1",)),
        helm={"valuesFiles": ["a.yaml"], "values": {"x": [1, 2.5, None, {"ü": True}]}, "skipCRDs": True},
    )
    limits = RenderLimits(seconds=3, files=7)
    assert request_of(orjson.loads(orjson.dumps(request_head(request, limits, "c")))) == (request, limits)


def test_variables_arrive_as_they_were() -> None:
    variables = (
        Variable(name="a", value="ü", source="ConfigMap site"),
        Variable(name="b", value=3, source="spec", literal=True),
        Variable(name="c", value=True, source="Secret more", secret=True),
    )
    request = replace(ask(), variables=variables)
    arrived = request_of(orjson.loads(orjson.dumps(request_head(request, RenderLimits(), "c"))))[0]
    assert arrived == request
    assert [type(variable.value) for variable in arrived.variables] == [str, int, bool]


def test_variables_have_a_limit_together() -> None:
    variables = tuple(Variable(name=f"v{number}", value="x" * 200_000, source="ConfigMap site") for number in range(3))
    with pytest.raises(RenderError, match=r"render\.variables: the values have more") as refused:
        request_head(replace(ask(), variables=variables), RenderLimits(), "c")
    assert refused.value.reason == "RenderTooLarge"


def test_kustomize_options_arrive_as_they_were() -> None:
    request = ask(kustomize={"images": [{"name": "a", "newTag": "2"}], "patches": [{"patch": "a: 1", "target": {"kind": "X"}}]})
    assert request_of(request_head(request, RenderLimits(), "c"))[0] == request


def test_an_agent_of_another_version_is_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    head = request_head(ask(), RenderLimits(), "c")
    monkeypatch.setattr(messages, "__version__", "0.0.0")
    with pytest.raises(RenderError, match=r"version 0\.0\.0") as caught:
        request_of(head)
    assert caught.value.transient


def test_an_entry_arrives_as_it_was() -> None:
    entry = Entry(path="a/\udcff", type=EntryType.LINK, oid="1" * 40, size=3, executable=True)
    assert entry_of(orjson.loads(orjson.dumps(row(entry)))) == entry


def test_an_error_keeps_what_distinguishes_it() -> None:
    head = error_head(SourceError("\udcff is no file", reason="FileNotFound", transient=True, file="a"))
    assert orjson.loads(orjson.dumps(head)) == {
        "error": "source",
        "message": "\\udcff is no file",
        "reason": "FileNotFound",
        "transient": True,
        "facts": {"file": "a"},
    }
