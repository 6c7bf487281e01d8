"""A kubeconfig for one server, one user, one context: `sandbox`."""

from __future__ import annotations

import base64
import json
import os
import re
from pathlib import Path

_TEMPLATE = """\
apiVersion: v1
kind: Config
current-context: sandbox
clusters:
- name: sandbox
  cluster:
    server: {server}
    certificate-authority-data: {authority}
users:
- name: {user}
  user:
    token: {token}
contexts:
- name: sandbox
  context:
    cluster: sandbox
    user: {user}
    namespace: {namespace}
"""


def write_kubeconfig(path: Path, *, server: str, authority: bytes, user: str, token: str, namespace: str = "default") -> Path:
    """Writes the file, readable by its owner only, in one step.

    Args:
        path: where to; its folder must exist.
        server: the API server's URL.
        authority: the PEM of the certificate to trust.
        user: a name for the credentials.
        token: a bearer token.
        namespace: the one commands use when none is given.
    """
    text = _TEMPLATE.format(
        server=json.dumps(server),
        authority=base64.b64encode(authority).decode(),
        user=json.dumps(user),
        token=json.dumps(token),
        namespace=json.dumps(namespace),
    )
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
    draft.replace(path)
    return path


def read_token(path: Path) -> str:
    """The token of a kubeconfig written here.

    Raises:
        ValueError: it holds none.
    """
    match = re.search(r'^ +token: "([^"]+)"$', path.read_text(), re.MULTILINE)
    if match is None:
        raise ValueError(f"{path} holds no token")
    return match[1]
