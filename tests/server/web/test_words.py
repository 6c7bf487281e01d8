"""The words of the page: each there in every language, and used."""

from __future__ import annotations

import re
from pathlib import Path

SOURCES = Path(__file__).parents[3] / "gitops_agent/server/web/page"
ROW = re.compile(r'^  (?:"([^"]+)"|(\w+)): ("(?:[^"\\]|\\.)*"),$', re.MULTILINE)


def table(name: str) -> dict[str, str]:
    return {quoted or plain: text for quoted, plain, text in ROW.findall((SOURCES / name).read_text())}


def keys() -> tuple[set[str], list[re.Pattern[str]]]:
    """Keys as literals, and patterns of those that are put together."""
    text = "\n".join(path.read_text() for path in SOURCES.glob("*.js") if path.name not in ("words.js", "german.js"))
    literal = set(re.findall(r'\bt\([^)`]*?"([\w.-]+)"', text)) | set(re.findall(r'(?:, |\? |: )"([a-z]\w*\.[\w.]+)"', text))
    put = re.findall(r"\bt\(`([^`]+)`", text)
    patterns = [re.compile(".+".join(map(re.escape, re.split(r"\$\{(?:[^{}]|\{[^}]*\})*\}", each)))) for each in put]
    return literal, patterns


def test_languages_have_the_same_keys_and_places() -> None:
    english, german = table("words.js"), table("german.js")

    assert english.keys() == german.keys()
    assert len(english) > 200
    for key, text in english.items():
        assert set(re.findall(r"\{\w+\}", text)) == set(re.findall(r"\{\w+\}", german[key])), key
        assert text.count("|") == german[key].count("|"), key


def test_every_word_is_used() -> None:
    literal, patterns = keys()

    assert [key for key in table("words.js") if key not in literal and not any(each.fullmatch(key) for each in patterns)] == []


def test_every_used_word_exists() -> None:
    literal, patterns = keys()
    english = table("words.js")

    assert [key for key in literal if "." in key and not key.endswith(".js") and key not in english] == []
    assert [each.pattern for each in patterns if not any(each.fullmatch(key) for key in english)] == []
