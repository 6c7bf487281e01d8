"""Resolves what a render gets from the cluster: values of variables.

The objects that an Application names are watched by name, so a resolution costs no request, and a change wakes the Applications
that name the object; which of them render again is decided by the values their renders used. What is missing is no broken
render: the Application says what it waits for, keeps what it has applied, and prunes nothing.

Applications of several teams may share a namespace, and a variable copies a Secret to where its Application deploys. So an
Application with an account of its own gets the Secrets that this account may read.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass

from gitops_agent.agent.ports import Wake
from gitops_agent.agent.stores.stores import Stores
from gitops_agent.agent.work_queue import Priority
from gitops_agent.api.application import Application
from gitops_agent.api.render_options import VariableKind, VariableSource
from gitops_agent.errors import Forbidden, NotFound, RenderError
from gitops_agent.install.bundle import MARK_KEY
from gitops_agent.manifest.key import AppKey
from gitops_agent.manifest.kinds import SECRET
from gitops_agent.render.variables.sources import merged
from gitops_agent.render.variables.variable import Variable

_FIELD = "spec.render.variables.from"


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedInputs:
    """What a render gets from the cluster.

    Attributes:
        variables: sorted by name.
    """

    variables: tuple[Variable, ...] = ()


class RenderInputs:
    """Resolves the inputs of applications; thread-safe.

    Args:
        stores: hold the ConfigMaps and Secrets.
        wake: wakes an application when an object it names has changed.
    """

    def __init__(self, stores: Stores, wake: Wake) -> None:
        self._stores, self._wake = stores, wake
        self._lock = threading.Lock()
        self._used: dict[AppKey, frozenset[tuple[VariableKind, str]]] = {}
        self._reviewed: dict[AppKey, set[tuple[str, int, str]]] = {}
        stores.secrets.subscribe(self)
        stores.config_maps.subscribe(self)

    def resolve(self, application: Application) -> ResolvedInputs | None:
        """The inputs as known now; None while an object is first read.

        Raises:
            RenderError: an object is missing, or the application's account may not read it.
            AgentError: an object cannot be read.
        """
        variables = application.spec.render.variables if application.spec.render else None
        sources = variables.sources if variables else ()
        self._register(application.key, frozenset((source.kind, source.name) for source in sources))
        if variables is None:
            return ResolvedInputs()
        contents = [self._content(application, source) for source in sources]
        answers = tuple(content for content in contents if content is not None)
        if len(answers) < len(contents):
            return None
        return ResolvedInputs(variables=merged(variables, answers))

    def forget(self, application: AppKey) -> None:
        """Lets the watches of an application's objects end."""
        self._register(application, frozenset())
        with self._lock:
            self._reviewed.pop(application, None)

    def rotated(self, place: str, /) -> None:
        """Wakes the applications that name a changed object."""
        namespace, _, name = place.partition("/")
        with self._lock:
            users = [
                application
                for application, used in self._used.items()
                if application.namespace == namespace and any(used_name == name for _, used_name in used)
            ]
        for application in sorted(users):
            self._wake(application, f"{name}, which its variables are from, has changed", Priority.COMMIT)

    def _content(self, application: Application, source: VariableSource) -> Mapping[str, bytes] | None:
        """The entries of one object; empty where an optional one is missing."""
        store = self._stores.secrets if source.kind is VariableKind.SECRET else self._stores.config_maps
        if source.kind is VariableKind.SECRET:
            self._review(application, source.name)
        try:
            return store.hold(application.key.namespace, source.name)
        except NotFound as error:
            if source.optional:
                return {}
            text = f"{_FIELD}: {error}; create it, or set `optional: true`"
            raise RenderError(text, reason="VariableSourceMissing", transient=True, field=_FIELD) from error

    def _review(self, application: Application, secret: str) -> None:
        """Checks that the account may read a Secret, once a generation.

        Raises:
            RenderError: it may not.
        """
        if secret == MARK_KEY:
            raise RenderError(f"{_FIELD}: the Secret {secret} is the agent's own", reason="VariableSourceRefused", field=_FIELD)
        if application.user is None:
            return
        question = (application.uid, application.generation, secret)
        with self._lock:
            answers = self._reviewed.setdefault(application.key, set())
            if question in answers:
                return
        key = SECRET.named(application.key.namespace, secret)
        try:
            self._stores.access.require_read(application.user, key)
        except Forbidden as error:
            raise RenderError(f"{_FIELD}: {error}", reason="VariableSourceRefused", field=_FIELD) from error
        with self._lock:
            answers.intersection_update({one for one in answers if one[:2] == question[:2]})
            answers.add(question)

    def _register(self, application: AppKey, used: frozenset[tuple[VariableKind, str]]) -> None:
        """Holds what is used from now on, and releases the rest."""
        with self._lock:
            before = self._used.pop(application, frozenset())
            if used:
                self._used[application] = used
            others = {one for key, uses in self._used.items() if key.namespace == application.namespace for one in uses}
        for kind, name in before - others:
            store = self._stores.secrets if kind is VariableKind.SECRET else self._stores.config_maps
            store.release(application.namespace, name)
