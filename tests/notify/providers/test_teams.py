from __future__ import annotations

import pytest

from gitops_agent.errors import AgentError
from gitops_agent.notify.providers import teams
from tests.notify.senders import HOSTILE, document, sent

SECRET = {"address": b"https://prod.logic.example.com/workflows/1?sig=secret"}


def test_a_card_arrives_whose_text_is_no_markdown() -> None:
    card = document(sent(teams, SECRET, f"first\n\n{HOSTILE}"))["attachments"][0]["content"]

    assert (card["type"], card["version"]) == ("AdaptiveCard", "1.4")
    assert [block["type"] for block in card["body"]] == ["RichTextBlock"] * 3
    assert card["body"][0]["inlines"][0] == {
        "type": "TextRun",
        "text": "ops/shop: degraded",
        "weight": "bolder",
        "color": "attention",
    }
    assert card["body"][2]["inlines"][0]["text"] == HOSTILE


@pytest.mark.parametrize("host", ["acme.webhook.office.com", "outlook.office.com"])
def test_a_retired_connector_is_refused_with_the_way_out(host: str) -> None:
    with pytest.raises(AgentError, match="create a workflow"):
        sent(teams, {"address": f"https://{host}/webhookb2/x".encode()})
