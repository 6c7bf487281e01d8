"""One render with decryption: its tree, and the judgement of its result.

Both happen in the agent's process, so that a worker that was taken over by a repository neither holds keys nor decides whether
a secret was exposed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from gitops_agent.api.render_options import Exposure
from gitops_agent.errors import RenderError, SourceError
from gitops_agent.render.decryption.decrypted_tree import DecryptedTree
from gitops_agent.render.decryption.keyring import Keyring
from gitops_agent.render.decryption.scope import scope_of
from gitops_agent.render.request import Failure, Rendered, RenderLimits, RenderRequest
from gitops_agent.render.taint import SecretExposed, Taint
from gitops_agent.revision.tree import Tree


class DecryptionSession:
    """The decryption of one render; for one thread.

    Args:
        tree: the commit.
        request: what is rendered, with the keys.
        limits: of the render.

    Raises:
        DecryptionFailed: a key cannot be read.
    """

    def __init__(self, tree: Tree, request: RenderRequest, limits: RenderLimits) -> None:
        self._commit, self._request, self._limits = tree, request, limits
        self._taint = Taint()
        self.tree = DecryptedTree(tree, Keyring(request.keys), scope_of(tree, request), self._taint)

    def judged(self, result: Rendered | Failure) -> Rendered | Failure:
        """The result without secrets in its texts, or its refusal."""
        if isinstance(result, Failure):
            return replace(result, error=self._masked(result.error))
        warnings = tuple(self._taint.without(warning) for warning in result.warnings)
        try:
            self._taint.check(result.manifests, public=lambda: self._files(result))
        except SecretExposed as error:
            options = self._request.options
            if options is not None and options.decryption is not None and options.decryption.exposure is Exposure.WARN:
                return replace(result, warnings=(*warnings, error.message))
            return Failure(error=error, closure=result.closure, passing=False, variables=result.variables)
        return replace(result, warnings=warnings)

    def _files(self, result: Rendered) -> Iterator[bytes]:
        """The files of a render as they lie in Git."""
        for path, oid in sorted(result.closure.entries, key=lambda entry: entry[0]):
            try:
                if oid is not None and (entry := self._commit.entry(path)) is not None:
                    yield from (data for _, data in self._commit.files([entry.path], limit=self._limits.input_bytes))
            except SourceError:
                continue

    def _masked(self, error: RenderError | SourceError) -> RenderError | SourceError:
        facts = {name: self._taint.without(value) if isinstance(value, str) else value for name, value in error.facts.items()}
        kind = SourceError if isinstance(error, SourceError) else RenderError
        return kind(self._taint.without(error.message), reason=error.reason, transient=error.transient, **facts)
