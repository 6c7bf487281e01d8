"""The HTTP door for other services: one request, one connection, one deadline.

No redirects (a redirect would carry the credentials elsewhere), no proxies from the environment, no cookies, no keep-alive,
certificates are always checked. The deadline is for everything together: a receiver that sends one byte every nine seconds is
as late as one that sends none, so a watchdog shuts the socket.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from http.client import HTTPException

import urllib3.exceptions
from urllib3.connection import HTTPConnection, HTTPSConnection

from gitops_agent.httpclient.allowed_hosts import ANYWHERE, AllowedHosts
from gitops_agent.httpclient.egress import EgressTarget, Resolve, resolve, target
from gitops_agent.httpclient.message import Answer, DeliveryError, Request

ANSWER_BYTES = 65_536
"""What is read of an answer unless its sender asks for more."""
_CHUNK_BYTES = 4096
_AGENT = "gitops-agent"


class HttpClient:
    """Sends requests one at a time; `abort` works from any thread.

    Args:
        timeout_seconds: for one request, from the connection to the end of the answer.
        hosts: those the administrator allows.
        resolver: from a host to its addresses.
    """

    def __init__(self, *, timeout_seconds: float = 10.0, hosts: AllowedHosts = ANYWHERE, resolver: Resolve = resolve) -> None:
        self._timeout = timeout_seconds
        self._hosts, self._resolver = hosts, resolver
        self._lock = threading.Lock()
        self._opened: _Opened | None = None
        self._aborted = False

    def send(
        self, request: Request, *, authority: bytes = b"", secret: AllowedHosts = ANYWHERE, longest: int = ANSWER_BYTES
    ) -> Answer:
        """Sends a request and reads the start of its answer.

        Args:
            request: what is sent.
            authority: PEM of a certificate authority to trust instead of the system's.
            secret: the hosts that may receive the credentials in the request.
            longest: how many bytes of the answer's body are read at most.

        Raises:
            HostRefused: the administrator or the owner of the credentials does not allow the host.
            DeliveryError: it may not go there, or there was no answer in time.
        """
        target_ = target(request.url, hosts=(self._hosts, secret), resolver=self._resolver)
        context = tls_context(authority) if target_.secure else None
        deadline = time.monotonic() + self._timeout
        last: Exception | None = None
        for address in target_.addresses:
            opened = _Opened(_connection(target_, address, context, max(0.1, deadline - time.monotonic())))
            try:
                self._open(opened)
                return self._exchange(opened, target_, request, deadline, longest)
            except _Unreached as error:
                last = error.__cause__ if isinstance(error.__cause__, Exception) else error
                if time.monotonic() >= deadline:
                    break
            finally:
                self._close(opened)
        raise DeliveryError(f"{target_.host} cannot be reached: {failure_words(last)}")

    def abort(self) -> None:
        """Ends the request under way and refuses further ones."""
        with self._lock:
            self._aborted = True
            opened = self._opened
        if opened is not None:
            opened.shut()

    def _open(self, opened: _Opened) -> None:
        with self._lock:
            if self._aborted:
                raise DeliveryError("the agent is stopping")
            self._opened = opened

    def _close(self, opened: _Opened) -> None:
        with self._lock:
            self._opened = None
        opened.connection.close()

    def _exchange(self, opened: _Opened, egress: EgressTarget, request: Request, deadline: float, longest: int) -> Answer:
        connection = opened.connection
        watchdog = threading.Timer(max(0.1, deadline - time.monotonic()), opened.shut)
        watchdog.daemon = True
        watchdog.name = "http-deadline"
        watchdog.start()
        try:
            try:
                connection.connect()
                opened.sock = connection.sock
            except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
                raise _Unreached from error
            try:
                headers = {"Host": egress.authority, "User-Agent": _AGENT, "Connection": "close", **request.headers}
                connection.request(request.method, egress.path, body=request.body, headers=headers, preload_content=False)
                answer = connection.getresponse()
                try:
                    body, complete = _body(answer, longest)
                except (urllib3.exceptions.HTTPError, HTTPException, OSError):
                    body, complete = b"", False  # the status is known: a torn or late body changes nothing about it
                headers = {name.lower(): value for name, value in answer.headers.items()}
                return Answer(status=answer.status, headers=headers, body=body, complete=complete)
            except (urllib3.exceptions.HTTPError, HTTPException, OSError, ValueError) as error:
                late = time.monotonic() >= deadline - 0.05
                words = f"no answer within {self._timeout:g} s" if late else failure_words(error)
                raise DeliveryError(f"{egress.host}: {words}") from None
        finally:
            watchdog.cancel()


class _Opened:
    """A connection and its socket, until the answer is read.

    http.client forgets the socket when the receiver announces that it closes the connection, while the body still arrives.
    """

    def __init__(self, connection: HTTPConnection) -> None:
        self.connection = connection
        self.sock: socket.socket | None = None

    def shut(self) -> None:
        """Ends whatever the connection waits for."""
        opened = self.sock or self.connection.sock
        if opened is not None:
            with contextlib.suppress(OSError):
                opened.shutdown(socket.SHUT_RDWR)


class _Unreached(Exception):
    """No connection to this address: the next one may do."""


def _connection(egress: EgressTarget, address: str, context: ssl.SSLContext | None, timeout: float) -> HTTPConnection:
    if context is None:
        return HTTPConnection(address, egress.port, timeout=timeout)
    return HTTPSConnection(
        address,
        egress.port,
        timeout=timeout,
        ssl_context=context,
        server_hostname=egress.host,
    )


def tls_context(authority: bytes) -> ssl.SSLContext:
    """TLS that checks certificates, by an authority of PEM or the system's."""
    try:
        context = ssl.create_default_context(cadata=authority.decode() if authority else None)
    except (ssl.SSLError, ValueError):
        raise DeliveryError("the key ca.crt of the Secret is not a certificate") from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _body(answer: urllib3.BaseHTTPResponse, longest: int) -> tuple[bytes, bool]:
    """The start of a body, and whether that is all of it."""
    body = bytearray()
    while len(body) <= longest:
        chunk = answer.read(_CHUNK_BYTES, decode_content=False)
        if not chunk:
            return bytes(body), True
        body += chunk
    return bytes(body[:longest]), False


def failure_words(error: BaseException | None) -> str:
    """The cause without the object addresses and URLs that the libraries print."""
    if isinstance(error, urllib3.exceptions.NewConnectionError):  # a ConnectTimeoutError to urllib3, also when it was refused
        return str(error).rpartition(": ")[2][:200]
    if isinstance(error, urllib3.exceptions.ConnectTimeoutError | TimeoutError | urllib3.exceptions.ReadTimeoutError):
        return "no answer in time"
    if isinstance(error, ssl.SSLError):
        return (getattr(error, "verify_message", "") or error.reason or "TLS failed")[:200]
    return str(error)[:200] or type(error).__name__
