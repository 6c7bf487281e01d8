from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitops_agent.errors import UsageError
from gitops_agent.manifest.key import AppKey
from gitops_agent.server.chat.commands import MEANING, USAGE, ChatCommand, parsed

SHOP = AppKey("gitops-system", "shop")
PLAN = "ecbf211e391f"


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("", ChatCommand(verb="help")),
        ("  HELP me", ChatCommand(verb="help")),
        ("status", ChatCommand(verb="status")),
        ("status shop", ChatCommand(verb="status", key=SHOP)),
        ("why  tools/shop", ChatCommand(verb="why", key=AppKey("tools", "shop"))),
        ("pause shop 2h too  many", ChatCommand(verb="pause", key=SHOP, duration="2h", reason="too many")),
        ("pause shop forever x", ChatCommand(verb="pause", key=SHOP, duration="forever", reason="x")),
        ("approve shop", ChatCommand(verb="approve", key=SHOP)),
        (f"approve shop {PLAN.upper()}", ChatCommand(verb="approve", key=SHOP, plan=PLAN)),
        ("promote pay/web", ChatCommand(verb="promote", key=AppKey("pay", "web"))),
        ("promote pay/web full", ChatCommand(verb="promote", key=AppKey("pay", "web"), full=True)),
        ("abort pay/web it is slow", ChatCommand(verb="abort", key=AppKey("pay", "web"), reason="it is slow")),
    ],
)
def test_commands_are_read(text: str, command: ChatCommand) -> None:
    assert parsed(text, "gitops-system") == command


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("statsu", "did you mean status"),
        ("rm -rf", "no command rm: `/gitops help`"),
        ("why", "say `/gitops why APP`"),
        ("why shop now", "say `/gitops why APP`"),
        ("why a/b/c", "why APP"),
        ("why ../shop", "why APP"),
        ("why Shop", "why APP"),
        ("why <!channel>", "why APP"),
        ("why " + "x" * 300, "why APP"),
        ("pause shop", "how long"),
        ("pause shop 2h", "and why"),
        ("pause shop soon x", "a duration such as 2h"),
        ("approve shop 123", "at least twelve digits"),
        (f"approve shop {PLAN} {PLAN}", "at least twelve digits"),
        ("approve shop " + "g" * 12, "at least twelve digits"),
        ("promote web", "promote NAMESPACE/ROLLOUT"),
        ("promote pay/web now", "promote NAMESPACE/ROLLOUT"),
    ],
    ids=range(17),
)
def test_what_is_no_command_says_how_it_is_typed(text: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        parsed(text, "gitops-system")


@given(st.text())
def test_any_text_is_a_command_or_refused(text: str) -> None:
    with suppress(UsageError):
        assert parsed(text, "gitops-system").verb in USAGE


def test_only_what_changes_nothing_reads() -> None:
    reads = {verb for verb in USAGE if parsed({"pause": "pause a 1h x"}.get(verb, f"{verb} a/b"), "n").reads}

    assert reads == {"status", "why", "diff", "approve", "help"}
    assert not parsed(f"approve shop {PLAN}", "n").reads
    assert USAGE.keys() == MEANING.keys()
