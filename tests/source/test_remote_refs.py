from __future__ import annotations

import difflib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitops_agent.errors import SourceError
from gitops_agent.source.ref import Ref
from gitops_agent.source.remote_refs import Advertised, comparable

A, B, C = "a" * 40, "b" * 40, "c" * 40
OUTPUT = f"{A}\trefs/heads/main\n{B}\trefs/tags/v1.0.0\n{C}\trefs/tags/v1.0.0^{{}}\n{B}\trefs/pull/1/head\nnonsense\n"


def test_annotated_tags_are_peeled_and_other_lines_left_out() -> None:
    assert Advertised.parse(OUTPUT.encode()).commits == {"refs/heads/main": A, "refs/tags/v1.0.0": C}


def test_names_are_found_by_kind() -> None:
    advertised = Advertised.parse(OUTPUT.encode())

    assert advertised.name(Ref(kind="branch", value="main")) == "refs/heads/main"
    assert advertised.name(Ref(kind="tag", value="v1.0.0")) == "refs/tags/v1.0.0"
    assert advertised.name(Ref(kind="semver", value="1.x")) == "refs/tags/v1.0.0"


@pytest.mark.parametrize(
    ("ref", "words"),
    [
        (Ref(kind="branch", value="mian"), "did you mean main"),
        (Ref(kind="branch", value="develop"), "there are main"),
        (Ref(kind="branch", value="v1.0.0"), "there is a tag of that name"),
        (Ref(kind="tag", value="v1.0.1"), r"did you mean v1\.0\.0"),
        (Ref(kind="semver", value=">=2"), r"highest version among its 1 tags is v1\.0\.0"),
    ],
)
def test_a_missing_name_is_reported_with_what_there_is(ref: Ref, words: str) -> None:
    with pytest.raises(SourceError, match=words) as caught:
        Advertised.parse(OUTPUT.encode()).name(ref)
    assert caught.value.reason == "RevisionNotFound"


def test_without_versions_a_range_says_so() -> None:
    with pytest.raises(SourceError, match="no tag is a version"):
        Advertised.parse(f"{A}\trefs/tags/latest\n".encode()).name(Ref(kind="semver", value="*"))


@given(st.binary(max_size=300))
def test_any_output_of_a_server_is_read(output: bytes) -> None:
    for name, oid in Advertised.parse(output).commits.items():
        assert name.startswith(("refs/heads/", "refs/tags/"))
        assert len(oid) in {40, 64}


def test_a_server_with_endless_names_costs_no_endless_comparison() -> None:
    many = [f"{'x' * 240}{number}" for number in range(100_000)]

    assert sum(map(len, comparable("y" * 200, many))) <= 50_000
    assert comparable("mian", [*many, "main"]) == ["main"]


@given(name=st.text("ab", min_size=1, max_size=8), others=st.lists(st.text("ab", max_size=30), max_size=8))
def test_names_that_are_left_out_come_never_near(name: str, others: list[str]) -> None:
    all_near, near = (difflib.get_close_matches(name, names, cutoff=0.6) for names in (others, comparable(name, others)))

    assert near == all_near
