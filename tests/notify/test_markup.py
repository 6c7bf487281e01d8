from __future__ import annotations

from gitops_agent.notify.markup import escaped_html, escaped_markdown


def test_markdown_shows_what_it_is_and_mentions_no_user() -> None:
    text = escaped_markdown("@all [here](https://evil) `x` **now** <@1>")

    assert text == "@\u200ball \\[here\\]\\(https://evil\\) \\`x\\` \\*\\*now\\*\\* \\<@\u200b1\\>"


def test_html_shows_what_it_is() -> None:
    assert escaped_html("<b>&amp;</b>") == "&lt;b&gt;&amp;amp;&lt;/b&gt;"
