"""A commit whose encrypted files are read as plaintext.

Why a tree: closures, limits, links and every reader of a format work on trees, so none of them knows of encryption. Names and
object ids stay those of Git, so a render is still valid for exactly the commits that leave its encrypted files alone. It stands
in the agent's process: the worker that renders receives plaintext, and neither keys nor a way to ask for them.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import replace

from gitops_agent.errors import SourceError
from gitops_agent.render.decryption.cipher import Leaf
from gitops_agent.render.decryption.decryptor import DataKeys, Plaintext, decrypt, is_encrypted
from gitops_agent.render.decryption.scope import Scope
from gitops_agent.render.secret_exposure import RenderSecrets
from gitops_agent.render.worktree import LazyEntry
from gitops_agent.revision.mounted_tree import readable
from gitops_agent.revision.tree import Entry, Tree


class DecryptedTree:
    """A tree between a commit and one render; for one thread.

    Args:
        tree: the commit.
        keys: open data keys.
        scope: which files are decrypted.
        secrets: takes the values that were encrypted.
    """

    def __init__(self, tree: Tree, keys: DataKeys, scope: Scope, secrets: RenderSecrets) -> None:
        self._tree, self._keys, self._scope, self._secrets = tree, keys, scope, secrets
        self._results: dict[tuple[str, bytes], Plaintext | SourceError | None] = {}

    @property
    def commit(self) -> str:
        """See `Tree.commit`."""
        return self._tree.commit

    def entry(self, path: str) -> Entry | None:
        """See `Tree.entry`."""
        return self._tree.entry(path)

    def resolve(self, path: str) -> Entry | None:
        """See `Tree.resolve`."""
        return self._tree.resolve(path)

    def children(self, path: str) -> tuple[Entry, ...]:
        """See `Tree.children`."""
        return self._tree.children(path)

    def walk(self, path: str) -> Iterator[Entry]:
        """See `Tree.walk`."""
        return self._tree.walk(path)

    def read(self, path: str, *, limit: int) -> bytes:
        """See `Tree.read`; also raises what decryption raises."""
        data = self._tree.read(path, limit=limit)
        plaintext = self._plaintext(path, data)
        return data if plaintext is None else plaintext.data

    def files(self, paths: Iterable[str], *, limit: int) -> Iterator[tuple[Entry, bytes]]:
        """See `Tree.files`; also raises what decryption raises."""
        for entry, data in self._tree.files(paths, limit=limit):
            plaintext = self._plaintext(entry.path, data)
            if plaintext is None:
                yield entry, data
            else:
                entry_ = Entry(path=entry.path, type=entry.type, oid=entry.oid) if isinstance(entry, LazyEntry) else entry
                yield replace(entry_, size=len(plaintext.data), decrypted=True), plaintext.data

    def _plaintext(self, path: str, data: bytes) -> Plaintext | None:
        """The plaintext of an encrypted file; each file is decrypted once."""
        if not is_encrypted(data):
            return None
        target = self._tree.resolve(path)
        real = target.path if target is not None else path
        if not self._scope.covers(real):
            return None
        key = (real, hashlib.sha256(data).digest())
        if key not in self._results:
            self._results[key] = self._decrypted(real, data)
        result = self._results[key]
        if isinstance(result, SourceError):
            raise result
        return result

    def _decrypted(self, path: str, data: bytes) -> Plaintext | SourceError | None:
        try:
            plaintext = decrypt(path, data, self._keys)
        except SourceError as error:
            return SourceError(readable(error.message), reason=error.reason, transient=error.transient, **error.facts)
        for pointer, value in plaintext.secrets if plaintext is not None else ():
            for text in _forms(value):
                self._secrets.add(text, f"{readable(path)} {pointer}")
        return plaintext


def _forms(value: Leaf) -> Iterator[str]:
    """A secret value as text, and decoded if it is base64."""
    text = value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else str(value)
    yield text
    try:
        yield base64.b64decode(text, validate=True).decode()
    except (binascii.Error, UnicodeError, ValueError):
        return
