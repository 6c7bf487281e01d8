from __future__ import annotations

import contextlib
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitops_agent.errors import RenderError
from gitops_agent.manifest.yaml import YamlLimits, dump, dump_all, load_all, read

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False).filter(lambda number: not number.is_integer())
    | st.text(st.characters(codec="utf-8"), max_size=40)
    | st.sampled_from(
        ["y", "on", "NO", "0o10", "08", "1e3", "12e03", "1:30", "2020-01-01", "=", "<<", "~", ".inf", "1_0", "a\nb\n"]
    ),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=8), inner, max_size=4)
    ),
    max_leaves=20,
)


def problem(text: str | bytes, **limits: Any) -> RenderError:
    with pytest.raises(RenderError) as caught:
        load_all(text.encode() if isinstance(text, str) else text, file="web.yaml", limits=YamlLimits(**limits))
    assert caught.value.reason == "InvalidManifest"
    assert "\n" not in caught.value.message
    assert caught.value.message.startswith("web.yaml")
    return caught.value


@given(st.lists(VALUES.filter(lambda value: value is not None), max_size=4))
def test_what_is_dumped_is_loaded_again(values: list[Any]) -> None:
    assert load_all(dump_all(values).encode()) == values


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_but_our_error(data: bytes) -> None:
    with contextlib.suppress(RenderError):
        load_all(data)


@given(st.text(alphabet="[]{}&*<:-?|>!%@`'\"#, \n\tab1~.y", max_size=60))
def test_no_punctuation_raises_anything_but_our_error(text: str) -> None:
    with contextlib.suppress(RenderError):
        load_all(text.encode())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('a: 1\nb: "x\nc: 2\n', "web.yaml, line 2: the quote that opens in this line is never closed"),
        ("a: 1\nb: 'x\nc: 2\n---\nd: 3\n", "web.yaml, line 2: the quote that opens in this line is never closed"),
        ("a: 1\nb: c: d\n", "web.yaml, line 2: mapping values are not allowed in this context: a text that holds ': ' needs"),
        ("a:\n  - b\n c: d\n", "web.yaml, line 3: did not find expected key: check the indentation of this line and"),
        ("a: [1,\n  2\nb: 3\n", "web.yaml, line 3: did not find expected ',' or ']' of the list that opens in line 1"),
        ("a: @b\n", "web.yaml, line 1: found character that cannot start any token: a text that begins with @"),
    ],
)
def test_syntax_errors_point_at_their_cause_and_say_what_to_change(text: str, message: str) -> None:
    assert problem(text).message.startswith(message)


@pytest.mark.parametrize(
    ("line", "problem_line"),
    [("a: 1\nb: 2\na: 3\n", 3), ("x: {a: 1, a: 2}\n", 1), ("list:\n- k: 1\n  k: 2\n", 3), ("9: x\n'9': y\n", 2)],
)
def test_a_key_that_stands_twice_is_refused_with_its_line(line: str, problem_line: int) -> None:
    error = problem(line)
    assert "twice" in error.message
    assert error.facts["line"] == problem_line


def test_for_charts_the_last_of_equal_keys_is_taken_with_a_warning() -> None:
    documents = read(b"a: 1\na: 2\n", file="chart", last_key_wins=True)
    assert documents.documents[0].value == {"a": 2}
    assert "chart, line 2" in documents.warnings[0]


@pytest.mark.parametrize("key", ["on", "y", "true", "null", "~", "1.5", "0x10", "010", "1e3", "[a]", "{a: b}"])
def test_a_key_that_is_no_text_is_refused(key: str) -> None:
    assert "no" in problem(f"a: 1\n? {key}\n: x\n").message


def test_a_whole_number_as_key_becomes_text_as_for_kubectl() -> None:
    assert load_all(b"data:\n  9000: default/web:8080\n") == [{"data": {"9000": "default/web:8080"}}]


def test_merge_keys_are_resolved_as_kubectl_does() -> None:
    text = b"b: &b {a: 1, z: 9}\nbefore: {a: 0, <<: *b}\nafter: {<<: *b, a: 2}\nlist: {<<: [{a: first}, {a: second, c: 3}]}\n"
    (loaded,) = load_all(text)
    assert loaded["before"] == {"a": 1, "z": 9}
    assert loaded["after"] == {"a": 2, "z": 9}
    assert loaded["list"] == {"a": "first", "c": 3}


@pytest.mark.parametrize("text", ["<<: 3", "<<: [1]", "{<<: text}"])
def test_a_merge_of_something_else_is_refused(text: str) -> None:
    assert "merge" in problem(text).message


