"""The issuers that the API server of the tests trusts."""

from __future__ import annotations

from pathlib import Path

from gitops_agent.manifest.key import Object
from gitops_agent.manifest.yaml import dump

ISSUERS = "issuers.yaml"


def trust(file: Path, *issuers: Object) -> None:
    """Writes the file at once; without issuers nothing is trusted."""
    fresh = file.with_suffix(".new")
    fresh.write_text(
        dump({"apiVersion": "apiserver.config.k8s.io/v1", "kind": "AuthenticationConfiguration", "jwt": list(issuers)})
    )
    fresh.replace(file)


def issuer(address: str, authority: str, client: str) -> Object:
    """An issuer whose claims `sub` and `groups` name users."""
    return {
        "issuer": {"url": address, "certificateAuthority": authority, "audiences": [client]},
        "claimMappings": {
            "username": {"claim": "sub", "prefix": "oidc:"},
            "groups": {"claim": "groups", "prefix": "oidc:"},
        },
    }
