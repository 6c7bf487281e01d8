from __future__ import annotations

from typing import Any

import pytest

from gitops_agent.manifest.scalar_places import exchanged, scalar_places
from gitops_agent.manifest.yaml import load_all
from gitops_agent.preview.text_probe import probe_of, text_places


def probed(text: str, value: str) -> list[tuple[int, str, Any]]:
    """The line, shown text and changed file of each place."""
    return [
        (place.line, place.shown, load_all(exchanged(text.encode(), scalar, place.changed, file="a.yaml"))[0])
        for scalar in scalar_places(text.encode(), file="a.yaml")
        for place in text_places(text, scalar, value, "X")
    ]


def test_each_place_of_a_block_is_changed_alone() -> None:
    text = "patch: |\n  a: 7\n  b: {c: 7}\nother: 1\n"

    assert probed(text, "7") == [
        (2, "a: 7", {"patch": "a: X\nb: {c: 7}\n", "other": 1}),
        (3, "b: {c: 7}", {"patch": "a: 7\nb: {c: X}\n", "other": 1}),
    ]


@pytest.mark.parametrize("text", ["a: 7\n", "a: |\n  17 7.1 web-7 7-web /7\n", "a: [7, '7']\n"])
def test_a_word_that_only_holds_it_is_another_value(text: str) -> None:
    assert probed(text, "7") == []


def test_a_folded_text_is_named_with_its_first_line() -> None:
    assert [line for line, _, _ in probed("a: 1\nb: >\n  one\n  two\n", "two")] == [2]


@pytest.mark.parametrize(("value", "text"), [(7, "8"), (True, "false"), ("warm", "warm-x")])
def test_a_probe_has_the_type_of_its_value(value: Any, text: str) -> None:
    assert probe_of(value, "-x") == text
