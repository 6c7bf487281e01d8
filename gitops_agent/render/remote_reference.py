"""The addresses of remote bases, as kustomize reads them.

One text names a repository, a directory in it and a reference. Where the repository ends is said by `//`, by `.git` or by
`_git/`, else it has two parts as on GitHub. The prefix `git::` says nothing, and scheme and user of an address at GitHub say
only whether it is https or ssh.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import parse_qs

from gitops_agent.revision.remote_base import RemoteBase, is_commit

_SCHEMES = ("ssh://", "https://", "http://", "file://")
_USER = re.compile(r"[a-zA-Z][a-zA-Z0-9-]*+@")
_GITHUB = ("github.com/", "github.com:")
_PARTS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteReference:
    """A directory of another repository.

    Attributes:
        url: of the repository, as Git reads it.
        path: of the directory in it.
        ref: the branch, tag or commit; empty for none.
    """

    url: str
    path: str
    ref: str

    @property
    def base(self) -> RemoteBase | None:
        """The repository at a commit; None unless it is pinned to one."""
        commit = self.ref.lower()
        return RemoteBase(self.url, commit) if is_commit(commit) else None


def read_reference(value: str) -> RemoteReference | None:
    """What kustomize would clone; None where it would not."""
    address, _, query = value.partition("?")
    address = _without(address, "git::")
    scheme = next((prefix for prefix in _SCHEMES if address.lower().startswith(prefix)), "")
    address = address[len(scheme) :]
    match = _USER.match(address)
    user = match[0] if match is not None else ""
    address = address[len(user) :]
    github = address.lower().startswith(_GITHUB)
    if not scheme and not user and not github:
        return None
    host, rest = ("", user + address) if scheme == "file://" else _split(address, short=not scheme)
    if github:
        ssh = scheme == "ssh://" or bool(user)
        scheme, user, host = ("", user or "git@", "github.com:") if ssh else ("https://", "", "github.com/")
    elif scheme == "file://":
        user = ""
    parts = _repository(rest, whole=scheme == "file://")
    if parts is None or (not host and scheme != "file://"):
        return None
    repository, path = parts
    values = parse_qs(query)
    ref = (values.get("ref") or values.get("version") or [""])[0]
    return RemoteReference(url=f"{scheme}{user}{host}{repository.rstrip('/')}", path=path.strip("/"), ref=ref)


def _without(text: str, prefix: str) -> str:
    return text[len(prefix) :] if text.lower().startswith(prefix) else text


def _split(address: str, *, short: bool) -> tuple[str, str]:
    """The host with what ends it, and the rest."""
    end = address.find("/")
    colon = address.find(":")
    if short and colon > 0 and (end < 0 or colon < end):
        end = colon
    return (address[: end + 1], address[end + 1 :]) if end >= 0 else (address, "")


def _repository(rest: str, *, whole: bool) -> tuple[str, str] | None:
    """The path of the repository, and that of the directory in it."""
    before, marker, after = rest.partition("_git/")
    if marker:
        name, _, path = after.partition("/")
        return f"{before}{marker}{name}", path
    before, marker, after = rest.partition("//")
    if marker:
        return (before, after) if before else None
    before, marker, after = rest.partition(".git")
    if marker:
        return f"{before}{marker}", after
    if whole:
        return rest, ""
    parts = rest.split("/")
    if len(parts) < _PARTS or not all(parts[:_PARTS]):
        return None
    return "/".join(parts[:_PARTS]), "/".join(parts[_PARTS:])
