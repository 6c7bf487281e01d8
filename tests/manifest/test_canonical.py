from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitops_agent.manifest.canonical import canonical, copy, digest

scalars = st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(max_size=8)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4)
)


def test_the_order_of_keys_does_not_matter() -> None:
    assert digest({"a": 1, "b": {"c": 2, "d": 3}}) == digest({"b": {"d": 3, "c": 2}, "a": 1})


def test_the_order_of_items_does() -> None:
    assert digest([1, 2]) != digest([2, 1])


def test_a_digest_has_32_hexadecimal_digits() -> None:
    assert len(digest({})) == 32
    assert int(digest({}), 16) >= 0


def test_canonical_json_sorts_keys_and_has_no_spaces() -> None:
    assert canonical({"b": 1, "a": [True, None]}) == b'{"a":[true,null],"b":1}'


@pytest.mark.parametrize("value", [{1: "a"}, 2**70])
def test_what_is_no_json_of_kubernetes_is_refused(value: Any) -> None:
    with pytest.raises(TypeError):
        digest(value)


@given(values)
def test_a_copy_is_equal_and_shares_nothing_that_can_change(value: Any) -> None:
    made = copy(value)
    assert made == value
    if isinstance(value, dict | list) and value:
        assert made is not value
