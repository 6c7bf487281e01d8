"""Tags of a repository in a registry.

Registries sort them in their own ways or not at all, and some leave out half of them while they clean up. A range of versions
would then move back, so a list that lost more than half of its tags is believed when the next reading says the same.
"""

from __future__ import annotations

import re
import threading
from http import HTTPStatus
from typing import Any
from urllib.parse import urljoin, urlsplit

from gitops_agent.errors import RenderError, SourceError
from gitops_agent.httpclient.message import Answer
from gitops_agent.manifest.document import YamlLimits
from gitops_agent.manifest.jsontext import read_json
from gitops_agent.oci.reference import Reference, is_tag
from gitops_agent.oci.registry import Registry

_PAGE_BYTES = 16 * 1024 * 1024
_MOST_PAGES = 100
_MOST_TAGS = 100_000
_MOST_REPOSITORIES = 1000
_LIMITS = YamlLimits(bytes=_PAGE_BYTES, documents=2, depth=5, nodes=200_000)
_NEXT = re.compile(r"[ \t]*+<([^<>]*+)>[ \t]*+;[^,]*?\brel=\"?next\"?")


class TagLists:
    """Lists tags, and remembers how many there were; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._before: dict[Reference, tuple[int, int]] = {}

    def read(self, registry: Registry) -> tuple[str, ...]:
        """All tags of a repository, sorted.

        Raises:
            SourceError: the registry does not list them, reason `RevisionNotFound` where it has no such repository; transient
                when more than half of them are gone for the first time.
        """
        tags = _all(registry)
        reference, count = registry.reference, len(tags)
        with self._lock:
            accepted, last = self._before.pop(reference, (0, 0))
            shrunk = count * 2 < accepted
            confirmed = shrunk and last == count
            while len(self._before) >= _MOST_REPOSITORIES:
                del self._before[next(iter(self._before))]
            self._before[reference] = (accepted if shrunk and not confirmed else count, count)
        if shrunk and not confirmed:
            raise SourceError(
                f"{reference}: the registry lists {count} tags after {accepted}: believed when the next reading says so too",
                reason="SourceUnavailable",
                transient=True,
                failure="shrunk",
            )
        return tags


def _all(registry: Registry) -> tuple[str, ...]:
    reference = registry.reference
    path, tags = "tags/list?n=1000", set[str]()
    for _ in range(_MOST_PAGES):
        answer = registry.get(path, longest=_PAGE_BYTES)
        if answer.status == HTTPStatus.NOT_FOUND:
            raise SourceError(f"{reference}: the registry has no such repository", reason="RevisionNotFound")
        tags.update(_page(answer, reference))
        if len(tags) > _MOST_TAGS:
            raise SourceError(f"{reference}: the registry lists more than {_MOST_TAGS} tags", reason="SourceFailed")
        link = _NEXT.match(answer.headers.get("link", "")[:4096])
        if link is None:
            return tuple(sorted(tags))
        path = _next(link[1], reference)
    raise SourceError(f"{reference}: the list of tags has more than {_MOST_PAGES} pages", reason="SourceFailed")


def _page(answer: Answer, reference: Reference) -> list[str]:
    if not answer.complete:
        torn = len(answer.body) < _PAGE_BYTES
        text = "arrived torn" if torn else f"is larger than {_PAGE_BYTES} bytes"
        raise SourceError(f"{reference}: the list of tags {text}", reason="SourceUnavailable", transient=torn, failure="torn")
    try:
        documents = read_json(answer.body, file="tags", limits=_LIMITS).documents
    except RenderError as error:
        raise _unreadable(reference, error.message) from None
    value: Any = documents[0].value if len(documents) == 1 else None
    names = value.get("tags") if isinstance(value, dict) else ()
    if names is None:  # a repository without tags
        return []
    if not isinstance(names, list):
        raise _unreadable(reference, "holds no tags")
    return [name for name in names if isinstance(name, str) and is_tag(name)]


def _next(link: str, reference: Reference) -> str:
    """The path of the next page of the same list."""
    base = reference.api(secure=True)
    parts = urlsplit(urljoin(base, link))
    own = urlsplit(base)
    other = parts.netloc.lower() not in (own.netloc, reference.authority)
    if other or parts.path != f"{own.path}/tags/list" or not parts.query or parts.fragment:
        raise SourceError(
            f"{reference}: the list of tags continues at another address, which is refused", reason="RegistryRefused"
        )
    return f"{parts.path}?{parts.query}"


def _unreadable(reference: Reference, text: str) -> SourceError:
    return SourceError(
        f"{reference}: the list of tags cannot be read: {text}", reason="SourceUnavailable", transient=True, failure="answer"
    )
