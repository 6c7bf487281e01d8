"""TLS of the dashboard's own listener, and client certificates of a proxy.

Certificates are rotated by who writes the files, such as cert-manager: they are read again when they change, at the next
connection.
"""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gitops_agent.errors import UsageError
from gitops_agent.observe.log import logger

_log = logger("dashboard")
_LOOK_SECONDS = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsFiles:
    """Where the certificates are.

    Attributes:
        certificate: of the server, with its chain.
        key: of the server.
        clients: the authority of client certificates; None where none is demanded.
        names: the clients that may connect; every one with a certificate when empty.
    """

    certificate: Path
    key: Path
    clients: Path | None = None
    names: tuple[str, ...] = ()

    def admits(self, certificate: Mapping[str, Any] | None) -> bool:
        """Whether a client with this certificate, as `getpeercert` describes it, may connect."""
        if self.clients is None:
            return True
        if not certificate:
            return False
        subjects = {value for part in certificate.get("subject", ()) for name, value in part if name == "commonName"}
        subjects |= {value for kind, value in certificate.get("subjectAltName", ()) if kind in ("DNS", "URI")}
        return not self.names or not subjects.isdisjoint(self.names)


def server_context(files: TlsFiles) -> ssl.SSLContext:
    """The TLS of a listener.

    Raises:
        UsageError: a file cannot be used.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(files.certificate, files.key)
    except (OSError, ssl.SSLError) as error:
        names = f"{files.certificate} and {files.key}"
        raise UsageError(f"dashboard.tlsCertificate, dashboard.tlsKey: {names} cannot be used: {_words(error)}") from None
    if files.clients is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        try:
            context.load_verify_locations(files.clients)
        except (OSError, ssl.SSLError) as error:
            raise UsageError(f"dashboard.proxyCA: {files.clients} cannot be used: {_words(error)}") from None
    rotation = _Rotation(context, files)
    context.sni_callback = rotation.look
    return context


class _Rotation:
    """Reads the server's certificate again when its file changes."""

    def __init__(self, context: ssl.SSLContext, files: TlsFiles) -> None:
        self._context, self._files = context, files
        self._lock = threading.Lock()
        self._at, self._version = time.monotonic(), self._changed()

    def look(self, *_: Any) -> None:
        """Called at each connection."""
        with self._lock:
            if time.monotonic() - self._at < _LOOK_SECONDS:
                return
            self._at = time.monotonic()
            version = self._changed()
            if version == self._version:
                return
            try:
                self._context.load_cert_chain(self._files.certificate, self._files.key)
            except (OSError, ssl.SSLError) as error:
                _log.warning("a changed certificate cannot be used", file=str(self._files.certificate), error=_words(error))
                return
            self._version = version

    def _changed(self) -> tuple[float, ...]:
        try:
            return tuple(file.stat().st_mtime for file in (self._files.certificate, self._files.key))
        except OSError:
            return ()


def _words(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error)[:200]
