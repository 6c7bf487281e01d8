from __future__ import annotations

from gitops_agent.manifest.leaves import dotted, leaves


def test_every_single_value_comes_with_its_field_path() -> None:
    obj = {"spec": {"containers": [{"name": "web", "args": ["-v", None]}], "paused": False}, "empty": {}, "none": []}

    assert {dotted(steps): value for steps, value in leaves(obj)} == {
        "spec.containers[0].name": "web",
        "spec.containers[0].args[0]": "-v",
        "spec.containers[0].args[1]": None,
        "spec.paused": False,
    }


def test_a_single_value_has_no_steps() -> None:
    assert list(leaves("text")) == [((), "text")]
    assert dotted(()) == ""
