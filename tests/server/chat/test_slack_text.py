from __future__ import annotations

from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st

from gitops_agent.server.chat.slack_text import ChatReply, body_of, table


def blocks(reply: ChatReply) -> list[str]:
    document: Any = orjson.loads(body_of(reply))
    assert document["response_type"] == "ephemeral"
    assert all(block["text"]["verbatim"] for block in document["blocks"])
    return [block["text"]["text"] for block in document["blocks"]]


def test_text_of_others_mentions_and_hides_nothing() -> None:
    hostile = "<!channel> <https://evil.example|here> `x` *b* & \u202eabc \x1b[1m"

    title, code = blocks(ChatReply(title=hostile, lines=(hostile, "``` <@U1>")))

    assert "<" not in title + code.replace("\n", "")
    assert title.startswith("&lt;!channel&gt; &lt;https://evil.example|here&gt; 'x'")
    assert code.count("```") == 2
    assert "\u202e" not in title + code
    assert "\x1b" not in title + code


def test_columns_stay_in_line() -> None:
    lines = table(("name", "state"), [("shop", "Healthy"), ("pay\nroll", "Degraded  now")])

    assert lines == ("NAME      STATE", "shop      Healthy", "pay roll  Degraded now")
    assert blocks(ChatReply(title="x", lines=lines))[1].splitlines()[2] == "shop      Healthy"


def test_an_answer_that_is_long_is_cut() -> None:
    parts = blocks(ChatReply(title="x" * 9000, lines=tuple(f"{number} " + "y" * 900 for number in range(2000))))

    assert len(parts) <= 10
    assert all(len(part) <= 3000 for part in parts)
    assert "… and more" in parts[-1]


@given(st.text(), st.lists(st.text()))
def test_whatever_stands_in_an_answer_slack_takes_it(title: str, lines: list[str]) -> None:
    for part in blocks(ChatReply(title=title, lines=tuple(lines)))[1:]:
        assert part.startswith("```\n")
        assert part.count("```") == 2
        assert "<" not in part
