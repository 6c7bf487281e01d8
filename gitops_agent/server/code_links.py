"""Addresses of commits and comparisons at known Git hosts.

Only hosts whose name says what they run: a wrong link is worse than none. Addresses are https, so nothing from a manifest ever
becomes a link of another kind.
"""

from __future__ import annotations

import re

_ADDRESS = re.compile(
    r"^(?:https://(?:[^@/]*@)?|ssh://(?:[^@/]*@)?|(?:[^@/:]+@))(?P<host>[A-Za-z0-9.-]+)(?::\d+)?[:/](?P<path>[A-Za-z0-9._~/-]+?)(?:\.git)?/?$"
)
_COMMIT = re.compile(r"[0-9a-f]{7,64}")
_FORMS = (
    ("gitlab", "/-/commit/{0}", "/-/compare/{0}...{1}"),
    ("bitbucket", "/commits/{0}", "/branches/compare/{1}%0D{0}"),
    ("github", "/commit/{0}", "/compare/{0}...{1}"),
    ("gitea", "/commit/{0}", "/compare/{0}...{1}"),
    ("forgejo", "/commit/{0}", "/compare/{0}...{1}"),
    ("codeberg", "/commit/{0}", "/compare/{0}...{1}"),
)


def commit_link(repository: str, commit: str) -> str:
    """Where the host shows a commit; empty when that is not known."""
    return _link(repository, 0, commit)


def compare_link(repository: str, old: str, new: str) -> str:
    """Where the host shows what changed between two commits."""
    return _link(repository, 1, old, new) if old and new and old != new else ""


def shown_address(repository: str) -> str:
    """The repository's address without a user or password."""
    return re.sub(r"^([a-z]+://)[^@/]*@", r"\1", repository)


def _link(repository: str, form: int, *commits: str) -> str:
    match = _ADDRESS.match(repository)
    if match is None or not all(_COMMIT.fullmatch(commit) for commit in commits):
        return ""
    for name, *paths in _FORMS:
        if name in match["host"]:
            return f"https://{match['host']}/{match['path'].strip('/')}{paths[form].format(*commits)}"
    return ""
