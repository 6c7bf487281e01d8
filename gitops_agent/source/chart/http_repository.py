"""A chart repository on a web server: an index and archives.

The index decides where archives are, and a server where a request leads, so credentials follow neither: they go to the origin
of the repository and to hosts that the spec lists. Every request is one connection with one deadline, and every answer has a
largest size; what is longer is refused, what is torn is tried again.
"""

from __future__ import annotations

import hashlib
import zlib
from datetime import UTC, datetime
from urllib.parse import urljoin, urlsplit

from gitops_agent.errors import SourceError
from gitops_agent.httpclient.allowed_hosts import ANYWHERE
from gitops_agent.httpclient.client import HttpClient
from gitops_agent.httpclient.message import Answer, DeliveryError, Request
from gitops_agent.httpclient.retry_after import retry_after
from gitops_agent.oci.cosign.policy import CosignPolicy
from gitops_agent.source.chart.chart_ref import loopback
from gitops_agent.source.chart.credentials import may_receive
from gitops_agent.source.chart.index import LARGEST_INDEX
from gitops_agent.source.chart.index_cache import IndexCache
from gitops_agent.source.chart.provenance import LONGEST
from gitops_agent.source.chart.repository import LARGEST_ARCHIVE, ChartAccess, ChartVersion
from gitops_agent.source.paths import shown

_REDIRECTS = (301, 302, 303, 307, 308)
_MOST_REDIRECTS = 5
_RATIO = 100
_SMALL = 1024 * 1024
_OK, _UNCHANGED, _NOT_FOUND, _GONE, _BUSY, _SERVER = 200, 304, 404, 410, 429, 500
_REFUSED = (401, 403)


class HttpRepository:
    """Reads one repository during one poll; implements `ChartRepository`.

    Args:
        access: the repository and its credentials.
        cache: its last index.
        client: sends requests.

    Raises:
        SourceError: reason `InvalidSpec`, for credentials that are not used.
    """

    def __init__(self, access: ChartAccess, cache: IndexCache, client: HttpClient) -> None:
        if access.credentials is not None and access.credentials.cert:
            text = "the secret cannot be used: client certificates (tls.crt, tls.key) are not sent to chart repositories"
            raise SourceError(text, reason="InvalidSpec")
        self._access, self._cache, self._client = access, cache, client
        self._base = access.url.rstrip("/") + "/"
        self._asked = False
        self._unsent = ""

    def versions(self, name: str) -> tuple[ChartVersion, ...]:
        """See `ChartRepository`; the index is fetched once."""
        if not self._asked:
            self._fetch_index()
            self._asked = True
        versions = self._cache.versions(name)
        if not versions:
            raise SourceError(f"{self._access.url} has no chart {shown(name)}", reason="ChartNotFound", chart=shown(name))
        return versions

    def version(self, name: str, version: str) -> ChartVersion:
        """See `ChartRepository`."""
        for listed in self.versions(name):
            if listed.version == version:
                return listed
        text = f"{self._access.url} has no version {shown(version)} of {shown(name)}"
        raise SourceError(text, reason="ChartNotFound", chart=shown(name), version=shown(version))

    def verify(self, name: str, version: ChartVersion, policy: CosignPolicy) -> None:
        """See `ChartRepository`; cosign signs in registries only."""
        text = (
            f"{shown(name)} {shown(version.version)} from {self._access.url} has no signatures: cosign signs in registries only"
        )
        raise SourceError(text, reason="Unverified", keys=len(policy.keys))

    def provenance(self, name: str, version: ChartVersion) -> bytes:
        """See `ChartRepository`; the file lies beside the archive."""
        what = f"{shown(name)} {shown(version.version)}"
        if not version.urls:
            raise SourceError(f"the index names no archive of {what}", reason="ChartNotFound", chart=shown(name))
        parts = urlsplit(_joined(self._base, version.urls[0]))
        answer = self._get(parts._replace(path=f"{parts.path}.prov").geturl(), longest=LONGEST)
        if answer.status in (_NOT_FOUND, _GONE):
            raise SourceError("it has no provenance file (.prov) beside its archive", reason="Unverified", chart=shown(name))
        self._check(answer, f"the provenance file of {what}", LONGEST, "ChartTooLarge")
        return answer.body

    def archive(self, name: str, version: ChartVersion) -> bytes:
        """See `ChartRepository`."""
        what = f"{shown(name)} {shown(version.version)}"
        if not version.urls:
            raise SourceError(f"the index names no archive of {what}", reason="ChartNotFound", chart=shown(name))
        answer = self._get(_joined(self._base, version.urls[0]), longest=LARGEST_ARCHIVE)
        if answer.status in (_NOT_FOUND, _GONE):
            text = f"the index lists {what}, but its archive is not there (status {answer.status})"
            raise SourceError(text, reason="ChartNotFound", transient=True, chart=shown(name))
        self._check(answer, f"the archive of {what}", LARGEST_ARCHIVE, "ChartTooLarge")
        digest = f"sha256:{hashlib.sha256(answer.body).hexdigest()}"
        if version.digest and digest != version.digest:
            text = (
                f"{what} from {self._access.url}: the index says {version.digest}, the archive is {digest}; "
                "pin the digest to accept it"
            )
            raise SourceError(text, reason="ChartDigestMismatch", chart=shown(name), index=version.digest, archive=digest)
        return answer.body

    def _fetch_index(self) -> None:
        conditions = self._cache.conditions
        url = urljoin(self._base, "index.yaml")
        answer = self._get(url, longest=LARGEST_INDEX, headers={"Accept-Encoding": "gzip", **conditions})
        if answer.status == _UNCHANGED and conditions:
            return
        if answer.status in (_NOT_FOUND, _GONE):
            text = f"there is no {url}: check the address of the repository"
            raise SourceError(text, reason="SourceFailed", transient=True, failure="not-found")
        self._check(answer, "the index", LARGEST_INDEX, "IndexTooLarge")
        body = _decoded(answer)
        self._cache.store(body, etag=answer.headers.get("etag", ""), modified=answer.headers.get("last-modified", ""))

    def _get(self, url: str, *, longest: int, headers: dict[str, str] | None = None) -> Answer:
        """Gets a URL, following redirects without taking credentials along.

        Raises:
            SourceError: it may not be asked, or gives no answer.
        """
        access = self._access
        credentials = access.credentials
        self._unsent = ""
        for _ in range(_MOST_REDIRECTS + 1):
            _check_url(url)
            sent, secret = dict(headers or {}), ANYWHERE
            if credentials is not None and credentials.authorization:
                if may_receive(url, access.url, access.hosts):
                    sent["Authorization"], secret = credentials.authorization, access.secret
                else:
                    self._unsent = urlsplit(url).hostname or ""
            authority = credentials.ca.encode() if credentials is not None else b""
            request = Request(method="GET", url=url, headers=sent, body=b"")
            try:
                answer = self._client.send(request, authority=authority, secret=secret, longest=longest)
            except DeliveryError as error:
                text = f"{access.url} cannot be read: {error}"
                raise SourceError(text, reason="SourceUnavailable", transient=True, failure="unreachable") from error
            location = answer.headers.get("location", "")
            if answer.status not in _REDIRECTS or not location:
                return answer
            url = _joined(url, location)
        text = f"{access.url} redirects more than {_MOST_REDIRECTS} times"
        raise SourceError(text, reason="SourceFailed", transient=True, failure="redirects")

    def _check(self, answer: Answer, what: str, longest: int, too_large: str) -> None:
        """Accepts a whole answer with a body.

        Raises:
            SourceError: it is none.
        """
        url = self._access.url
        if answer.status in _REFUSED:
            if self._unsent:
                host = urlsplit(url).hostname
                text = (
                    f"{host} leads to {self._unsent}, which asks for credentials: list it in hosts of the chart to send them "
                    "there"
                )
                raise SourceError(text, reason="CredentialsNotSent", host=self._unsent)
            text = f"{url} refuses {what} (status {answer.status}): " + (
                "check the Secret that secretRef names" if self._access.credentials else "name a Secret in secretRef"
            )
            raise SourceError(text, reason="AuthenticationFailed", failure="authentication")
        if answer.status == _BUSY or answer.status >= _SERVER:
            pause = retry_after(answer.headers, datetime.now(UTC))
            text = f"{url} gives no {what.removeprefix('the ')} now (status {answer.status})"
            busy = SourceError(text, reason="SourceUnavailable", transient=True, failure="status")
            if pause is not None:
                busy.facts["retry_after"] = pause
            raise busy
        if answer.status != _OK:
            text = f"{url} gives no {what.removeprefix('the ')} (status {answer.status})"
            raise SourceError(text, reason="SourceFailed", transient=True, failure="status")
        if not answer.complete:
            if len(answer.body) >= longest:
                text = f"{url}: {what} has more than {longest // _SMALL} MiB"
                raise SourceError(text, reason=too_large)
            text = f"{url}: {what} did not arrive whole"
            raise SourceError(text, reason="SourceUnavailable", transient=True, failure="torn")