def test_an_alias_bomb_is_refused_at_once() -> None:
    rows = ["a0: &a0 [x,x,x,x,x,x,x,x,x]"] + [f"a{i}: &a{i} [{','.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 30)]
    started = time.thread_time()
    assert "unfolds" in problem("\n".join(rows)).message
    assert time.thread_time() - started < 10


def test_a_bomb_made_of_one_long_text_is_refused() -> None:
    text = "a: &a " + "x" * 1_000_000 + "\nb: [" + ",".join(["*a"] * 5000) + "]\n"
    assert "unfolds" in problem(text).message


def test_a_bomb_made_of_merges_is_refused() -> None:
    rows = ["a0: &a0 {k: x}"] + [f"a{i}: &a{i} {{l: *a{i - 1}, r: *a{i - 1}}}" for i in range(1, 40)]
    assert "unfolds" in problem("\n".join(rows)).message


@pytest.mark.parametrize("text", ["a: &a [*a]", "a: &a {b: *a}", "a: &a {<<: *a}", "a: &a 1\nb: &a [*a]"])
def test_an_anchor_that_contains_itself_is_refused(text: str) -> None:
    assert "contains itself" in problem(text).message


def test_an_alias_of_an_earlier_document_is_not_defined() -> None:
    assert "not defined" in problem("a: &a 1\n---\nb: *a\n").message


@pytest.mark.parametrize("opening", ["[", "{a: ", "- ", "? "])
def test_deep_nesting_is_refused_before_it_costs_anything(opening: str) -> None:
    started = time.thread_time()
    assert "deep" in problem(opening * 20_000).message
    assert time.thread_time() - started < 10


def test_depth_up_to_the_limit_is_read() -> None:
    assert load_all(b"[" * 100 + b"]" * 100)
    assert "deep" in problem(b"[" * 11 + b"]" * 11, depth=10).message


@pytest.mark.parametrize(
    ("data", "words", "line"),
    [
        (b"a:\n\t- b\n", "tab", 2),
        (b"a: \0\n", "NUL", 1),
        (b"ok: 1\nb: \xff\n", "not UTF-8", 2),
        ("a: 1\n".encode("utf-16"), "UTF-16", 1),
        (b'a: 1\nb: "\\ud83d\\ude00"\n', "Unicode", 2),
        (b'a: "\\ud800"\n', "Unicode", 1),
        (b"a: 1\nb: \x07\n", "U+0007", 2),
        (b"a: b: c\n", "mapping values", 1),
        (b"a: 1\n---\nb: 'open\n", "document 2", 3),
        (b"a: !!python/object/apply:os.system [id]\n", "tag", 1),
        (b"a: !Ref x\n", "tag", 1),
        (b"a: !!set {x}\n", "tag", 1),
        (b"a: !!int x\n", "!!int", 1),
        (b"a: .inf\n", "infinities", 1),
        (b"a: -.Inf\n", "infinities", 1),
        (b"a: .NaN\n", "NaN", 1),
        (b"%YAML 3.0\n---\na: 1\n", "", 1),
    ],
)
def test_what_is_wrong_is_said_with_its_place(data: bytes, words: str, line: int) -> None:
    error = problem(data)
    assert words in error.message
    assert error.facts["line"] == line


def test_too_many_bytes_and_documents_are_refused() -> None:
    assert "bytes" in problem(b"a: 123456789", bytes=8).message
    assert "documents" in problem("---\na: 1\n" * 4, documents=3).message


def test_the_errors_quote_no_values() -> None:
    assert "hunter2" not in problem("password: hunter2\npassword: hunter2\n").message


def test_empty_documents_are_left_out_and_still_counted() -> None:
    documents = read(b"---\n# nothing\n---\na: 1\n---\n---\nb: 2\n").documents
    assert [(document.index, document.line, document.value) for document in documents] == [(1, 4, {"a": 1}), (3, 7, {"b": 2})]


def test_a_byte_order_mark_is_ignored() -> None:
    assert load_all(b"\xef\xbb\xbfa: 1\n") == [{"a": 1}]


def test_windows_line_ends_are_ignored() -> None:
    assert load_all(b"a: 1\r\n---\r\nb: 2\r\n") == [{"a": 1}, {"b": 2}]


def test_a_word_that_looks_like_a_commit_is_warned_about() -> None:
    documents = read(b"tag: 12e03\nquoted: '12e03'\nmode: 0644\n", file="values.yaml")
    assert documents.documents[0].value == {"tag": 12000, "quoted": "12e03", "mode": 420}
    assert documents.warnings == (
        "values.yaml, line 1: the value of 'tag' is a number without quotes; quote it if it is a name or a commit",
    )


def test_keys_keep_their_order_and_long_texts_their_lines() -> None:
    assert dump({"b": "one\ntwo\n", "a": ["x"]}) == "b: |\n  one\n  two\na:\n- x\n"


@pytest.mark.parametrize(
    "word", ["y", "off", "0o10", "08", "1e3", "1:30", "2020-01-01", "=", "<<", "null", "", "12e03", ".5_0"]
)
def test_words_that_any_dialect_reads_differently_are_quoted(word: str) -> None:
    assert dump({"a": word}).strip()[3:][0] in "'\""


def test_shared_values_are_written_out_without_anchors() -> None:
    shared = {"k": 1}
    assert "&" not in dump({"a": shared, "b": shared})
