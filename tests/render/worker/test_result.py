"""Results of a worker that was taken over."""

from __future__ import annotations

import tracemalloc
from typing import Any

import orjson
import pytest

from gitops_agent.errors import SourceError
from gitops_agent.render.request import Failure, Format, Rendered, RenderLimits
from gitops_agent.render.worker.channel import ChannelError, Message
from gitops_agent.render.worker.result import Result

OBJECT = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}
DONE: dict[str, Any] = {"rendered": "plain", "warnings": [], "tools": [], "variables": [], "last": False}
FAILED: dict[str, Any] = {
    "error": "render",
    "message": "no",
    "reason": "RenderFailed",
    "transient": False,
    "facts": {"line": 3},
    "closed": False,
    "passing": False,
    "variables": [],
}


def objects(*values: Any, file: Any = "a.yaml", sizes: list[int] | None = None) -> Message:
    """A message of objects, or of what is none."""
    data = [value if isinstance(value, bytes) else orjson.dumps(value) for value in values]
    rows = [[file, number, size, []] for number, size in enumerate(sizes or [len(each) for each in data])]
    return Message(head={"objects": rows}, body=b"".join(data))


def test_a_render_is_what_was_sent() -> None:
    result = Result(RenderLimits())
    assert result.take(objects(OBJECT)) is None
    assert result.take(Message(head={"inputs": [["a.yaml", "1" * 40], ["b", None]]})) is None
    rendered = result.take(
        Message(head=DONE | {"warnings": ["be\x1bware"], "tools": [["helm", "4.0.0"], ["kustomize", "5.7.1"]]})
    )
    assert isinstance(rendered, Rendered)
    assert [manifest.obj for manifest in rendered.manifests] == [OBJECT]
    assert rendered.manifests[0].place == "a.yaml (document 1)"
    assert rendered.closure.entries == {("a.yaml", "1" * 40), ("b", None)}
    assert rendered.warnings == ("be ware",)
    assert rendered.tools == (("helm", "4.0.0"), ("kustomize", "5.7.1"))
    assert rendered.format is Format.PLAIN


def test_a_failure_is_what_was_sent() -> None:
    head = FAILED | {"error": "source", "transient": True, "passing": True, "closed": True, "message": "a\nb\x1b[31m"}
    failure = Result(RenderLimits()).take(Message(head=head))
    assert isinstance(failure, Failure)
    assert isinstance(failure.error, SourceError)
    assert failure.error.message == "a b [31m"
    assert (failure.error.reason, failure.error.transient, failure.error.facts) == ("RenderFailed", True, {"line": 3})
    assert failure.closure is not None
    assert failure.passing


DEEP = b'{"apiVersion":"v1","kind":"A","metadata":{"name":"a"},"x":' + b"[" * 900 + b"]" * 900 + b"}"
WIDE = b'{"apiVersion":"v1","kind":"A","metadata":{"name":"a"},"x":[' + b"{}," * 1_000_000 + b"{}]}"


@pytest.mark.parametrize(
    "message",
    [
        Message(head={}),
        Message(head={"objects": 3}),
        Message(head={"objects": [["a", 0, 0, []]]}),
        Message(head={"objects": [["a", 0, 5, []]]}),
        Message(head={"objects": [["a", 0, -1, []]]}, body=b"{}"),
        objects(OBJECT, sizes=[2]),
        objects([]),
        objects({"apiVersion": "v1", "kind": "ConfigMap"}),
        objects(OBJECT | {"metadata": {"name": "../secrets/x"}}),
        objects(OBJECT | {"kind": "Config/Map"}),
        objects(OBJECT | {"metadata": {"name": "a", "namespace": ".."}}),
        objects(OBJECT, file="../a"),
        objects(OBJECT, file="/etc/passwd"),
        objects(OBJECT, file=7),
        objects(OBJECT | {"data": "x" * 5_000_000}),
        objects(DEEP),
        objects(WIDE),
        objects(*[OBJECT] * 21),
        Message(head={"inputs": [["../a", None]]}),
        Message(head={"inputs": [["a", "zz"]]}),
        Message(head={"inputs": [["a", 3]]}),
        Message(head={"inputs": [["a", None]] * 300}),
        Message(head=DONE | {"rendered": "shell"}),
        Message(head=DONE | {"tools": [["../x", "1"]]}),
        Message(head=DONE | {"tools": [["helm", "4"], ["kustomize", "5"], ["sh", "1"]]}),
        Message(head=DONE | {"variables": [3]}),
        Message(head=DONE | {"variables": ["x"] * 30_000}),
        Message(head={"rendered": "plain"}),
        Message(head=FAILED | {"reason": "no reason"}),
        Message(head=FAILED | {"reason": 3}),
        Message(head=FAILED | {"facts": []}),
        Message(head={"error": "render"}),
    ],
)
def test_what_is_no_result_is_refused(message: Message) -> None:
    with pytest.raises(ChannelError, match="invalid"):
        Result(RenderLimits(objects=20, files=10, nodes=100_000)).take(message)


def test_bytes_without_end_are_refused() -> None:
    result = Result(RenderLimits(output_bytes=1_000_000))
    message = objects(OBJECT | {"data": {"x": "y" * 900_000}})
    for _ in range(2):
        result.take(message)
    with pytest.raises(ChannelError, match="invalid"):
        result.take(message)


def test_values_without_end_never_take_much_memory() -> None:
    result = Result(RenderLimits(nodes=100_000))
    tracemalloc.start()
    try:
        message = objects(OBJECT | {"x": [{}] * 10_000})
        for _ in range(19):
            result.take(message)
        with pytest.raises(ChannelError, match="invalid"):
            result.take(message)
        assert tracemalloc.get_traced_memory()[1] < 100_000_000
    finally:
        tracemalloc.stop()


def test_names_of_facts_cannot_replace_the_fields_of_an_error() -> None:
    failure = Result(RenderLimits()).take(Message(head=FAILED | {"facts": {"reason": "X", "self": 1, "a b": 2, "file": "f"}}))
    assert isinstance(failure, Failure)
    assert failure.error.facts == {"file": "f"}
