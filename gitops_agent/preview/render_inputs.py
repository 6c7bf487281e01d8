"""Reads variables and values with the rights of the caller."""

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
from gitops_agent.render import helm_values
from gitops_agent.render.variables.sources import FIELD, merged
from gitops_agent.render.variables.variable import Variable


def variables_of(access: ClusterClient, application: Application) -> tuple[Variable, ...]:
    """The variables of an application, and the values of its chart.

    Raises:
        RenderError: an object that holds some is missing.
        AgentError: the caller may not read it.
    """
    render = application.spec.render
    options = render.variables if render else None
    values = render.helm.values_from if render and render.helm else ()
    variables: tuple[Variable, ...] = ()
    if options is not None:
        field = f"{FIELD}.from"
        variables = merged(options, [_content(access, application.key, source, field) for source in options.sources])
    holders = [helm_values.holder(source) for source in helm_values.of_objects(values)]
    held = [_content(access, application.key, holder, helm_values.FIELD) for holder in holders]
    return (*variables, *helm_values.entries(values, held))


def _content(access: ClusterClient, application: AppKey, source: VariableSource, field: str) -> Mapping[str, bytes]:
    try:
        if source.kind is VariableKind.SECRET:
            return Secrets(access.transport).read(application.namespace, source.name).data
        obj = access.objects.get(CONFIG_MAP.named(application.namespace, source.name))
    except NotFound:
        if source.optional:
            return {}
        text = f"{field}: there is no {source.kind.value} {application.namespace}/{source.name}"
        raise RenderError(text, reason="VariableSourceMissing", transient=True, field=field) from None
    binary = {key: base64.b64decode(value) for key, value in (obj.get("binaryData") or {}).items()}
    return {key: value.encode() for key, value in (obj.get("data") or {}).items()} | binary
