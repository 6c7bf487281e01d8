"""Transport to the Kubernetes API: official credentials over a raw connection pool.

Problem: the official client's typed calls cost several times the CPU of the request itself and reject fields they do not know;
its retries are hidden, and its watches lose their place. Decision: use it for what is hard (kubeconfig, in-cluster tokens,
plugins, TLS, proxies) and send bytes ourselves. urllib3 never retries here: reads are repeated by us when the connection
breaks, writes are repeated by the caller's queue, which knows whether they are still wanted.
"""

from __future__ import annotations

import os
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self
from urllib.parse import urlencode, urlsplit

import orjson
import urllib3
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    InsecureRequestWarning,
    NewConnectionError,
    ProtocolError,
    ReadTimeoutError,
    SSLError,
)

from gitops_agent.backoff import Backoff
from gitops_agent.cluster import api_errors
from gitops_agent.cluster.deferred_imports import deferred_imports
from gitops_agent.cluster.identity import ClusterIdentity
from gitops_agent.cluster.request_stats import RequestStats, describe
from gitops_agent.cluster.stream import Stream
from gitops_agent.errors import Forbidden, Unavailable, UsageError

if TYPE_CHECKING:
    from kubernetes.client.configuration import Configuration

JSON = "application/json"
APPLY = "application/apply-patch+yaml"
JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"

_CONNECT_SECONDS = 10.0
_CREDENTIALS_SECONDS = 1.0
_RELOAD_SECONDS = 5.0
_READ_ATTEMPTS = 3
_BACKOFF = Backoff(first_seconds=0.1, longest_seconds=0.1, floor=0.0)
_WHOLE_BYTES = 1 << 20
_CHUNK_BYTES = 1 << 16
_SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")


