"""Simple jq paths as JSON pointers.

`.spec.containers[].image`, `.metadata.annotations["a/b"]` and `.spec.containers[] | select(.name == "web") | .image`
name places; anything that computes has no pointer.
"""

from __future__ import annotations

import re

_TOKEN = re.compile(
    r"\.(?P<name>[A-Za-z_][A-Za-z0-9_-]*)"
    r"|\.?\[\"(?P<quoted>[^\"\\]*)\"\]|\.\"(?P<text>[^\"\\]*)\""
    r"|\.?\[(?P<index>[0-9]{1,6})?\](?P<optional>\?)?"
    r"|\s*\|\s*select\(\s*\.(?P<field>[A-Za-z_][A-Za-z0-9_]*)\s*==\s*\"(?P<value>[^\"\\\]=]*)\"\s*\)"
    r"|\s*\|\s*(?=\.)|(?P<maybe>\?)"
)


def pointer(path: str) -> str | None:
    """The pointer of a path, None when the path computes something."""
    steps: list[str] = []
    end = 0
    for match in _TOKEN.finditer(path):
        if match.start() != end:
            return None
        end = match.end()
        name = match["name"] or match["quoted"] or match["text"]
        if name is not None:
            steps.append(name.replace("~", "~0").replace("/", "~1"))
        elif match["field"] is not None:
            if not steps or steps[-1] != "*":
                return None
            steps[-1] = f"[{match['field']}={match['value']}]"
        elif match.group().lstrip(".").startswith("["):
            steps.append(match["index"] or "*")
    return "".join(f"/{step}" for step in steps) if steps and end == len(path) else None
