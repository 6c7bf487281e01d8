from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gitops_agent.sync.health.reading import Conditions, notes, observed, text

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=6,
)


@given(value=JSON)
def test_every_accessor_gives_its_type_for_anything(value: Any) -> None:
    assert isinstance(text(value), str)
    assert isinstance(notes({"metadata": value}), dict)
    assert isinstance(Conditions(value)["Ready"].said("nothing"), str)


def test_text_becomes_one_line_of_bounded_length() -> None:
    assert text("a\n  b\tc") == "a b c"
    assert len(text("x" * 5000)) == 300


def test_a_condition_of_an_earlier_generation_is_left_out() -> None:
    raw = [{"type": "Accepted", "status": "True", "observedGeneration": 1}, {"type": "Old", "status": "True"}]

    conditions = Conditions(raw, generation=2)

    assert "Accepted" not in conditions
    assert conditions.true("Old")


def test_an_observed_generation_written_as_text_counts() -> None:
    assert observed({"status": {"observedGeneration": "4"}}) == 4