class Answer(NamedTuple):
    """A success: the status, the headers (any case) and the body's bytes."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Transport:
    """Authenticated requests to one API server; safe to share between threads.

    Args:
        load: reads the credentials; called at the start and again when the server no longer accepts them.
        pool: how many connections are kept open for requests; streams have connections of their own.
    """

    def __init__(self, load: Callable[[], Configuration], *, pool: int = 64) -> None:
        self.load = load
        self._pool_size = pool
        self._lock = threading.Lock()
        self._pause = threading.Event()
        self._credentials: dict[str, str] = {}
        self._credentials_until = 0.0
        self._reloaded = time.monotonic()
        self.traffic = RequestStats()
        self.identity = ClusterIdentity(self)
        self._connect()

    @classmethod
    def from_kubeconfig(cls, path: str | Path | None = None, context: str | None = None, *, pool: int = 64) -> Self:
        """A transport from a kubeconfig.

        From `$KUBECONFIG`, else `~/.kube/config`, when no path is given.

        Raises:
            UsageError: there is none or it cannot be used.
        """
        with deferred_imports():
            from kubernetes import config
            from kubernetes.client.configuration import Configuration

        where = str(path or os.environ.get("KUBECONFIG") or Path("~/.kube/config").expanduser())

        def load() -> Configuration:
            configuration = Configuration()
            try:
                config.load_kube_config(  # type: ignore[no-untyped-call]
                    where, context=context, client_configuration=configuration, persist_config=False
                )
            except Exception as error:  # noqa: BLE001 - the YAML library's errors come through as they are
                raise UsageError(f"the kubeconfig {where} cannot be used: {_fault(error)}") from None
            return configuration

        return cls(load, pool=pool)

    @classmethod
    def in_cluster(cls, *, pool: int = 64, account: Path = _SERVICE_ACCOUNT, environ: Mapping[str, str] | None = None) -> Self:
        """A transport with the pod's ServiceAccount and its rotated token.

        Raises:
            UsageError: this process does not run in a pod.
        """
        with deferred_imports():
            from kubernetes.client.configuration import Configuration
            from kubernetes.config.config_exception import ConfigException
            from kubernetes.config.incluster_config import InClusterConfigLoader

        def load() -> Configuration:
            configuration = Configuration()
            loader = InClusterConfigLoader(  # type: ignore[no-untyped-call]
                token_filename=str(account / "token"), cert_filename=str(account / "ca.crt"), environ=environ or os.environ
            )
            try:
                loader.load_and_set(configuration)  # type: ignore[no-untyped-call]
            except (ConfigException, OSError) as error:
                raise UsageError(f"the pod's ServiceAccount cannot be used: {error}") from None
            return configuration

        return cls(load, pool=pool)

    @classmethod
    def auto(cls, path: str | Path | None = None, context: str | None = None, *, pool: int = 64) -> Self:
        """A kubeconfig when one is named or exists, else the pod's ServiceAccount.

        Raises:
            UsageError: neither is there.
        """
        named = path or context or os.environ.get("KUBECONFIG")
        if named or (not os.environ.get("KUBERNETES_SERVICE_HOST") and Path("~/.kube/config").expanduser().exists()):
            return cls.from_kubeconfig(path, context, pool=pool)
        if os.environ.get("KUBERNETES_SERVICE_HOST"):
            return cls.in_cluster(pool=pool)
        raise UsageError("no cluster is given: set KUBECONFIG, pass --kubeconfig, or run in a pod with a ServiceAccount")

    @property
    def host(self) -> str:
        """The URL of the API server."""
        return self._host

    @property
    def count(self) -> dict[tuple[str, str], int]:
        """How many requests were sent, by (verb, plural.group): `("patch", "deployments.apps")`."""
        return self.traffic.counts()

    def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        content_type: str = JSON,
        accept: str = JSON,
        timeout: float = 30.0,
        as_user: str | None = None,
    ) -> Any:
        """The parsed answer, or None when it is empty.

        Args:
            method: GET, POST, PUT, PATCH or DELETE.
            path: starts with a slash, already quoted.
            query: parameters.
            body: a JSON value, or bytes that are sent as they are.
            content_type: of the body.
            accept: the media type requested.
            timeout: seconds for everything together.
            as_user: who to impersonate.

        Raises:
            ClusterError: the server refused (by class), or gave no answer (`Unavailable`).
        """
        answer = self.exchange(
            method, path, query=query, body=body, content_type=content_type, accept=accept, timeout=timeout, as_user=as_user
        )
        if not answer.body:
            return None
        try:
            return orjson.loads(answer.body)
        except orjson.JSONDecodeError:
            raise Unavailable(
                f"{self._host} answered {method} {path} with something that is not JSON", status=answer.status, code="NotJSON"
            ) from None

    def exchange(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        content_type: str = JSON,
        accept: str = JSON,
        timeout: float = 30.0,
        as_user: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Like `request`, with headers and an unparsed body.

        304 counts as a success. A body that the server would not read is `Invalid`.
        """
        deadline = time.monotonic() + timeout
        sent = body if body is None or isinstance(body, bytes) else orjson.dumps(body)
        if sent is not None:
            api_errors.check_size(sent)
        call = describe(method, path, query)
        extra = {"accept": accept, **(headers or {}), **_impersonation(as_user)}
        if sent is not None:
            extra["content-type"] = content_type
        target = f"{path}?{urlencode(query)}" if query else path
        attempts = _READ_ATTEMPTS if method == "GET" else 1
        renewed = False
        while True:
            self.traffic.add(call)
            attempts -= 1
            try:
                answer = self._once(method, target, sent, extra, deadline)
            except HTTPError as error:
                refused = self._failed(error, method, path)
                if attempts <= 0 or isinstance(error, ReadTimeoutError) or time.monotonic() >= deadline:
                    raise refused from error
                self._pause.wait(_BACKOFF.pause(1))
                continue
            if answer.status < 300 or answer.status == 304:  # noqa: PLR2004 - HTTP
                return answer
            if answer.status == 401 and not renewed and self._reload():  # noqa: PLR2004 - HTTP
                renewed, attempts = True, attempts + 1
                continue
            secret = call.resource == "secrets" or (isinstance(body, dict) and body.get("kind") == "Secret")
            described = api_errors.Request(
                method=method, path=path, server=self._host, named=call.named, secret=secret, body=body
            )
            raise api_errors.of(answer.status, answer.headers, answer.body, described)

    def stream(
        self,
        path: str,
        query: Mapping[str, str] | None = None,
        *,
        read_timeout: float,
        open_timeout: float = 30.0,
        accept: str = JSON,
        as_user: str | None = None,
    ) -> Stream:
        """An open stream of JSON lines.

        Args:
            path: starts with a slash.
            query: parameters.
            read_timeout: seconds without a byte until the stream counts as hung.
            open_timeout: seconds until the server must have begun to answer.
            accept: the media type requested.
            as_user: who to impersonate.

        Raises:
            ClusterError: the server refused, or gave no answer.
        """
        call = describe("GET", path, query)
        target = f"{path}?{urlencode(query)}" if query else path
        timeout = urllib3.Timeout(connect=min(open_timeout, _CONNECT_SECONDS), read=open_timeout)
        renewed = False
        while True:
            self.traffic.add(call)
            headers = {"accept": accept, **_impersonation(as_user), **self._authorization()}
            try:
                response = self._streams.open("GET", target, None, headers=headers, timeout=timeout)
                if response.status == 200:  # noqa: PLR2004 - HTTP
                    return Stream(response, read_timeout=read_timeout, what=f"{self._host}{path}")
                body = response.read()
            except HTTPError as error:
                raise self._failed(error, "GET", path) from error
            if response.status == 401 and not renewed and self._reload():  # noqa: PLR2004 - HTTP
                renewed = True
                continue
            sent = api_errors.Request(method="GET", path=path, server=self._host, secret=call.resource == "secrets")
            raise api_errors.of(response.status, response.headers, body, sent)

    def close(self) -> None:
        """Closes idle connections; the transport stays usable."""
        self._requests.close()
        self._streams.close()

    def _connect(self) -> None:
        from kubernetes.client.rest import RESTClientObject

        configuration = self.load()
        configuration.connection_pool_maxsize = self._pool_size
        configuration.keep_alive = True
        configuration.retries = None
        if not configuration.verify_ssl:
            urllib3.disable_warnings(InsecureRequestWarning)
        self._host = configuration.host.rstrip("/")
        self._requests = _Connections(RESTClientObject(configuration).pool_manager, self._host)
        self._streams = _Connections(RESTClientObject(configuration).pool_manager, self._host)
        self._configuration = configuration
        self._credentials_until = 0.0

    def _reload(self) -> bool:
        """Reloads the credentials, rate-limited; returns whether a retry makes sense."""
        with self._lock:
            now = time.monotonic()
            if now - self._reloaded < _RELOAD_SECONDS:
                return False
            self._reloaded = now
            try:
                self._connect()
            except UsageError:
                return False
            return True

    def _authorization(self) -> dict[str, str]:
        """The Authorization header, refreshed by the official client once a second."""
        with self._lock:
            now = time.monotonic()
            if now < self._credentials_until:
                return self._credentials
            try:
                token = self._configuration.auth_settings().get("BearerToken")
            except Exception as error:  # noqa: BLE001 - plugins and files fail in many ways
                # A token file that is being replaced, a plugin that failed: what we have may still be good.
                if not self._credentials:
                    raise Unavailable(f"the credentials cannot be read: {_fault(error)}", code="Credentials") from None
            else:
                self._credentials = {token["key"]: str(token["value"])} if token and token["value"] else {}
            self._credentials_until = now + _CREDENTIALS_SECONDS
            return self._credentials

    def _once(self, method: str, target: str, sent: bytes | None, extra: dict[str, str], deadline: float) -> Answer:
        left = max(0.001, deadline - time.monotonic())
        timeout = urllib3.Timeout(total=left, connect=min(left, _CONNECT_SECONDS))
        headers = extra | self._authorization()
        response = self._requests.open(method, target, sent, headers=headers, timeout=timeout)
        length = response.headers.get("content-length", "")
        if length.isdigit() and int(length) <= _WHOLE_BYTES:
            return Answer(response.status, response.headers, response.read())
        parts: list[bytes] = []
        for part in response.stream(_CHUNK_BYTES):
            parts.append(part)
            if time.monotonic() > deadline:
                response.close()
                raise ReadTimeoutError(None, target, "the answer did not end in time")  # type: ignore[arg-type]
        return Answer(response.status, response.headers, b"".join(parts))

    def _failed(self, error: HTTPError, method: str, path: str) -> Unavailable:
        failure = unanswered(error, self._host, f"{method} {path}")
        if failure.code == "TLS":
            self._reload()
        return failure


