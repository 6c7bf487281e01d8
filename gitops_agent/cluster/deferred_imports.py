"""Keeps the Kubernetes client from importing what commands never need.

Wherever the client is imported, it imports requests and requests-oauthlib, which renew tokens of kubeconfigs with the auth
provider `oidc`, and websockets, for `exec` in pods; together a third of what a command takes to start. While the client is
imported, empty modules stand in for them. The renewal imports the real library when it is called, and `kubernetes.stream` can
be imported later as ever. Nothing that the client does is replaced.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

_OAUTH, _STREAM = "requests_oauthlib", "kubernetes.stream"
_lock = threading.Lock()


@contextmanager
def deferred_imports() -> Iterator[None]:
    """Within the block, an import of the client leaves them out."""
    with _lock:
        stand_ins = {} if "kubernetes" in sys.modules else {_OAUTH: ModuleType(_OAUTH), _STREAM: ModuleType(_STREAM)}
        stand_ins = {name: module for name, module in stand_ins.items() if name not in sys.modules}
        if _OAUTH in stand_ins:
            stand_ins[_OAUTH].OAuth2Session = _session  # type: ignore[attr-defined]
        sys.modules.update(stand_ins)
        try:
            yield
        finally:
            for name, module in stand_ins.items():
                if sys.modules.get(name) is module:
                    del sys.modules[name]


def _session(*arguments: Any, **named: Any) -> Any:
    from requests_oauthlib import OAuth2Session  # type: ignore[import-untyped]

    return OAuth2Session(*arguments, **named)
