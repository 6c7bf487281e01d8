"""The Gateway API's own CRDs, of the Go module that publishes them; `gatewayapi/go.sum` pins its content."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path

from gitops_agent import process
from gitops_agent.errors import AgentError, ProcessError
from gitops_agent.manifest.key import Object
from gitops_agent.manifest.yaml import load_all
from gitops_agent.sandbox.progress import Progress
from gitops_agent.sandbox.toolchain import environment, find_go

_MODULE = Path(__file__).with_name("gatewayapi")
_NAME = "sigs.k8s.io/gateway-api"
_PLURALS = ("gatewayclasses", "gateways", "httproutes")
_LIMITS = process.Limits(seconds=300.0, memory_bytes=1 << 40)


def gateway_schemas(progress: Progress) -> list[Object]:
    """The CRDs of GatewayClass, Gateway and HTTPRoute (standard channel).

    Raises:
        AgentError: the module cannot be had, or is not the one that is pinned.
    """
    go = find_go(progress)
    with tempfile.TemporaryDirectory(prefix="gatewayapi-") as scratch:
        for name in ("go.mod", "go.sum"):
            shutil.copyfile(_MODULE / name, Path(scratch) / name)
        try:
            answer = process.run(
                (str(go), "mod", "download", "-json", _NAME), cwd=Path(scratch), env=environment(), limits=_LIMITS
            )
        except ProcessError as error:
            raise AgentError(f"the CRDs of the Gateway API cannot be had: {error}", reason="ToolMissing") from error
    folder = Path(json.loads(answer.stdout)["Dir"]) / "config" / "crd" / "standard"
    files = [folder / f"gateway.networking.k8s.io_{plural}.yaml" for plural in _PLURALS]
    return [dict(one) for file in files for one in load_all(file.read_bytes(), file=file.name)]
