from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitops_agent.server.oidc.return_path import HOME, safe_path


@pytest.mark.parametrize(
    "path", ["/", "/a/pay/checkout", "/a/pay/checkout/diff?from=rev:1&to=live", "/?q=ns%3Apay", "/s/x.y", "/#/a"]
)
def test_a_path_of_the_page_is_kept(path: str) -> None:
    assert safe_path(path) == path


@pytest.mark.parametrize(
    "path",
    [
        "",
        "https://evil.example",
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "/\n/evil.example",
        "/.//evil.example",
        "javascript:alert(1)",
        "a/b",
        " /a",
        "/a\r\nSet-Cookie: x=y",
        "/a\x00",
        "/ü",
        "/api/v1/session",
        "/auth/login?return=/",
        "/" + "x" * 2_000,
    ],
    ids=repr,
)
def test_everything_else_leads_home(path: str) -> None:
    assert safe_path(path) == HOME


@given(st.text(alphabet="/\\.:@?#%\r\n\t e2fa", max_size=12))
def test_no_spelling_names_another_host(path: str) -> None:
    safe = safe_path(path)

    assert safe.startswith("/")
    assert not safe.startswith(("//", "/\\"))
    assert not set(safe) & set("\r\n\t\\ ")
