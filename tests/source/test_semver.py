from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitops_agent.errors import SourceError
from gitops_agent.source.semver import Range, Version

_numbers = st.integers(0, 12)
_identifier = st.one_of(st.integers(0, 30).map(str), st.text("abcxyz-", min_size=1, max_size=4))
_releases = st.builds(Version, _numbers, _numbers, _numbers)
_versions = st.builds(
    Version,
    _numbers,
    _numbers,
    _numbers,
    st.lists(_identifier, max_size=3).map(tuple),
    st.lists(_identifier, max_size=2).map(tuple),
)


def _matches(text: str, version: str) -> bool:
    parsed = Version.parse(version)
    assert parsed is not None
    return parsed in Range.parse(text)


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("1.2.3", "1.2.3 v1.2.3 1.2.3+build", "1.2.4 1.2.3-rc.1"),
        ("=1.2", "1.2.0 1.2.9", "1.3.0 1.1.9"),
        ("!=1.2.3", "1.2.4 0.0.1", "1.2.3"),
        ("!=1.x", "2.0.0 0.9.0", "1.0.0 1.9.9"),
        (">1", "2.0.0", "1.0.0 1.9.9"),
        (">1.2", "1.3.0", "1.2.9"),
        (">1.2.3", "1.2.4", "1.2.3 1.2.3+build"),
        (">=1", "1.0.0 7.0.0", "0.9.9"),
        ("=>1.2", "1.2.0", "1.1.9"),
        ("<1", "0.9.9", "1.0.0 1.0.0-rc.1"),
        ("<=1.2", "1.2.9 1.0.0", "1.3.0"),
        ("=<1.2.3", "1.2.3", "1.2.4"),
        ("~1.2.3", "1.2.3 1.2.9", "1.3.0 1.2.2"),
        ("~>1.2", "1.2.0 1.2.9", "1.3.0"),
        ("~1", "1.0.0 1.9.0", "2.0.0"),
        ("^1.2.3", "1.2.3 1.9.0", "2.0.0 1.2.2"),
        ("^1.2", "1.2.0 1.9.0", "2.0.0 1.1.0"),
        ("^1", "1.0.0 1.9.0", "2.0.0"),
        ("^0.2.3", "0.2.3 0.2.9", "0.3.0 0.2.2"),
        ("^0.2", "0.2.0 0.2.9", "0.3.0"),
        ("^0.0.3", "0.0.3", "0.0.4 0.0.2"),
        ("^0.0", "0.0.0 0.0.9", "0.1.0"),
        ("^0", "0.0.0 0.9.0", "1.0.0"),
        ("1.x", "1.0.0 1.9.9", "2.0.0 0.9.9"),
        ("1.x-rc", "1.0.0 1.9.9", "1.0.0-rc 1.5.0-rc.1 2.0.0"),
        ("1.2.X", "1.2.0 1.2.9", "1.3.0"),
        ("1.2.*", "1.2.0 1.2.9", "1.3.0"),
        ("*", "0.0.0 9.9.9", "1.0.0-rc.1"),
        ("x", "0.0.0 9.9.9", "1.0.0-rc.1"),
        (">=1.2 <2", "1.2.0 1.9.9", "2.0.0 1.1.9"),
        (">=1.2, <2", "1.2.0 1.9.9", "2.0.0 1.1.9"),
        (">= 1.2 , < 2.0.0", "1.2.0 1.9.9", "2.0.0"),
        ("1.2 - 1.4", "1.2.0 1.4.9", "1.5.0 1.1.9"),
        ("1.2.3 - 2.3.4", "1.2.3 2.3.4", "2.3.5"),
        ("<1 || >=3", "0.5.0 3.0.0", "1.0.0 2.9.9"),
        ("^1||^3", "1.5.0 3.1.0", "2.0.0"),
        ("v1.2.x", "1.2.5 v1.2.5", "1.3.0"),
        (">=1.0.0-0", "1.0.0 1.0.0-alpha 1.5.0-rc.1", "0.9.9"),
        ("~1.2.3-beta.2", "1.2.3-beta.2 1.2.3-beta.10 1.2.4", "1.2.3-beta.1 1.2.3-alpha 1.3.0"),
        ("^1.2.3-rc.1", "1.2.3-rc.1 1.3.0-alpha", "2.0.0-alpha 1.2.2"),
        (">=1.0.0-0 <2 || >=3", "1.5.0-rc.1 3.0.0", "3.1.0-rc.1"),
    ],
)
def test_ranges_hold_what_their_dialect_says(text: str, inside: str, outside: str) -> None:
    assert [version for version in inside.split() if not _matches(text, version)] == []
    assert [version for version in outside.split() if _matches(text, version)] == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "  ",
        "||",
        "1 ||",
        "latest",
        "1.2.3.4",
        "^^1",
        ">",
        "1.2.3-",
        "01.2.3",
        ">=1 <",
        "1,,2",
        "1.2.3;rm",
        "-1",
        "1 " * 400,
    ],
)
def test_what_is_no_range_is_refused(text: str) -> None:
    with pytest.raises(SourceError) as caught:
        Range.parse(text)
    assert caught.value.reason == "InvalidSpec"


@pytest.mark.parametrize(
    "text", ["1", "1.2", "2024-01-01", "20240101", "v1", "1.2.3.4", "01.2.3", "1.2.3-01", "latest", "1.2.3 ", "1.2.3\n"]
)
def test_tags_that_are_no_full_version_are_no_candidates(text: str) -> None:
    assert Version.parse(text) is None


