from __future__ import annotations

import pytest

from gitops_agent.manifest.dialect import exponent, plain, tagged

# Read off `helm template` over a values file, which is parsed by the library kubectl uses.
TABLE: list[tuple[str, object]] = [
    ("y", True), ("N", False), ("on", True), ("TRUE", True), ("tRue", "tRue"), ("~", None), ("NULL", None), ("nUll", "nUll"),
    ("", None), ("0o10", 8), ("010", 8), ("08", 8), ("0_8", 8), ("-08", -8), ("1e3", 1000), ("12e03", 12000), ("1:30", "1:30"),
    ("12:30:45", "12:30:45"), ("2020-01-01", "2020-01-01"), ("2020-01-01T00:00:00Z", "2020-01-01T00:00:00Z"), ("=", "="),
    ("1.0", 1), ("0x1F", 31), ("0X1F", 31), ("0b11", 3), ("-0b11", -3), ("1_000", 1000), ("-0x1f", -31), ("+5", 5),
    ("0x_1f", 31), ("1__0", 10), (".5", 0.5), (".", "."), ("0O17", 15), ("1.", 1), ("-", "-"), ("+", "+"), ("1e", "1e"),
    ("0b", "0b"), ("-.5", -0.5), ("00", 0), ("1e-3", 0.001), ("0x1p4", "0x1p4"), ("-0", 0), ("-0.0", 0), (".5_0", 0.5),
    ("1e400", "1e400"), ("1e20", 1e20), ("1e22", 1e22), ("123456789012345678901234567890", 123456789012345678901234567890.0),
    ("18446744073709551615", 18446744073709551615.0), ("9223372036854775807", 9223372036854775807), ("text", "text"),
    ("192.168.0.1", "192.168.0.1"), ("1.2.3", "1.2.3"), ("_1", "_1"), ("0x", "0x"), ("0b12", "0b12"), ("1" * 500, "1" * 500),
]  # fmt: skip


@pytest.mark.parametrize(("word", "value"), TABLE)
def test_an_unquoted_word_means_what_kubectl_takes_it_for(word: str, value: object) -> None:
    parsed = plain(word)
    assert parsed == value
    assert type(parsed) is type(value)


@pytest.mark.parametrize("word", [".inf", "-.inf", "+.Inf", ".NaN", ".nan"])
def test_infinities_are_refused(word: str) -> None:
    with pytest.raises(ValueError, match="NaN"):
        plain(word)


@pytest.mark.parametrize(
    ("tag", "text", "value"),
    [
        ("str", "5", "5"),
        ("int", "5", 5),
        ("float", "1", 1),
        ("bool", "yes", True),
        ("null", "", None),
        ("binary", "aGk=", "hi"),
    ],
)
def test_a_tag_decides(tag: str, text: str, value: object) -> None:
    assert tagged(tag, text) == value


@pytest.mark.parametrize(("tag", "text"), [("int", "x"), ("int", "yes"), ("bool", "5"), ("binary", "/w=="), ("set", "x")])
def test_a_tag_that_does_not_fit_is_refused(tag: str, text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        tagged(tag, text)


def test_only_bare_exponents_look_like_commits() -> None:
    assert exponent("12e03")
    assert not exponent("1.2e3")
    assert not exponent("1e-3")
