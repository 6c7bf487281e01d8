"""Headers of every answer, and the checks of every request.

Nothing inline and nothing foreign runs on the page, no page frames it, and a request of another site is refused even where its
cookie came along: by SameSite, by Sec-Fetch-Site, by the content type and by the Origin, each of which alone would do. The Host
has to be one of ours, or a foreign name that resolves to this address could read everything (DNS rebinding).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from gitops_agent.server.http.problems import RequestProblem

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'; require-trusted-types-for 'script'"
)
SECURITY = {
    "content-security-policy": _POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}
"""On every answer."""

HSTS = {"strict-transport-security": "max-age=31536000"}
"""On answers over TLS."""

_LOCAL = frozenset({"localhost", "127.0.0.1", "[::1]"})
_SAFE = frozenset({"GET", "HEAD"})
_OWN_SITE = frozenset({"same-origin", "none", ""})
URL_BYTES = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Origins:
    """The names that the server answers to.

    Attributes:
        hosts: names, with their port where it is not that of the scheme.
        local: whether the names of this machine are among them, with any port: what an attacker's site cannot have.
    """

    hosts: frozenset[str] = frozenset()
    local: bool = True

    def check(self, method: str, path: str, headers: Mapping[str, str]) -> None:
        """Refuses requests of other sites and to other names.

        Raises:
            RequestProblem: with the reason.
        """
        host = headers.get("host", "").lower()
        if not self._is_ours(host):
            raise RequestProblem(
                421,
                f"this server does not answer to the name {host[:80] or '(none)'}: set server.externalURL or "
                "dashboard.allowedHosts",
                reason="Forbidden",
            )
        if len(path) > URL_BYTES:
            raise RequestProblem(414, f"the address is longer than {URL_BYTES} bytes", reason="Invalid")
        if method in _SAFE:
            return
        if headers.get("sec-fetch-site", "") not in _OWN_SITE:
            raise RequestProblem(403, "a page of another site sent this request", reason="Forbidden")
        origin = headers.get("origin")
        if origin is not None and urlsplit(origin).netloc.lower() != host:
            raise RequestProblem(403, "the Origin of this request is not the Host it was sent to", reason="Forbidden")
        if method != "DELETE" and headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            raise RequestProblem(415, "send application/json", reason="Invalid")

    def _is_ours(self, host: str) -> bool:
        name = host.rpartition(":")[0] if ":" in host.rpartition("]")[2] else host
        return host in self.hosts or (self.local and name in _LOCAL)
