"""Debian's docker-registry on loopback, and pushes to it."""

from __future__ import annotations

import contextlib
import re
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import bcrypt
import urllib3

from gitops_agent.oci.reference import Reference
from gitops_agent.toolchain.system_packages import SystemPackages
from tests.oci.artifacts import Artifact, digest_of
from tests.source.certificates import Certificates

_LISTENS = re.compile(rb"listening on 127\.0\.0\.1:(\d+)")


@dataclass
class RealRegistry:
    """A running registry.

    Attributes:
        port: of loopback.
        user: name and password, empty without authentication.
        authority: the file with its authority, empty without https.
    """

    port: int
    user: str = ""
    authority: str = ""

    def reference(self, name: str) -> Reference:
        return Reference.parse(f"oci://127.0.0.1:{self.port}/{name}")

    def push(self, name: str, artifact: Artifact, *tags: str) -> str:
        """Uploads an artifact; returns the digest of its manifest."""
        headers = urllib3.make_headers(basic_auth=self.user) if self.user else {}
        base = f"http{'s' if self.authority else ''}://127.0.0.1:{self.port}/v2/{name}"
        with urllib3.PoolManager(headers=headers, ca_certs=self.authority or None) as http:
            for blob in artifact.blobs:
                begun = http.request("POST", f"{base}/blobs/uploads/")
                location = begun.headers["Location"]
                url = f"{location}{'&' if '?' in location else '?'}digest={digest_of(blob)}"
                assert http.request("PUT", url, body=blob).status == 201
            for name_ in tags or (artifact.digest,):
                answer = http.request(
                    "PUT",
                    f"{base}/manifests/{name_}",
                    body=artifact.manifest,
                    headers={**headers, "Content-Type": artifact.media_type},
                )
                assert answer.status == 201, answer.data
        return artifact.digest


@contextlib.contextmanager
def real_registry(folder: Path, *, user: str = "", certificates: Certificates | None = None) -> Iterator[RealRegistry]:
    """Runs a registry until the end of the block.

    Args:
        folder: for its files.
        user: the name and password it asks for; without one it asks for none.
        certificates: those it speaks https with.
    """
    program = SystemPackages().find("docker-registry")
    lines = ["version: 0.1", "storage:", "  filesystem:", f"    rootdirectory: {folder / 'storage'}"]
    lines += ["http:", "  addr: 127.0.0.1:0", f"  secret: {'s' * 32}"]
    if certificates is not None:
        names = ("certificate", "server.crt"), ("key", "server.key")
        lines += ["  tls:", *(f"    {field}: {certificates.path(file)}" for field, file in names)]
    if user:
        name, _, password = user.partition(":")
        hashed = bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)).decode()
        (folder / "htpasswd").write_text(f"{name}:{hashed}\n")
        lines += ["auth:", "  htpasswd:", "    realm: tests", f"    path: {folder / 'htpasswd'}"]
    (folder / "config.yml").write_text("\n".join(lines) + "\n")
    process = subprocess.Popen([program, "serve", folder / "config.yml"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert process.stderr is not None
    try:
        port = next((int(match[1]) for line in process.stderr if (match := _LISTENS.search(line))), 0)
        assert port, "the registry did not start"
        threading.Thread(target=process.stderr.read, daemon=True).start()
        yield RealRegistry(port, user, certificates.path("ca.crt") if certificates is not None else "")
    finally:
        process.terminate()
        process.wait(60)
        process.stderr.close()