def unanswered(error: HTTPError, server: str, call: str) -> Unavailable:
    """Why there was no answer; `call` is the method and the path."""
    if isinstance(error, SSLError | ProtocolError) and not _distrusted(error):
        return Unavailable(f"the connection to {server} broke during {call}", code="ConnectionTorn")
    if isinstance(error, SSLError):
        return Unavailable(f"{server} cannot be trusted: {_first_line(error)}", code="TLS")
    if isinstance(error, ReadTimeoutError):
        return Unavailable(f"{server} did not answer {call} in time", code="Timeout")
    if isinstance(error, ConnectTimeoutError) and not isinstance(error, NewConnectionError):
        return Unavailable(f"{server} did not accept a connection in time", code="ConnectTimeout")
    return Unavailable(f"{server} cannot be reached: {_first_line(error)}", code="Unreachable")


def _distrusted(error: HTTPError) -> bool:
    """Whether TLS failed for another reason than a connection that ended early."""
    return isinstance(error, SSLError) and not isinstance(error.args[0] if error.args else None, ssl.SSLEOFError)


class _Connections:
    """The pooled connections to one server.

    Without the detour over a manager of many, which costs a sixth of a request's CPU.
    """

    def __init__(self, manager: urllib3.PoolManager, host: str) -> None:
        self.manager = manager
        self._host = host
        # Only a plain-text proxy wants whole URLs; some servers live below a path.
        self._prefix = host if manager.proxy is not None and host.startswith("http:") else urlsplit(host).path
        self._pool = manager.connection_from_url(host)

    def open(
        self, method: str, target: str, sent: bytes | None, *, headers: dict[str, str], timeout: urllib3.Timeout
    ) -> urllib3.BaseHTTPResponse:
        """The head of an answer."""
        return self._pool.urlopen(
            method,
            self._prefix + target,
            body=sent,
            headers=headers,
            timeout=timeout,
            retries=False,
            redirect=False,
            assert_same_host=False,
            preload_content=False,
        )

    def close(self) -> None:
        """Closes what is idle."""
        self.manager.clear()
        self._pool = self.manager.connection_from_url(self._host)


def _impersonation(as_user: str | None) -> dict[str, str]:
    """Headers that impersonate another user.

    For a ServiceAccount the server itself adds the groups it has, so naming the account needs nothing but the permission to
    impersonate that one account; sending groups would need permission to impersonate groups.
    """
    if as_user is None:
        return {}
    if not as_user or "\n" in as_user or "\r" in as_user:
        raise Forbidden(f"{as_user!r} is nobody to impersonate", code="Impersonation")
    return {"Impersonate-User": as_user}


def _fault(error: Exception) -> str:
    """Describes a fault of credentials without quoting them.

    The client's own texts may repeat whole users.
    """
    text = str(error)
    for start in ("Expected key ", "Expected object with name ", "File does not exist: ", "No configuration found"):
        at = text.find(start)
        if at >= 0:
            return text[at:].partition(" in ")[0].strip().rstrip(".")[:200]
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return f"it is damaged ({type(error).__name__})"


def _first_line(error: Exception) -> str:
    text = str(error).splitlines()[0] if str(error) else type(error).__name__
    return text.rpartition("): ")[2][:300] if "): " in text else text[:300]
