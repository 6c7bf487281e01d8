"""Where a repository is.

A URL is printed in statuses, events, logs and process lists, so it never holds a credential: one that does is refused rather
than cleaned, because it stands in Git or in the cluster already and has to be taken out there. Only https and ssh leave the
machine; plain http would send credentials in the clear and takes whatever answers.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal
from urllib.parse import SplitResult, unquote, urlsplit

from gitops_agent.errors import SourceError

Transport = Literal["https", "ssh", "file"]

_CONTROL = re.compile(r"[\x00-\x20\x7f]")
_HOST = re.compile(r"(?:[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?\.?|\[[0-9A-Fa-f:.%]+\])\Z")
_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*\Z")
_SHORT_SSH = re.compile(r"(?:(?P<user>[^@:/]+)@)?(?P<host>\[[^\]]+\]|[^@:/]+):(?P<path>[^/-].*|/.*)\Z")
_LONGEST = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """A URL and the name of the secret it is read with.

    Attributes:
        url: `https://…`, `ssh://user@host/…`, `user@host:path`, or `file://…` where that is allowed.
        secret: `namespace/name`; mirrors are shared only by applications that use the same one. Empty for none.
        shallow: only single commits are read of it, without their histories.

    Raises:
        SourceError: reason `InvalidSpec`, without repeating what may be a credential.
    """

    url: str
    secret: str = ""
    shallow: bool = False

    def __post_init__(self) -> None:
        check(self.url)

    @property
    def transport(self) -> Transport:
        """How it is reached."""
        scheme = self.url.partition("://")[0] if "://" in self.url else "ssh"
        return "https" if scheme == "https" else "file" if scheme == "file" else "ssh"

    @property
    def origin(self) -> str:
        """Scheme, host and port of an https URL, which bind its credentials."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}"

    @property
    def host(self) -> str:
        """The name of its server; empty for files."""
        if "://" in self.url:
            return urlsplit(self.url).hostname or ""
        return self.url.partition(":")[0].rpartition("@")[2]

    @property
    def address(self) -> str:
        """What is the same however it is reached: host and path."""
        return address_of(self.url)

    @property
    def id(self) -> str:
        """The name of its mirror's directory."""
        kind = "\nshallow" if self.shallow else ""  # the ends of its histories would be those of whole ones
        return hashlib.sha256(f"{self.url}\n{self.secret}{kind}".encode()).hexdigest()[:32]

    def __str__(self) -> str:
        return self.url


@lru_cache(maxsize=4096)
def address_of(url: str) -> str:
    """Host and path of an address in lower case.

    Without user, port and `.git`; empty for what is none.


    Forges name one repository by https and by ssh; Bitbucket and Azure DevOps with different paths as well.
    """
    if "://" not in url:
        host, _, path = url.partition(":")
        host = host.rpartition("@")[2]
    else:
        try:
            parts = urlsplit(url)
        except ValueError:
            return ""
        host, path = parts.hostname or ("localhost" if parts.scheme == "file" else ""), parts.path
    host, segments = host.lower(), [segment for segment in unquote(path).lower().split("/") if segment]
    if host.endswith("dev.azure.com"):
        host, segments = "dev.azure.com", [segment for segment in segments if segment not in ("v3", "_git")]
    elif segments[:1] == ["scm"]:
        segments = segments[1:]
    return f"{host}/{'/'.join(segments)}".removesuffix(".git") if host and segments else ""


def beside(own: Repository, url: str) -> Repository:
    """Commits of another repository, with the same Secret on one server.

    Raises:
        SourceError: reason `InvalidSpec`.
    """
    other = Repository(url=url, shallow=True)
    return replace(other, secret=own.secret) if _server(own) == _server(other) else other


def _server(repository: Repository) -> tuple[str, str]:
    """How and where a repository is reached."""
    authority = urlsplit(repository.url).netloc if "://" in repository.url else repository.host
    return repository.transport, authority.rpartition("@")[2].lower()


def check(url: str) -> None:
    """Refuses what is no URL of a repository, or more than one."""
    if not url or len(url) > _LONGEST or _CONTROL.search(url) or not url.isprintable():
        raise _invalid("the repository's URL is empty, too long, or contains blanks or control characters")
    if url.startswith("-") or "::" in url.partition("://")[0]:
        raise _invalid("the repository's URL would be read as an option or a remote helper")
    if "://" not in url:
        _check_short(url)
        return
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise _invalid("the repository's URL has no valid host or port") from error
    if parts.scheme == "http":
        raise _invalid("http:// is not encrypted and proves nothing about the server: use https:// or ssh://")
    if parts.scheme not in {"https", "ssh", "file"}:
        raise _invalid(f"repositories are read by https or ssh, not by {parts.scheme[:20]!r}")
    _check_user(parts)
    if parts.query or parts.fragment:
        raise _invalid("the repository's URL has a query or a fragment; put credentials into the Secret that secretRef names")
    if parts.scheme == "file":
        if parts.netloc or not parts.path.startswith("/"):
            raise _invalid("a file repository is named file:///absolute/path")
    elif not _HOST.match(parts.netloc.rpartition("@")[2].removesuffix(f":{port}")) or parts.path in {"", "/"}:
        raise _invalid("the repository's URL needs a host and a path")


def _check_user(parts: SplitResult) -> None:
    if "@" not in parts.netloc:
        return
    if parts.scheme != "ssh" or parts.password is not None:
        raise _invalid(
            "the repository's URL contains credentials: take them out and put them into the secret that secretRef names"
        )
    if not _USER.match(parts.username or ""):
        raise _invalid("the user in the repository's URL is not valid")


def _check_short(url: str) -> None:
    match = _SHORT_SSH.match(url)
    if match is None or not _HOST.match(match["host"]):
        raise _invalid("the repository's URL is not https://host/path, ssh://user@host/path or user@host:path")
    if match["user"] is not None and not _USER.match(match["user"]):
        raise _invalid("the user in the repository's URL is not valid")


def _invalid(message: str) -> SourceError:
    return SourceError(message, reason="InvalidSpec")
