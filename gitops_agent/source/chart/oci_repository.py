"""Charts in registries: a chart is a repository, a version a tag.

Helm's conventions: `+` of a version is `_` in its tag, one layer holds the archive, the media type of the configuration says
that it is a chart. The digest of a version is that of its archive, as in an index, so one version means the same wherever it is
mirrored. A tag that leads to the same manifest as before costs one request without a body.
"""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime

from gitops_agent.errors import SourceError
from gitops_agent.oci import blob, manifest
from gitops_agent.oci.cosign.policy import CosignPolicy, verify
from gitops_agent.oci.login import ANONYMOUS, Login, from_docker_config
from gitops_agent.oci.manifest import Descriptor, Manifest
from gitops_agent.oci.reference import Reference, is_tag
from gitops_agent.oci.registry import Registries, Registry
from gitops_agent.oci.tags import TagLists
from gitops_agent.source.chart.credentials import ChartCredentials
from gitops_agent.source.chart.provenance import LONGEST
from gitops_agent.source.chart.repository import LARGEST_ARCHIVE, ChartAccess, ChartVersion
from gitops_agent.source.paths import shown
from gitops_agent.source.semver import Version

CONFIG = "application/vnd.cncf.helm.config.v1+json"
LAYERS = ("application/vnd.cncf.helm.chart.content.v1.tar+gzip", "application/tar+gzip")
"""Media types of the archive; the second one is what early versions of Helm pushed."""
PROVENANCE = "application/vnd.cncf.helm.chart.provenance.v1.prov"
"""Media type of a provenance file."""
_CREATED = "org.opencontainers.image.created"
_MOST_MANIFESTS = 2000


class RegistryState:
    """What is kept of registries between polls; thread-safe.

    Args:
        registries: tokens and pauses.
    """

    def __init__(self, registries: Registries | None = None) -> None:
        self.registries = registries or Registries()
        self.tags = TagLists()
        self._lock = threading.Lock()
        self._manifests: dict[tuple[Reference, str], Manifest] = {}
        self._verified: dict[tuple[Reference, str], frozenset[CosignPolicy]] = {}

    def verify(self, registry: Registry, digest: str, policy: CosignPolicy) -> None:
        """Checks the signatures of a manifest, once for each policy.

        Raises:
            SourceError: reason `Unverified` where too few trusted keys signed it.
        """
        key = (registry.reference, digest)
        with self._lock:
            if policy in self._verified.get(key, frozenset()):
                return
        verify(registry, digest, policy)
        with self._lock:
            while len(self._verified) >= _MOST_MANIFESTS:
                del self._verified[next(iter(self._verified))]
            self._verified[key] = self._verified.get(key, frozenset()) | {policy}

    def manifest(self, registry: Registry, digest: str) -> Manifest:
        """The manifest with a digest, which never changes."""
        key = (registry.reference, digest)
        with self._lock:
            kept = self._manifests.get(key)
        if kept is not None:
            return kept
        read = manifest.fetch(registry, digest)
        with self._lock:
            while len(self._manifests) >= _MOST_MANIFESTS:
                del self._manifests[next(iter(self._manifests))]
            self._manifests[key] = read
        return read


