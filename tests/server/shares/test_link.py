from __future__ import annotations

import base64

import orjson
import pytest

from gitops_agent.manifest.key import AppKey
from gitops_agent.server.shares.link import Scope, opened, sealed

KEY, OTHER = b"k" * 32, b"o" * 32
SHOP = Scope(application=AppKey("gitops", "shop"), expires=1_000)
LIST = Scope(filter="ns:pay state:held", namespaces=("pay", "gitops"), expires=1_000)


def rewritten(link: str, **fields: object) -> str:
    """The link with other content and its old signature."""
    body, _, signature = link.partition(".")
    content = orjson.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))) | fields
    return f"{base64.urlsafe_b64encode(orjson.dumps(content)).rstrip(b'=').decode()}.{signature}"


@pytest.mark.parametrize("scope", [SHOP, LIST], ids=["one", "list"])
def test_a_link_shows_what_it_was_made_for(scope: Scope) -> None:
    assert opened(sealed(scope, KEY), KEY, now=999) == scope


@pytest.mark.parametrize("now", [1_000, 1_001, 1e12])
def test_a_link_ends(now: float) -> None:
    assert opened(sealed(SHOP, KEY), KEY, now=now) is None


def test_another_key_revokes_every_link() -> None:
    assert opened(sealed(SHOP, KEY), OTHER, now=0) is None


@pytest.mark.parametrize(
    "fields", [{"exp": 9_999_999_999}, {"app": ["gitops", "pay"]}, {"kid": "00000000"}, {"filter": "", "ns": ["pay"]}], ids=str
)
def test_a_link_that_was_changed_is_not_opened(fields: dict[str, object]) -> None:
    assert opened(rewritten(sealed(SHOP, KEY), **fields), KEY, now=0) is None


@pytest.mark.parametrize(
    "text",
    ["", ".", "a.b", "x" * 5_000, "é.é", sealed(SHOP, KEY).partition(".")[0], sealed(SHOP, KEY) + ".x", "=.=" * 9],
    ids=repr,
)
def test_what_is_no_link_is_not_opened(text: str) -> None:
    assert opened(text, KEY, now=0) is None


def test_every_changed_character_is_noticed() -> None:
    link = sealed(SHOP, KEY)

    for place, character in enumerate(link):
        changed = link[:place] + ("A" if character != "A" else "B") + link[place + 1 :]
        assert opened(changed, KEY, now=0) is None
