"""Keeps the values of one render's secrets inside Secrets.

Problem: what is decrypted or read from a Secret may end up anywhere: a file whose `kind` was changed in Git, a chart that puts
a password into an environment variable, a ConfigMap generator. From there everyone who may read a Deployment reads it, and so
do statuses, diffs and chats. Decision: the values are remembered for as long as the render lasts, and then looked for, by
value, in everything but the data of Secrets. A value that the files of the render say in the clear is no secret: it is the
name of a user that is also the name of an image.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence

from gitops_agent.errors import RenderError
from gitops_agent.manifest.key import Object
from gitops_agent.manifest.leaves import dotted, leaves
from gitops_agent.manifest.manifest import Manifest
from gitops_agent.process import redact

_SHORTEST = 6
_SHORTEST_LINE = 12
_TRIVIAL = frozenset(
    ("default", "Opaque", "enabled", "disabled", "localhost", "127.0.0.1", "0.0.0.0", "production", "staging", "development")  # noqa: S104
)
_SHOWN = 5
_GZIP = b"\x1f\x8b"
_UNPACKED_BYTES = 64 * 1024 * 1024


class SecretExposed(RenderError):
    """A secret value stands outside a Secret.

    Facts: file, object and path of the first place, and its source.
    """

    reason = "SecretExposed"


class RenderSecrets:
    """The secret values of one render; for one thread."""

    def __init__(self) -> None:
        self._sources: dict[str, str] = {}

    def __bool__(self) -> bool:
        return bool(self._sources)

    def add(self, value: str, source: str) -> None:
        """Remembers a value, its lines and its base64 form.

        Args:
            value: too short ones and words that mean nothing are left out.
            source: where it is from, such as `secrets/db.enc.yaml /stringData/password` or `Secret shop/db, key password`.
        """
        if value.strip() in _TRIVIAL or len(value.strip()) < _SHORTEST:
            return
        text = value.strip()
        lines = text.splitlines()
        forms = [value, text, base64.b64encode(value.encode("utf-8", "surrogateescape")).decode()]
        forms += [line.strip() for line in lines if len(lines) > 1 and len(line.strip()) >= _SHORTEST_LINE]
        for form in forms:
            self._sources.setdefault(form, source)

    def check(self, manifests: Sequence[Manifest], *, public: Callable[[], Iterable[bytes]] = tuple) -> None:
        """Refuses a render that shows a secret value outside a Secret.

        Args:
            manifests: what was rendered.
            public: the files of the render as they lie in Git; called only when something was found. What stands in them is
                no secret.

        Raises:
            SecretExposed: with file, object and path of the first place.
        """
        suspects = self._within(manifests)
        if suspects:
            for data in public():
                text = _readable(data)
                suspects -= {value for value in suspects if value.encode("utf-8", "surrogateescape") in text}
                if not suspects:
                    return
        places = [entry for manifest in manifests for entry in _places(manifest, suspects)] if suspects else []
        if not places:
            return
        manifest, path, value = places[0]
        source = self._sources[value]
        more = f", and {len(places) - 1} more" if len(places) > 1 else ""
        others = [f"{other.key} {where}" for other, where, _ in places[1:_SHOWN]]
        advice = " (next: generate it with secretGenerator)" if manifest.key.kind == "ConfigMap" else ""
        raise SecretExposed(
            f"{manifest.place}: {manifest.key} {path} holds a value of {source}{more}{advice}; secrets belong in Secrets",
            file=manifest.file,
            object=str(manifest.key),
            path=path,
            source=source,
            others=others,
        )

    def without(self, text: str) -> str:
        """The text with every value masked."""
        return redact(text, self._sources)

    def _within(self, manifests: Iterable[Manifest]) -> set[str]:
        """The values that stand anywhere outside a Secret."""
        if not self._sources:
            return set()
        texts = "\0".join(text for manifest in manifests for _, text in _texts(manifest.obj))
        return {value for value in self._sources if value in texts}


def _places(manifest: Manifest, values: set[str]) -> Iterator[tuple[Manifest, str, str]]:
    for path, text in _texts(manifest.obj):
        value = next((value for value in sorted(values, key=len, reverse=True) if value in text), None)
        if value is not None:
            yield manifest, path if value not in path else "(a name)", value


def _texts(obj: Object) -> Iterator[tuple[str, str]]:
    """Names and values with their paths, without the data of Secrets."""
    secret = obj.get("kind") == "Secret" and obj.get("apiVersion") == "v1"
    public = {name: value for name, value in obj.items() if name not in ("data", "stringData")} if secret else obj
    for steps, value in leaves(public):
        path = dotted(steps)
        if value is not None and not isinstance(value, bool):
            yield path, value if isinstance(value, str) else str(value)
        yield path, "\0".join(steps)


def _readable(data: bytes) -> bytes:
    """A file's bytes; a packed chart unpacked, within limits."""
    if not data.startswith(_GZIP):
        return data
    try:
        return zlib.decompressobj(31).decompress(data, _UNPACKED_BYTES)
    except zlib.error:
        return data
