"""Small repositories and requests for the tests of rendering."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gitops_agent.api.render_options import RenderOptions
from gitops_agent.manifest.key import AppKey
from gitops_agent.render.renderer import KubeFacts, Rendered, RenderRequest

SHOP = AppKey("gitops-system", "shop")
CHART = "apiVersion: v2\nname: web\nversion: 0.1.0\n"


def put(root: Path, files: Mapping[str, str | bytes]) -> None:
    """Writes files below a folder."""
    for path, content in files.items():
        place = root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content.encode() if isinstance(content, str) else content)


def config_map(name: str = "settings", **data: str) -> str:
    """A ConfigMap as YAML."""
    rows = "".join(f"  {key}: {value!r}\n" for key, value in data.items())
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\n" + (f"data:\n{rows}" if data else "")


def deployment(name: str = "web", image: str = "example.com/web:1") -> str:
    """A Deployment as YAML."""
    return f"""\
apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}}}
spec:
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata: {{labels: {{app: {name}}}}}
    spec:
      containers: [{{name: main, image: '{image}'}}]
"""


def ask(path: str = "", *, facts: KubeFacts | None = None, namespace: str = "shop", **options: Any) -> RenderRequest:
    """A request; the options are those of `spec.render`."""
    return RenderRequest(
        application=SHOP,
        path=path,
        options=RenderOptions.model_validate(options) if options else None,
        namespace=namespace,
        facts=facts or KubeFacts(),
    )


def names(rendered: Rendered) -> list[str]:
    """Kinds and names in the order of the render."""
    return [f"{manifest.key.kind}/{manifest.key.name}" for manifest in rendered.manifests]
