from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitops_agent.errors import RenderError
from gitops_agent.manifest.scalar_places import exchanged, scalar_places

TEXT = b"""\
# a comment: kept
kind: Deployment  # and this one
spec: {replicas: 3, paused: "no"}
items:
- name: gr\xc3\xbc\xc3\x9fe
- 'two'
---
last: [a, {b: c}]
"""


def test_every_single_value_has_its_place() -> None:
    places = [(place.document, place.path, place.text, place.plain, place.line) for place in scalar_places(TEXT, file="a")]

    assert places == [
        (0, "/kind", "Deployment", True, 2),
        (0, "/spec/replicas", "3", True, 3),
        (0, "/spec/paused", "no", False, 3),
        (0, "/items/0/name", "grüße", True, 5),
        (0, "/items/1", "two", False, 6),
        (1, "/last/0", "a", True, 8),
        (1, "/last/1/b", "c", True, 8),
    ]


def test_an_exchange_changes_nothing_else() -> None:
    for place in scalar_places(TEXT, file="a"):
        changed = exchanged(TEXT, place, '"new"', file="a")

        assert [(scalar.path, scalar.text) for scalar in scalar_places(changed, file="a")] == [
            (scalar.path, "new" if scalar.start == place.start else scalar.text) for scalar in scalar_places(TEXT, file="a")
        ]
        assert b"# a comment: kept" in changed


def test_a_text_with_anchors_is_refused() -> None:
    with pytest.raises(RenderError, match="anchor"):
        list(scalar_places(b"a: &b 1\nc: *b\n", file="a"))


TEXTS = st.text(st.characters(categories=("L", "N", "P")), max_size=8)
LEAF = TEXTS | st.integers(-100, 100) | st.booleans()
VALUE = st.recursive(LEAF, lambda below: st.lists(below, max_size=3) | st.dictionaries(TEXTS, below, max_size=3))


@given(VALUE)
def test_what_stands_at_a_place_is_the_value(value: object) -> None:
    text = json.dumps(value, ensure_ascii=False)

    for place in scalar_places(text.encode(), file="a"):
        shown = text[place.start : place.end]
        assert json.loads(shown) == (place.text if not place.plain else json.loads(shown))
