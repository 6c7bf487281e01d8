"""The Gateway API's CRDs for the gateway under test."""

from __future__ import annotations

from benchmarks.published import GATEWAY_API, GATEWAY_CRDS
from gitops_agent.manifest.key import Object
from gitops_agent.manifest.yaml import load_all
from gitops_agent.toolchain.progress import Progress

_PLURALS = ("gatewayclasses", "gateways", "httproutes")


def gateway_schemas(progress: Progress) -> list[Object]:
    """The CRDs of GatewayClass, Gateway and HTTPRoute (standard channel).

    Raises:
        AgentError: the module cannot be had, or is not the one that is pinned.
    """
    folder = GATEWAY_API.folder(progress)
    files = [folder / GATEWAY_CRDS.format(plural=plural) for plural in _PLURALS]
    return [dict(document) for file in files for document in load_all(file.read_bytes(), file=file.name)]
