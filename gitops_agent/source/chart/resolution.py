"""Resolves a reference to a chart with its archive on disk.

A version that was followed before has a digest for good: when the repository offers other content under the same version, it
is refused, whatever the index says. A digest in the spec decides alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gitops_agent.errors import SourceError
from gitops_agent.manifest.revision_name import chart_name
from gitops_agent.oci.cosign.policy import CosignPolicy
from gitops_agent.source.chart.archive import unpack
from gitops_agent.source.chart.chart_ref import ChartLock, ChartRef
from gitops_agent.source.chart.index_cache import disk_error, replace_file
from gitops_agent.source.chart.provenance import Proofs, prove
from gitops_agent.source.chart.provenance_policy import ProvenancePolicy
from gitops_agent.source.chart.repository import ChartAccess, ChartRepository, ChartVersion
from gitops_agent.source.chart.republication import REPUBLISHED, Republication
from gitops_agent.source.chart.version_range import choose, exact


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartTip:
    """What a reference was resolved to.

    Attributes:
        name: of the chart.
        version: as the repository writes it.
        digest: of its archive.
        resolved_at: when, UTC.
        created: when it was packed.
        deprecated: whether its authors advise against it.
        vouched: whether the repository or the spec names its digest.
    """

    name: str
    version: str
    digest: str
    resolved_at: datetime
    created: datetime | None = None
    deprecated: bool = False
    vouched: bool = True

    @property
    def revision(self) -> str:
        """The name of the revision."""
        return chart_name(self.name, self.version, self.digest)

    def to_json(self) -> dict[str, Any]:
        """For the cache."""
        times = {"resolvedAt": self.resolved_at.isoformat(), "created": self.created.isoformat() if self.created else ""}
        flags = {"deprecated": self.deprecated, "vouched": self.vouched}
        return {"name": self.name, "version": self.version, "digest": self.digest, **times, **flags}

    def lock(self, range_: str) -> ChartLock:
        """What a status would say of it."""
        return ChartLock(name=self.name, range=range_, version=self.version, digest=self.digest, resolved_at=self.resolved_at)

    @classmethod
    def from_json(cls, value: Any) -> ChartTip:
        """From the cache.

        Raises:
            KeyError, TypeError, ValueError: it is none.
        """
        return cls(
            name=str(value["name"]),
            version=str(value["version"]),
            digest=str(value["digest"]),
            resolved_at=datetime.fromisoformat(value["resolvedAt"]),
            created=datetime.fromisoformat(value["created"]) if value["created"] else None,
            deprecated=bool(value["deprecated"]),
            vouched=bool(value["vouched"]),
        )


def archive_path(folder: Path, digest: str) -> Path:
    """Where the archive with a digest lies."""
    return folder / f"{digest.removeprefix('sha256:')}.tgz"


class Resolution:
    """Resolves references of one repository during one poll.

    Args:
        access: names the repository, and the keys of signers.
        repository: answers.
        folder: takes archives.
        proofs: what provenance files have proved.
    """

    def __init__(self, access: ChartAccess, repository: ChartRepository, folder: Path, proofs: Proofs) -> None:
        self._url, self._signers, self._proofs = access.url, access.signers, proofs
        self._repository, self._folder = repository, folder

    def resolve(self, ref: ChartRef, before: ChartTip | None, earlier: Sequence[ChartLock], *, stays: bool) -> ChartTip:
        """The version that a reference means, its archive checked and on disk.

        Args:
            ref: the reference.
            before: what it was resolved to.
            earlier: what is known of versions of this chart, what counts most first.
            stays: keep what was chosen before, as after a restart.

        Raises:
            SourceError: there is none, it is another one than before (`ChartRepublished`) or than pinned, or no answer came.
        """
        if stays and before is not None and self._there(before.digest) and ref.signers is None:
            return before
        locked = next((lock.version for lock in earlier if (lock.range, lock.once) == (ref.version, ref.once)), "")
        version = self._version(ref, before.version if before is not None else locked, stays=stays)
        if not version.digest and not version.urls:  # a registry lists no digests
            version = self._repository.version(ref.name, version.version)
        lock = next((lock for lock in _accepted(ref, earlier) if lock.version == version.version), None)
        if not ref.digest and lock is not None and version.digest not in ("", lock.digest):
            raise self._republished(ref, lock, version.digest)
        digest = ref.digest or (lock.digest if lock is not None else version.digest)
        if not digest or not self._there(digest):
            digest = self._download(ref, version, lock)
        self._verify(ref, replace(version, digest=digest))
        same = next((lock for lock in earlier if (lock.version, lock.digest) == (version.version, digest)), None)
        return ChartTip(
            name=ref.name,
            version=version.version,
            digest=digest,
            resolved_at=same.resolved_at if same is not None else datetime.now(UTC).replace(microsecond=0),
            created=version.created,
            deprecated=version.deprecated,
            vouched=bool(version.digest or ref.digest),
        )

    def _verify(self, ref: ChartRef, version: ChartVersion) -> None:
        """Checks the signatures that a reference demands."""
        if ref.signers is None:
            return
        policy = self._signers.get(ref.signers)
        if isinstance(policy, CosignPolicy):
            self._repository.verify(ref.name, version, policy)
            return
        what = f"{ref.name} {version.version} from {self._url} cannot be verified"
        if isinstance(policy, ProvenancePolicy):
            self._prove(ref.name, version, policy, what)
            return
        why = policy.message if policy is not None else "who has to sign it is not known yet"
        raise SourceError(f"{what}: {why}", reason="Unverified", transient=policy is None or policy.transient)

    def _prove(self, name: str, version: ChartVersion, policy: ProvenancePolicy, what: str) -> None:
        """Checks the provenance file of a version, once for these keys."""
        if self._proofs.has(name, version, policy):
            return
        try:
            prove(self._repository.provenance(name, version), name, version, policy)
        except SourceError as error:
            if error.reason != "Unverified":
                raise
            raise SourceError(f"{what}: {error.message}", reason=error.reason, transient=error.transient) from error
        self._proofs.add(name, version, policy)

    def _there(self, digest: str) -> bool:
        return archive_path(self._folder, digest).is_file()

    def _version(self, ref: ChartRef, present: str, *, stays: bool) -> ChartVersion:
        """The version, the present one where it stays."""
        if exact(ref.version):
            try:
                return self._repository.version(ref.name, ref.version)
            except SourceError as error:
                if error.reason != "ChartNotFound":
                    raise
        versions = self._repository.versions(ref.name)
        if stays and present:
            kept = next((version for version in versions if version.version == present), None)
            if kept is not None:
                return kept
        return choose(versions, ref.version, name=ref.name, present=present)

    def _download(self, ref: ChartRef, version: ChartVersion, lock: ChartLock | None) -> str:
        """Downloads, checks and keeps an archive; returns its digest."""
        data = self._repository.archive(ref.name, replace(version, digest="") if ref.digest else version)
        digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
        if ref.digest and digest != ref.digest:
            text = f"{ref.name} {version.version} from {self._url}: the spec says {ref.digest}, the archive is {digest}"
            raise SourceError(text, reason="ChartDigestMismatch", chart=ref.name, pinned=ref.digest, archive=digest)
        if not ref.digest and lock is not None and digest != lock.digest:
            raise self._republished(ref, lock, digest)
        unpack(data, ref.name)
        try:
            replace_file(archive_path(self._folder, digest), data)
        except OSError as error:
            raise disk_error(error) from error
        return digest

    def _republished(self, ref: ChartRef, lock: ChartLock, digest: str) -> SourceError:
        what = (
            f"{ref.name} {lock.version} from {self._url} was {lock.digest} on {lock.resolved_at:%Y-%m-%d} and is {digest} now"
        )
        change = Republication(repository=self._url, name=ref.name, version=lock.version, before=lock.digest, digest=digest)
        if ref.once:
            accept = "depend on another version by a new lock, or put the chart into charts/ to accept it"
            text = f"{what}: what was fetched stays; {accept}"
            return SourceError(text, reason=REPUBLISHED)
        held = f"held (plan {change.hash[:12]}); approve this plan, or name the version with the new digest in the chart's spec"
        error = SourceError(f"{what}: what was followed stays, {held}", reason=REPUBLISHED)
        error.facts |= change.to_json()
        return error


def _accepted(ref: ChartRef, earlier: Sequence[ChartLock]) -> Sequence[ChartLock]:
    """What is known of versions, first what a person accepted."""
    if not ref.accepted:
        return earlier
    version, _, digest = ref.accepted.rpartition("@")
    at = next((lock.resolved_at for lock in earlier if lock.digest == digest), datetime.now(UTC).replace(microsecond=0))
    return (ChartLock(name=ref.name, range="", version=version, digest=digest, resolved_at=at), *earlier)
