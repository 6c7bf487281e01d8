from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitops_agent.errors import RenderError
from gitops_agent.manifest.document import YamlLimits
from gitops_agent.manifest.jsontext import read_json


def values(data: bytes, **limits: Any) -> list[Any]:
    return [document.value for document in read_json(data, file="a.json", limits=YamlLimits(**limits)).documents]


def test_several_values_are_several_documents() -> None:
    assert values(b'{"a": 1}\n{"b": [true, null]}\n\nnull') == [{"a": 1}, {"b": [True, None]}]


def test_numbers_are_those_of_yaml() -> None:
    assert values(b'{"a": 1.0, "b": 1e3, "c": 123456789012345678901234567890, "d": 0.5}') == [
        {"a": 1, "b": 1000, "c": 123456789012345678901234567890.0, "d": 0.5}
    ]


@pytest.mark.parametrize(
    ("data", "words", "line"),
    [
        (b'{"a": 1,\n "a": 2}', "twice", 1),
        (b'{"a":\n x}', "not JSON", 2),
        (b"[" * 100_000, "deep", 1),
        (b'{"a": NaN}', "NaN", 1),
        (b'["\\ud800"]', "surrogate", 1),
        (b"{}\n\xff", "UTF-8", 2),
    ],
)
def test_what_is_wrong_is_said_with_its_place(data: bytes, words: str, line: int) -> None:
    with pytest.raises(RenderError) as caught:
        values(data)
    assert words in caught.value.message
    assert caught.value.facts["line"] == line


def test_brackets_in_texts_are_no_nesting() -> None:
    assert values(json.dumps({"a": "[" * 1000 + '\\"'}).encode()) == [{"a": "[" * 1000 + '\\"'}]


def test_pairs_of_surrogates_are_one_character() -> None:
    assert values(b'{"a": "\\ud83d\\ude00"}') == [{"a": "\U0001f600"}]


@given(st.text(alphabet='[]{}",:\\ud8truefalsn 0123.eE-\n', max_size=60))
def test_no_text_raises_anything_but_our_error(text: str) -> None:
    with contextlib.suppress(RenderError):
        values(text.encode())


def test_a_document_names_the_line_it_begins_in() -> None:
    documents = read_json(b'{"a": 1}\n{"b":\n2} {"c": 3}\n\n{"d": 4}').documents

    assert [document.line for document in documents] == [1, 2, 3, 5]
