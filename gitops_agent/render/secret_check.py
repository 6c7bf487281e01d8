"""Judges a render with secrets: masks its texts, refuses exposure.

This happens in the agent's process, so that a worker that was taken over by a repository does not decide whether a secret was
exposed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from gitops_agent.api.helm_values import Exposure
from gitops_agent.errors import RenderError, SourceError
from gitops_agent.render import helm_values
from gitops_agent.render.request import Failure, Rendered, RenderLimits, RenderRequest
from gitops_agent.render.secret_exposure import RenderSecrets, SecretExposed
from gitops_agent.revision.tree import Tree


class SecretCheck:
    """The secrets of one render; for one thread.

    Args:
        tree: the commit, as it lies in Git.
        request: what is rendered, with the values of Secrets.
        limits: of the render.

    Attributes:
        strict: their values may stand in Secrets only.
        tolerated: their values may stand elsewhere, where the spec says so.
    """

    def __init__(self, tree: Tree, request: RenderRequest, limits: RenderLimits) -> None:
        self._tree, self._limits = tree, limits
        self.strict, self.tolerated = RenderSecrets(), RenderSecrets()
        options = request.options
        if options is not None and options.helm is not None:
            for exposure, secrets in ((Exposure.REFUSE, self.strict), (Exposure.WARN, self.tolerated)):
                helm_values.collect_secrets(options.helm.values_from, request.variables, secrets, exposure)
        decryption = options.decryption if options is not None else None
        tolerates = decryption is not None and decryption.exposure is Exposure.WARN
        self.decrypted = self.tolerated if tolerates else self.strict
        """Takes what is decrypted."""

    def judged(self, result: Rendered | Failure) -> Rendered | Failure:
        """The result without secrets in its texts, or its refusal."""
        if not self.strict and not self.tolerated:
            return result
        if isinstance(result, Failure):
            return replace(result, error=self._masked(result.error))
        warnings = tuple(self._without(warning) for warning in result.warnings)
        try:
            self.strict.check(result.manifests, public=lambda: self._files(result))
        except SecretExposed as error:
            return Failure(error=error, closure=result.closure, passing=False, variables=result.variables)
        try:
            self.tolerated.check(result.manifests, public=lambda: self._files(result))
        except SecretExposed as error:
            warnings = (*warnings, error.message)
        return replace(result, warnings=warnings)

    def _files(self, result: Rendered) -> Iterator[bytes]:
        """The files of a render as they lie in Git."""
        for path, oid in sorted(result.closure.entries, key=lambda entry: entry[0]):
            try:
                if oid is not None and (entry := self._tree.entry(path)) is not None:
                    yield from (data for _, data in self._tree.files([entry.path], limit=self._limits.input_bytes))
            except SourceError:
                continue

    def _without(self, text: str) -> str:
        return self.tolerated.without(self.strict.without(text))

    def _masked(self, error: RenderError | SourceError) -> RenderError | SourceError:
        facts = {name: self._without(value) if isinstance(value, str) else value for name, value in error.facts.items()}
        kind = SourceError if isinstance(error, SourceError) else RenderError
        return kind(self._without(error.message), reason=error.reason, transient=error.transient, **facts)