def test_versions_are_ordered_as_the_specification_lists_them() -> None:
    listed = (
        "1.0.0-alpha 1.0.0-alpha.1 1.0.0-alpha.beta 1.0.0-beta 1.0.0-beta.2 1.0.0-beta.11 1.0.0-rc.1 1.0.0 1.0.1 1.10.0 2.0.0"
    )
    versions = [version for text in listed.split() if (version := Version.parse(text)) is not None]

    assert [str(version) for version in sorted(versions, reverse=True)] == listed.split()[::-1]


def test_the_highest_tag_in_the_range_is_selected_whatever_the_order() -> None:
    tags = ["v1.9.0", "1.10.0", "v2.0.0", "v1.10.1-rc.1", "latest", "chart-9.0.0"]

    assert Range.parse("^1").select(tags) == "1.10.0"
    assert Range.parse("^1.0.0-0").select(reversed(tags)) == "v1.10.1-rc.1"
    assert Range.parse(">=3").select(tags) is None


def test_of_equal_versions_the_selection_does_not_depend_on_the_order() -> None:
    tags = ["1.0.0", "v1.0.0", "1.0.0+build.9", "1.0.0+build.10"]

    assert Range.parse("1").select(tags) == Range.parse("1").select(reversed(tags)) == "1.0.0+build.10"


@given(_versions)
def test_a_version_is_read_back_as_it_is_written(version: Version) -> None:
    assert Version.parse(str(version)) == version
    assert Version.parse(f"v{version}") == version


@given(_versions, _versions, _versions)
def test_precedence_is_a_total_order(a: Version, b: Version, c: Version) -> None:
    assert (a < b) + (b < a) + (a.precedence == b.precedence) == 1
    assert not (a < b < c) or a < c


@given(_versions, st.sampled_from(["^", "~", "~>", ">=", "<=", "=", ""]))
def test_a_version_is_in_the_ranges_made_of_it(version: Version, operator: str) -> None:
    assert version in Range.parse(f"{operator}{version}")


@given(_versions, st.sampled_from([">", "<", "!="]))
def test_a_version_is_outside_of_what_excludes_it(version: Version, operator: str) -> None:
    assert version not in Range.parse(f"{operator}{version}")


@given(_versions, _releases, st.sampled_from(["^", "~", ">", ">=", "<", "<=", "!=", ""]))
def test_prereleases_are_never_chosen_unasked(version: Version, bound: Version, operator: str) -> None:
    if version in Range.parse(f"{operator}{bound}"):
        assert not version.prerelease


@given(_releases, _releases)
def test_comparators_agree_with_the_order(version: Version, bound: Version) -> None:
    assert (version in Range.parse(f"<{bound}")) == (version < bound)
    assert (version in Range.parse(f">={bound}")) == (not version < bound)
    assert (version in Range.parse(f">{bound}")) == (bound < version)
    assert (version in Range.parse(f"<={bound}")) == (not bound < version)


@given(_releases, _releases)
def test_tilde_and_caret_stop_before_a_breaking_version(version: Version, bound: Version) -> None:
    if version in Range.parse(f"~{bound}"):
        assert version.triple[:2] == bound.triple[:2]
        assert version in Range.parse(f"^{bound}") or bound.triple[:2] == (0, 0)
    if version in Range.parse(f"^{bound}"):
        assert version.major == bound.major
        assert bound.major or version.minor == bound.minor


@given(_releases, st.lists(_releases, min_size=2, max_size=4))
def test_alternatives_and_conditions_are_or_and_and(version: Version, bounds: list[Version]) -> None:
    parts = [f"^{bound}" for bound in bounds]

    assert (version in Range.parse(" || ".join(parts))) == any(version in Range.parse(part) for part in parts)
    assert (version in Range.parse(" ".join(parts))) == all(version in Range.parse(part) for part in parts)
    assert (version in Range.parse(", ".join(parts))) == all(version in Range.parse(part) for part in parts)


@given(_releases, _releases, _releases)
def test_a_hyphen_means_from_and_to(version: Version, low: Version, high: Version) -> None:
    assert (version in Range.parse(f"{low} - {high}")) == (version in Range.parse(f">={low} <={high}"))


@given(st.lists(_versions), _releases)
def test_the_selected_name_is_in_the_range_and_none_is_higher(versions: list[Version], bound: Version) -> None:
    allowed = Range.parse(f"^{bound}")
    chosen = Range.parse(f"^{bound}").select([str(version) for version in versions])
    inside = [version for version in versions if version in allowed]

    if chosen is None:
        assert inside == []
    else:
        best = Version.parse(chosen)
        assert best is not None
        assert best in allowed
        assert not any(best < version for version in inside)


@given(st.text("0123456789.xX*^~><=!|, -v+abc", max_size=30))
def test_any_text_is_a_range_or_refused(text: str) -> None:
    with contextlib.suppress(SourceError):
        Range.parse(text).select(["1.0.0", "v2.1.0-rc.1"])


def test_a_number_that_is_longer_than_python_reads_is_compared_all_the_same() -> None:
    longer, smaller = "v1.0.0-2" + "0" * 5000, "v1.0.0-1" + "9" * 5000

    assert Range.parse(">=1.0.0-0").select([smaller, longer, "v1.0.0-9", "v1.0.0-10"]) == longer
    assert Range.parse(">=1.0.0-0").select(["v1.0.0-9", "v1.0.0-10"]) == "v1.0.0-10"
