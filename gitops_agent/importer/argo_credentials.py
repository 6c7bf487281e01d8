"""The Secrets in which Argo CD keeps credentials of repositories.

Argo CD finds them by the address: a `repository` counts for one repository, `repo-creds` for all whose address begins so, the
longest first. An Application here names its Secret, so the address is looked up once, and the keys are renamed.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from gitops_agent.importer.peer_objects import PeerObjects
from gitops_agent.manifest.key import Object
from gitops_agent.manifest.kinds import CONFIG_MAP, SECRET
from gitops_agent.manifest.reading import mapping

TYPE = "argocd.argoproj.io/secret-type"
_TYPES = ("repository", "repo-creds")
_KEYS = {
    "username": "username",
    "password": "password",
    "bearerToken": "bearerToken",
    "sshPrivateKey": "identity",
    "tlsClientCertData": "tls.crt",
    "tlsClientCertKey": "tls.key",
    "githubAppID": "githubAppID",
    "githubAppInstallationID": "githubAppInstallationID",
    "githubAppPrivateKey": "githubAppPrivateKey",
    "githubAppEnterpriseBaseUrl": "githubAppBaseURL",
}
_SSH_HOSTS = ("argocd-ssh-known-hosts-cm", "ssh_known_hosts")
_AUTHORITIES = "argocd-tls-certs-cm"
_SHORT_SSH = re.compile(r"(?:[^@/]+@)?([^:/]+):")


def repository_secret(peers: PeerObjects, url: str) -> Object | None:
    """The Secret with credentials for a repository."""
    wanted_url = _normal(url)
    candidates = [(_normal(text(secret, "url")), secret) for secret in repository_secrets(peers)]
    exact = [secret for at, secret in candidates if at == wanted_url and _type(secret) == "repository"]
    if exact and any(key in _data(exact[0]) for key in _KEYS):
        return exact[0]
    above = [(at, secret) for at, secret in candidates if at and _type(secret) == "repo-creds" and wanted_url.startswith(at)]
    return max(above, key=lambda pair: len(pair[0]), default=("", None))[1]


def repository_secrets(peers: PeerObjects) -> tuple[Object, ...]:
    """All Secrets of repositories."""
    return tuple(secret for secret in peers.of_kind(SECRET) if _type(secret) in _TYPES)


def translated(peers: PeerObjects, secret: Object, *, namespace: str, name: str) -> Object:
    """The Secret with our keys; its values are those of Argo CD."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": namespace},
        "type": "Opaque",
        "stringData": dict(_values(peers, secret)),
    }


def _values(peers: PeerObjects, secret: Object) -> Iterator[tuple[str, str]]:
    data = _data(secret)
    for key, ours in _KEYS.items():
        if value := text(secret, key):
            yield ours, value
    home = str(secret["metadata"].get("namespace") or "")
    if "sshPrivateKey" in data:
        hosts = mapping(peers.get(CONFIG_MAP, home, _SSH_HOSTS[0]), "data").get(_SSH_HOSTS[1])
        if hosts:
            yield "known_hosts", str(hosts)
    authority = mapping(peers.get(CONFIG_MAP, home, _AUTHORITIES), "data").get(_host(text(secret, "url")))
    if authority:
        yield "ca.crt", str(authority)


def text(secret: Object, key: str) -> str:
    """A value of a Secret as text, from `data` or `stringData`."""
    if key in mapping(secret, "stringData"):
        return str(secret["stringData"][key])
    try:
        return base64.b64decode(str(mapping(secret, "data").get(key) or ""), validate=True).decode()
    except ValueError:
        return ""


def _data(secret: Object) -> Mapping[str, object]:
    return {**mapping(secret, "data"), **mapping(secret, "stringData")}


def _type(secret: Object) -> str:
    return str(mapping(secret, "metadata", "labels").get(TYPE) or "")


def _normal(url: str) -> str:
    return url.rstrip("/").removesuffix(".git").lower()


def _host(url: str) -> str:
    if "://" in url:
        return urlsplit(url).hostname or ""
    match = _SHORT_SSH.match(url)
    return match[1] if match else ""
