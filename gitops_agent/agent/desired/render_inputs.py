"""Resolves a render's inputs from the cluster: variables, values, decryption keys.

The objects that an Application names are watched by name, so a resolution costs no request, and a change wakes the Applications
that name the object; which of them render again is decided by the values their renders used. What is missing is no broken
render: the Application says what it waits for, keeps what it has applied, and prunes nothing.

Applications of several teams may share a namespace, and a variable copies a Secret to where its Application deploys. So an
Application with an account of its own gets the Secrets that this account may read.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

from gitops_agent.agent.ports import Wake
from gitops_agent.agent.stores.stores import Stores
from gitops_agent.agent.work_queue import Priority
from gitops_agent.api.application import Application
from gitops_agent.api.render_options import VariableKind, VariableSource
from gitops_agent.errors import Forbidden, NotFound, RenderError
from gitops_agent.install.bundle import MARK_KEY
from gitops_agent.manifest.key import AppKey
from gitops_agent.manifest.kinds import SECRET
from gitops_agent.render import helm_values
from gitops_agent.render.decryption.keys.kind import NO_KEYS, KeyMaterial
from gitops_agent.render.variables.sources import merged
from gitops_agent.render.variables.variable import Variable

_FIELD = "spec.render.variables.from"
_ACCOUNT = "spec.render.decryption.serviceAccountName"


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedInputs:
    """What a render gets from the cluster.

    Attributes:
        variables: sorted by name, and then the entries that are values of the chart.
        keys: open encrypted files.
    """

    variables: tuple[Variable, ...] = ()
    keys: KeyMaterial = field(default=NO_KEYS, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Use:
    """A field that names an object, and the reasons of its problems."""

    field: str
    missing: str
    refused: str


_VARIABLES = _Use(field=_FIELD, missing="VariableSourceMissing", refused="VariableSourceRefused")
_VALUES = _Use(field=helm_values.FIELD, missing="VariableSourceMissing", refused="VariableSourceRefused")
_KEYS = _Use(field="spec.render.decryption.secretRef", missing="DecryptionKeysMissing", refused="DecryptionKeysRefused")


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
        options = application.spec.render
        variables = options.variables if options else None
        values = options.helm.values_from if options and options.helm else ()
        sources = variables.sources if variables else ()
        holders = tuple(helm_values.holder(source) for source in helm_values.of_objects(values))
        secret = _key_secret(application)
        named = (*sources, *holders, secret) if secret is not None else (*sources, *holders)
        self._register(application.key, frozenset((source.kind, source.name) for source in named))
        contents = [self._content(application, source, _VARIABLES) for source in sources]
        entries = [self._content(application, holder, _VALUES) for holder in holders]
        keys = self._content(application, secret, _KEYS) if secret is not None else {}
        answers = tuple(content for content in contents if content is not None)
        held = tuple(entry for entry in entries if entry is not None)
        if keys is None or len(answers) < len(contents) or len(held) < len(entries):
            return None
        material = self._material(application, secret, keys)
        resolved = merged(variables, answers) if variables is not None else ()
        return ResolvedInputs(variables=(*resolved, *helm_values.entries(values, held)), keys=material)

    def _material(self, application: Application, secret: VariableSource | None, data: Mapping[str, bytes]) -> KeyMaterial:
        """The content of the Secret, or the account that stands in.

        Raises:
            RenderError: the ServiceAccount is another one than the Application's own.
        """
        decryption = application.spec.render.decryption if application.spec.render else None
        if decryption is None:
            return NO_KEYS
        name, own = decryption.service_account_name, application.spec.service_account_name
        if name and own and name != own:
            text = f"{_ACCOUNT}: an Application with an account of its own may use no other: name {own}"
            raise RenderError(text, reason=_KEYS.refused, field=_ACCOUNT)
        return KeyMaterial(
            source=f"the Secret {secret.name}" if secret is not None else NO_KEYS.source,
            data=data,
            endpoints=decryption.endpoints,
            account=self._stores.access.tokens(application.key.namespace, name) if name else None,
        )

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
            self._wake(application, f"{name}, which its render uses, has changed", Priority.COMMIT)

    def _content(self, application: Application, source: VariableSource, use: _Use) -> Mapping[str, bytes] | None:
        """The entries of one object; empty where an optional one is missing."""
        store = self._stores.secrets if source.kind is VariableKind.SECRET else self._stores.config_maps
        if source.kind is VariableKind.SECRET:
            self._review(application, source.name, use)
        try:
            return store.hold(application.key.namespace, source.name)
        except NotFound as error:
            if source.optional:
                return {}
            advice = "create it" if use is _KEYS else "create it, or set `optional: true`"
            text = f"{use.field}: {error}; {advice}"
            raise RenderError(text, reason=use.missing, transient=True, field=use.field) from error

    def _review(self, application: Application, secret: str, use: _Use) -> None:
        """Checks that the account may read a Secret, once a generation.

        Raises:
            RenderError: it may not.
        """
        if secret == MARK_KEY:
            raise RenderError(f"{use.field}: the Secret {secret} is the agent's own", reason=use.refused, field=use.field)
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
            raise RenderError(f"{use.field}: {error}", reason=use.refused, field=use.field) from error
        with self._lock:
            answers.intersection_update({earlier for earlier in answers if earlier[:2] == question[:2]})
            answers.add(question)

    def _register(self, application: AppKey, used: frozenset[tuple[VariableKind, str]]) -> None:
        """Holds what is used from now on, and releases the rest."""
        with self._lock:
            before = self._used.pop(application, frozenset())
            if used:
                self._used[application] = used
            others = {use for key, uses in self._used.items() if key.namespace == application.namespace for use in uses}
        for kind, name in before - others:
            store = self._stores.secrets if kind is VariableKind.SECRET else self._stores.config_maps
            store.release(application.namespace, name)


def _key_secret(application: Application) -> VariableSource | None:
    """The Secret with the decryption keys, if one is named."""
    decryption = application.spec.render.decryption if application.spec.render else None
    if decryption is None or decryption.secret_ref is None:
        return None
    return VariableSource(kind=VariableKind.SECRET, name=decryption.secret_ref.name)
