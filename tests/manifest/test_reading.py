from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitops_agent.manifest.reading import items, mapping, number

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=6,
)


@given(value=JSON)
def test_every_accessor_gives_its_type_for_anything(value: Any) -> None:
    assert isinstance(mapping(value, "a", "b"), dict)
    assert isinstance(items(value), list)
    assert isinstance(number(value), int)


@pytest.mark.parametrize(
    ("value", "expected"),
    [(3, 3), ("12", 12), (True, 7), (None, 7), ("x", 7), ("²", 7), (1.5, 7), ("9" * 18, 10**18 - 1), ("9" * 19, 7)],
)
def test_a_number_may_be_written_as_text(value: Any, expected: int) -> None:
    assert number(value, 7) == expected
