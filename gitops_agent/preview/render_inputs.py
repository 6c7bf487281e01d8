"""Reads the variables of an Application with the rights of the caller."""

from __future__ import annotations

import base64
from collections.abc import Mapping

from gitops_agent.api.application import Application
from gitops_agent.api.render_options import VariableKind, VariableSource
from gitops_agent.cluster.client import ClusterClient
from gitops_agent.cluster.secrets import Secrets
from gitops_agent.errors import NotFound, RenderError
from gitops_agent.manifest.key import AppKey
from gitops_agent.manifest.kinds import CONFIG_MAP
from gitops_agent.render.variables.sources import FIELD, merged
from gitops_agent.render.variables.variable import Variable


def variables_of(access: ClusterClient, application: Application) -> tuple[Variable, ...]:
    """The variables of an application.

    Raises:
        RenderError: an object that holds some is missing.
        AgentError: the caller may not read it.
    """
    options = application.spec.render.variables if application.spec.render else None
    if options is None:
        return ()
    return merged(options, [_content(access, application.key, source) for source in options.sources])


def _content(access: ClusterClient, application: AppKey, source: VariableSource) -> Mapping[str, bytes]:
    try:
        if source.kind is VariableKind.SECRET:
            return Secrets(access.transport).read(application.namespace, source.name).data
        obj = access.objects.get(CONFIG_MAP.named(application.namespace, source.name))
    except NotFound:
        if source.optional:
            return {}
        text = f"{FIELD}.from: there is no {source.kind.value} {application.namespace}/{source.name}"
        raise RenderError(text, reason="VariableSourceMissing", transient=True, field=f"{FIELD}.from") from None
    binary = {key: base64.b64decode(value) for key, value in (obj.get("binaryData") or {}).items()}
    return {key: value.encode() for key, value in (obj.get("data") or {}).items()} | binary
