"""`gitops-agent signers check FILE…`: what the keys of a Secret mean."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gitops_agent.cli import output as out
from gitops_agent.cli.exit_codes import DIFFERENT
from gitops_agent.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gitops_agent.source.signature.allowed_signers import AllowedSigner
    from gitops_agent.source.signature.certificate import Certificate
    from gitops_agent.source.signature.signers import KeySet

_COLUMNS = ("role", "kind", "key", "who", "state")


@click.group()
def signers() -> None:
    """Explain the keys of those who may sign commits."""


@signers.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE…", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@out.output_option
def check(files: tuple[Path, ...], *, output: str) -> None:
    """Show what each key means today, and when it ends.

    The files are named like the keys of the Secret that source.verify.secretRef names: *.asc, *.pgp, allowed_signers, *.sshpub,
    revoked_keys, forge.asc, forge_signers and scopes.yaml. Needs no cluster. Exits with 1 when the Secret would be refused, and
    with 3 when no key in them counts today.
    """
    from gitops_agent.source.signature.signers import Signers

    names = [file.name for file in files]
    if len(set(names)) < len(names):
        raise UsageError("two files have one name: a Secret holds each key once")
    trust = Signers.read({file.name: file.read_bytes() for file in files}, name="these files")
    now = datetime.now(UTC)
    rows = [*_rows("signer", trust.people, now), *_rows("forge", trust.forge, now)]
    if output in ("json", "yaml"):
        out.document([dict(zip(_COLUMNS, row, strict=True)) for row in rows], output)
    elif output == "name":
        for row in rows:
            click.echo(row[2])
    else:
        out.table(_COLUMNS, rows)
    for key, patterns in sorted(trust.scopes.paths.items()):
        out.talk(out.line(f"{key} may change only {', '.join(patterns) or 'nothing'} (mode all)"))
    if trust.revoked:
        out.talk("revoked_keys is given: a key of SSH in it does not count, whatever stands above")
    for name in trust.ignored:
        out.talk(out.line(f"warning: {name} is none of the names that are read: it means nothing"))
    if not any(row[-1].startswith("counts") for row in rows if row[0] == "signer"):
        out.talk("no signer counts today: every commit would be refused")
        sys.exit(DIFFERENT)


def _rows(role: str, keys: KeySet, now: datetime) -> Iterator[tuple[str, str, str, str, str]]:
    for certificate in keys.certificates:
        yield role, "OpenPGP", certificate.fingerprint, out.line(", ".join(certificate.users)), _openpgp(certificate, now)
    for signer in keys.allowed:
        kind = "SSH authority" if signer.authority else "SSH"
        yield role, kind, signer.fingerprint, out.line(signer.principals), _ssh(signer, now)


def _openpgp(certificate: Certificate, now: datetime) -> str:
    if certificate.revoked:
        return "is revoked"
    return _lasting(certificate.expires, now)


def _ssh(signer: AllowedSigner, now: datetime) -> str:
    if not signer.for_git:
        return f"does not sign for Git (namespaces {signer.namespaces})"
    if signer.valid_after is not None and now < signer.valid_after:
        return f"begins to count on {signer.valid_after:%Y-%m-%d}"
    return _lasting(signer.valid_before, now)


def _lasting(end: datetime | None, now: datetime) -> str:
    if end is None:
        return "counts"
    return f"counts until {end:%Y-%m-%d}" if now < end else f"ended on {end:%Y-%m-%d}"