def _joined(base: str, url: str) -> str:
    try:
        return urljoin(base, url)
    except ValueError:
        raise SourceError("the repository leads to an address that is no URL", reason="SourceFailed") from None


def _check_url(url: str) -> None:
    """Accepts the address of a request.

    Raises:
        SourceError: it is neither https nor this machine, or holds credentials.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme != "https" and not (parts.scheme == "http" and loopback(host)):
        text = f"the repository leads to {shown(host)} without https, which proves nothing about the server"
        raise SourceError(text, reason="SourceFailed", failure="insecure")
    if "@" in parts.netloc:
        text = f"the repository leads to {shown(host)} with credentials in the address, which are not used"
        raise SourceError(text, reason="SourceFailed", failure="credentials")


def _decoded(answer: Answer) -> bytes:
    """The body without its compression, within limits."""
    encoding = answer.headers.get("content-encoding", "").strip().lower()
    if encoding in ("", "identity"):
        return answer.body
    if encoding not in ("gzip", "x-gzip"):
        raise SourceError(f"the index is encoded as {shown(encoding)}", reason="SourceFailed", failure="encoding")
    longest = min(LARGEST_INDEX, max(_SMALL, _RATIO * len(answer.body)))
    unzip = zlib.decompressobj(wbits=31)
    try:
        text = unzip.decompress(answer.body, longest + 1)
    except zlib.error:
        raise SourceError("the index is not gzipped", reason="SourceFailed", transient=True, failure="encoding") from None
    if len(text) > longest:
        raise SourceError(f"the index unpacks to more than {longest // _SMALL} MiB", reason="IndexTooLarge")
    if not unzip.eof:
        raise SourceError("the index is cut off", reason="SourceUnavailable", transient=True, failure="torn")
    return text
