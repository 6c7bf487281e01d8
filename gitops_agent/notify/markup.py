"""Text of commits and objects without meaning to a chat's markup.

Any contributor writes commit messages: none may mention a channel, hide an address behind other words, or make a message look
like another one.
"""

from __future__ import annotations

import re

_MARKDOWN = re.compile(r"([\\`*_~|>#\[\]()!<])")
_APART = "\u200b"
"""A space without width: what follows an at sign then is no name."""


def escaped_markdown(text: str) -> str:
    """The text as Markdown that shows it and mentions no user."""
    return _MARKDOWN.sub(r"\\\1", text).replace("@", f"@{_APART}")


def escaped_html(text: str) -> str:
    """The text as HTML that shows it as it is."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
