from __future__ import annotations

import pytest

from gitops_agent.source.signature.scopes import Scopes

BOT = "SHA256:" + "a" * 43


def scopes(*patterns: str) -> Scopes:
    return Scopes.read(f"- key: {BOT}\n  paths: [{', '.join(map(repr, patterns))}]\n".encode())


@pytest.mark.parametrize(
    ("pattern", "path", "allowed"),
    [
        ("apps/*/kustomization.yaml", "apps/shop/kustomization.yaml", True),
        ("apps/*/kustomization.yaml", "apps/shop/x/kustomization.yaml", False),
        ("apps/*/kustomization.yaml", "apps/shop/kustomizationxyaml", False),
        ("apps/**/values.yaml", "apps/values.yaml", True),
        ("apps/**/values.yaml", "apps/a/b/values.yaml", True),
        ("apps/**", "apps/a/b", True),
        ("apps/**", "other/a", False),
    ],
)
def test_a_key_changes_what_its_patterns_name(pattern: str, path: str, *, allowed: bool) -> None:
    flaw = scopes(pattern).flaw(BOT, lambda: (path,))

    assert flaw == ("" if allowed else f"is signed by {BOT}, which scopes.yaml does not allow to change {path}")


def test_a_key_without_a_row_changes_everything() -> None:
    assert scopes("a").flaw("SHA256:other", lambda: ("b",)) == ""
    assert scopes().flaw(BOT, lambda: ("b",)) != ""


@pytest.mark.parametrize("text", ["{}", "- 1", "- {key: a, paths: [b]}", f"- {{key: '{BOT}', paths: b}}", "a: [", "- {key: x}"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"row 1|is not"):
        Scopes.read(text.encode())