class OciRepository:
    """Reads one repository during one poll; implements `ChartRepository`.

    Args:
        access: the repository and its credentials.
        state: what is kept between polls.
    """

    def __init__(self, access: ChartAccess, state: RegistryState) -> None:
        self._access, self._state = access, state
        self._base = Reference.parse(access.url)

    def versions(self, name: str) -> tuple[ChartVersion, ...]:
        """See `ChartRepository`; digests are not listed in registries."""
        registry = self._registry(name)
        try:
            tags = self._state.tags.read(registry)
        except SourceError as error:
            if error.reason != "RevisionNotFound":
                raise
            text = f"{self._access.url} has no chart {shown(name)}"
            raise SourceError(text, reason="ChartNotFound", chart=shown(name)) from error
        versions = (tag.replace("_", "+") for tag in tags)
        return tuple(ChartVersion(version=version) for version in versions if Version.parse(version) is not None)

    def version(self, name: str, version: str) -> ChartVersion:
        """See `ChartRepository`."""
        _, chart, content = self._read(name, version)
        return ChartVersion(version=version, digest=content.digest, created=_moment(chart.annotations.get(_CREATED, "")))

    def archive(self, name: str, version: ChartVersion) -> bytes:
        """See `ChartRepository`."""
        registry, _, content = self._read(name, version.version)
        what = f"{shown(name)} {shown(version.version)} from {self._access.url}"
        if version.digest not in ("", content.digest):
            text = f"{what}: the archive was {version.digest} and is {content.digest} now"
            raise SourceError(text, reason="ChartDigestMismatch", chart=shown(name), archive=content.digest)
        if content.size > LARGEST_ARCHIVE:
            raise SourceError(f"{what}: the archive has more than {LARGEST_ARCHIVE >> 20} MiB", reason="ChartTooLarge")
        return blob.fetch(registry, content, longest=LARGEST_ARCHIVE)

    def provenance(self, name: str, version: ChartVersion) -> bytes:
        """See `ChartRepository`; the file is a layer beside the archive."""
        registry, chart, content = self._read(name, version.version)
        layers = [layer for layer in chart.layers if layer.media_type == PROVENANCE]
        if content.digest != version.digest:
            text = f"the provenance file beside it is that of {content.digest}"
            raise SourceError(text, reason="Unverified", archive=content.digest)
        if len(layers) != 1:
            text = "it has no provenance file in the registry" if not layers else "it has several provenance files"
            raise SourceError(text, reason="Unverified", archive=content.digest)
        if layers[0].size > LONGEST:
            raise SourceError("its provenance file is too large", reason="ChartTooLarge")
        return blob.fetch(registry, layers[0], longest=LONGEST)

    def verify(self, name: str, version: ChartVersion, policy: CosignPolicy) -> None:
        """See `ChartRepository`."""
        registry, chart, content = self._read(name, version.version)
        if content.digest != version.digest:
            text = f"{shown(name)} {shown(version.version)} from {self._access.url} is {content.digest}, not {version.digest}"
            raise SourceError(f"{text}: no signature of that is known", reason="Unverified", archive=content.digest)
        self._state.verify(registry, chart.digest, policy)

    def _read(self, name: str, version: str) -> tuple[Registry, Manifest, Descriptor]:
        """The manifest of a version, and the layer with its archive."""
        registry = self._registry(name)
        tag = version.replace("+", "_")
        digest = manifest.resolve(registry, tag) if is_tag(tag) else None
        if digest is None:
            text = f"{self._access.url} has no version {shown(version)} of {shown(name)}"
            raise SourceError(text, reason="ChartNotFound", chart=shown(name), version=shown(version))
        chart = self._state.manifest(registry, digest)
        layers = [layer for layer in chart.layers if layer.media_type in LAYERS]
        if chart.config is None or chart.config.media_type != CONFIG or len(layers) != 1:
            kind = shown(chart.config.media_type if chart.config is not None else chart.media_type)
            text = f"{registry.reference}:{tag} is no Helm chart: it is {kind}, with {len(layers)} layers that hold charts"
            raise SourceError(text, reason="ChartInvalid", chart=shown(name))
        return registry, chart, layers[0]

    def _registry(self, name: str) -> Registry:
        reference = self._base.below(name)
        return Registry(reference, _login(reference, self._access), shared=self._state.registries)


def _login(reference: Reference, access: ChartAccess) -> Login:
    """The credentials as a registry takes them.

    Raises:
        SourceError: reason `InvalidSpec`.
    """
    credentials = access.credentials or ChartCredentials()
    if credentials.cert:
        text = "the secret cannot be used: client certificates (tls.crt, tls.key) are not sent to registries"
        raise SourceError(text, reason="InvalidSpec")
    if credentials.docker_config:
        login = from_docker_config(credentials.docker_config.encode(), reference)
    else:
        login = replace(
            ANONYMOUS,
            username=credentials.username,
            password=credentials.password,
            bearer_token=credentials.bearer_token,
        )
    return replace(login, ca=credentials.ca.encode(), hosts=access.secret, token_hosts=access.hosts)


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
