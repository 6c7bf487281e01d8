"""Provenance files of charts, as `helm package --sign` writes them.

Such a file is clear-signed: a text with the metadata of the chart and the digest of its archive, and an OpenPGP signature. Only
the text that gpgv prints counts, for anything may stand around it, so a file with more in it than one signed text is refused.
"""

from __future__ import annotations

import re
import threading

from gitops_agent.errors import AgentError, ProcessError, SourceError
from gitops_agent.manifest.yaml import load_all
from gitops_agent.private_directory import private_directory
from gitops_agent.source.chart.provenance_policy import ProvenancePolicy
from gitops_agent.source.chart.repository import ChartVersion
from gitops_agent.source.paths import shown
from gitops_agent.source.signature import openpgp

LONGEST = 256 * 1024
"""Bytes of a provenance file."""

_BEGIN, _SIGNATURE, _END = "-----BEGIN PGP SIGNED MESSAGE-----", "-----BEGIN PGP SIGNATURE-----", "-----END PGP SIGNATURE-----"
_HEADER = re.compile(r"Hash: [A-Za-z0-9-]+(?:, ?[A-Za-z0-9-]+)*")
_BETWEEN = b"\n...\n"
"""Between the metadata of the chart and its files."""
_PREFIX = "gitops-agent-provenance-"
_MOST = 2000


class Proofs:
    """What was proved by which keys; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._proved: dict[tuple[str, str, str, str], None] = {}

    def has(self, name: str, version: ChartVersion, policy: ProvenancePolicy) -> bool:
        """Whether the archive of a version was proved."""
        with self._lock:
            return (name, version.version, version.digest, policy.digest) in self._proved

    def add(self, name: str, version: ChartVersion, policy: ProvenancePolicy) -> None:
        """Remembers that it was."""
        with self._lock:
            while len(self._proved) >= _MOST:
                del self._proved[next(iter(self._proved))]
            self._proved[name, version.version, version.digest, policy.digest] = None


def prove(data: bytes, name: str, version: ChartVersion, policy: ProvenancePolicy) -> None:
    """Checks that a provenance file vouches for an archive.

    Args:
        data: the file.
        name: of the chart.
        version: with the digest of its archive.
        policy: the trusted keys.

    Raises:
        SourceError: reason `Unverified`: what the file says, or who says it, is not accepted.
        ProcessError: gpgv could not be run.
    """
    problem = _structure(data)
    if problem:
        raise _refused(f"the provenance file {problem}")
    try:
        with private_directory(_PREFIX) as directory:
            result, text = openpgp.verify_clear(data, policy.ring, directory)
    except (OSError, ProcessError) as error:
        raise SourceError(f"the signature cannot be judged: {error}", reason="Unverified", transient=True) from error
    if result.flaw is not None:
        raise SourceError(f"the provenance file {result.text}", reason="Unverified", key=result.key)
    _check(text, name, version)


def _structure(data: bytes) -> str:
    """What is wrong with the form of a clear-signed file."""
    try:
        lines = data.decode("utf-8").replace("\r\n", "\n").strip("\n").split("\n")
    except UnicodeDecodeError:
        return "is not text"
    marks = [number for number, line in enumerate(lines) if line.startswith("-----")]
    if [lines[number].rstrip() for number in marks] != [_BEGIN, _SIGNATURE, _END]:
        return "is not one text with one OpenPGP signature"
    if marks[0] != 0 or marks[2] != len(lines) - 1:
        return "holds text outside of its signature"
    blank = next((number for number, line in enumerate(lines) if not line.strip()), len(lines))
    if not all(_HEADER.fullmatch(line.rstrip()) for line in lines[1:blank]) or blank > marks[1]:
        return "holds text in the header of its signature"
    return ""


def _check(text: bytes, name: str, version: ChartVersion) -> None:
    """Compares what was signed with the archive.

    Raises:
        SourceError: reason `Unverified`.
    """
    parts = text.replace(b"\r\n", b"\n").split(_BETWEEN)
    try:
        documents = [load_all(part, file="the provenance file") for part in parts]
    except AgentError as error:
        raise _refused(f"what was signed is no provenance: {error}") from error
    maps = [loaded[0] for loaded in documents if len(loaded) == 1 and isinstance(loaded[0], dict)]
    if len(documents) != 2 or len(maps) != 2:  # noqa: PLR2004 - metadata and files
        raise _refused("what was signed is no provenance: it has not the metadata of a chart and its files")
    metadata, files = maps[0], maps[1].get("files")
    signed = (str(metadata.get("name")), str(metadata.get("version")))
    if signed != (name, version.version):
        raise _refused(f"the provenance file is that of {shown(' '.join(signed))}")
    archive = f"{name}-{version.version}.tgz"
    digest = files.get(archive) if isinstance(files, dict) else None
    if digest is None:
        raise _refused(f"the provenance file does not name {archive}")
    if digest != version.digest:
        raise _refused(f"the provenance file names {archive} with {shown(str(digest))}, the archive is {version.digest}")


def _refused(text: str) -> SourceError:
    return SourceError(text, reason="Unverified")
