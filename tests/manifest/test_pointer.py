from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitops_agent.manifest.pointer import field_path, parse, pointer


@given(st.lists(st.text("ab~/01[=", max_size=4), max_size=4).map(tuple))
def test_a_pointer_parses_to_its_steps(steps: tuple[str, ...]) -> None:
    assert parse(pointer(*steps)) == steps


def test_slashes_and_tildes_are_escaped() -> None:
    assert pointer("metadata", "example.com/a~b") == "/metadata/example.com~1a~0b"


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("", ""),
        ("/spec/replicas", "spec.replicas"),
        ("/spec/template/spec/containers/[name=web]/image", "spec.template.spec.containers[web].image"),
        ("/spec/ports/[port=53,protocol=UDP]", "spec.ports[53,UDP]"),
        ("/metadata/annotations/example.com~1a", "metadata.annotations[example.com/a]"),
        ("/data/app.yaml", "data[app.yaml]"),
        ("/spec/args/0", "spec.args[0]"),
    ],
)
def test_a_field_path_reads_as_people_write_it(path: str, text: str) -> None:
    assert field_path(path) == text
