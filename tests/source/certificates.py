"""A certificate authority for tests, made with the openssl program."""

from __future__ import annotations

import subprocess
from pathlib import Path


class Certificates:
    """An authority, a server certificate for `localhost` and 127.0.0.1, and a client certificate."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._openssl(
            *("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"),
            *("-subj", "/CN=tests authority", "-keyout", "ca.key", "-out", "ca.crt"),
        )
        self._issue("server", "subjectAltName=DNS:localhost,IP:127.0.0.1")
        self._issue("client", "extendedKeyUsage=clientAuth")

    def path(self, name: str) -> str:
        return str(self.directory / name)

    def text(self, name: str) -> str:
        return (self.directory / name).read_text()

    def _issue(self, name: str, extension: str) -> None:
        (self.directory / f"{name}.ext").write_text(extension)
        self._openssl(
            *("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", f"/CN={name}"),
            *("-keyout", f"{name}.key", "-out", f"{name}.csr"),
        )
        self._openssl(
            *("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2"),
            *("-extfile", f"{name}.ext", "-out", f"{name}.crt"),
        )

    def _openssl(self, *arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=self.directory, check=True, capture_output=True)
