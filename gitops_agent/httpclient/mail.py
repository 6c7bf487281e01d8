"""The SMTP door: one message, one connection, one deadline, always TLS.

Submission is implicit TLS (`smtps`, port 465) or STARTTLS (`smtp`, port 587), which is demanded: neither a password nor a
message is ever sent in the clear. Egress rules and lists of allowed hosts are those of the HTTP client, and so is the deadline:
it is for everything together, and a watchdog shuts the socket. A server's 4xx may pass later, its 5xx will not.
"""

from __future__ import annotations

import contextlib
import re
import smtplib
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO

from gitops_agent.httpclient.allowed_hosts import ANYWHERE, AllowedHosts
from gitops_agent.httpclient.client import failure_words, tls_context
from gitops_agent.httpclient.egress import MAIL, EgressTarget, Resolve, resolve, target
from gitops_agent.httpclient.message import Answer, DeliveryError

_ENVELOPE = re.compile(r"[!-;=?-~]+@[A-Za-z0-9.-]+")
"""An address without spaces and angle brackets, which have a meaning in commands."""
_REPLY_BYTES = 65_536
"""What is read of all replies of a server."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """A message for an SMTP server.

    Attributes:
        url: `smtps://host` or `smtp://host`, perhaps with a port.
        sender: the address of the envelope.
        recipients: likewise.
        body: the whole message, with its headers.
        username: empty for no authentication.
        password: of that user.
    """

    url: str
    sender: str
    recipients: tuple[str, ...]
    body: bytes = field(repr=False)
    username: str = ""
    password: str = field(default="", repr=False)


class SmtpClient:
    """Sends one message at a time; `abort` works from any thread.

    Args:
        timeout_seconds: for one message, from the connection to the end.
        hosts: those the administrator allows.
        resolver: from a host to its addresses.
    """

    def __init__(self, *, timeout_seconds: float = 10.0, hosts: AllowedHosts = ANYWHERE, resolver: Resolve = resolve) -> None:
        self._timeout = timeout_seconds
        self._hosts, self._resolver = hosts, resolver
        self._lock = threading.Lock()
        self._sock: socket.socket | None = None
        self._aborted = False

    def send(self, mail: Mail, *, authority: bytes = b"", secret: AllowedHosts = ANYWHERE) -> Answer:
        """Submits a message.

        Args:
            mail: the message.
            authority: PEM of a certificate authority to trust instead of the system's.
            secret: the hosts that may receive the credentials.

        Returns:
            250; the body names the recipients that the server refused, if it accepted others.

        Raises:
            HostRefused: the administrator or the owner of the credentials does not allow the host.
            DeliveryError: the server cannot be reached in time or refused.
        """
        if not all(map(_ENVELOPE.fullmatch, (mail.sender, *mail.recipients))):
            raise DeliveryError("an address of the message is none", transient=False)
        target_ = target(mail.url, hosts=(self._hosts, secret), resolver=self._resolver, ports=MAIL)
        context = tls_context(authority)
        deadline = time.monotonic() + self._timeout
        watchdog = threading.Timer(self._timeout, self._shut)
        watchdog.daemon, watchdog.name = True, "smtp-deadline"
        watchdog.start()
        try:
            with contextlib.closing(_Session(self._connected(target_, deadline), target_.host)) as session:
                return self._submit(mail, target_, session, context)
        except smtplib.SMTPRecipientsRefused as error:
            raise _refused(target_.host, *next(iter(error.recipients.values()), (0, b"no recipient"))) from None
        except smtplib.SMTPResponseException as error:
            raise _refused(target_.host, error.smtp_code, error.smtp_error) from None
        except smtplib.SMTPNotSupportedError as error:
            raise DeliveryError(f"{target_.host}: {error}", transient=False) from None
        except (OSError, ValueError) as error:  # errors of smtplib are OSErrors, of ssl as well
            late = time.monotonic() >= deadline - 0.05
            words = f"no answer within {self._timeout:g} s" if late else failure_words(error)
            raise DeliveryError(f"{target_.host}: {words}") from None
        finally:
            watchdog.cancel()
            self._close()

    def abort(self) -> None:
        """Ends the conversation under way and refuses further ones."""
        with self._lock:
            self._aborted = True
        self._shut()

    def _connected(self, egress: EgressTarget, deadline: float) -> socket.socket:
        last: OSError = OSError("there is no address")
        for address in egress.addresses:
            try:
                remaining = max(0.1, deadline - time.monotonic())
                return self._hold(socket.create_connection((address, egress.port), timeout=remaining))
            except OSError as error:
                last = error
        raise DeliveryError(f"{egress.host} cannot be reached: {failure_words(last)}")

    def _submit(self, mail: Mail, egress: EgressTarget, session: _Session, context: ssl.SSLContext) -> Answer:
        if egress.secure:
            self._secure(session, context, egress.host)
        session.greeting()
        session.ehlo_or_helo_if_needed()
        if not egress.secure:
            if not session.has_extn("starttls"):
                raise DeliveryError(f"{egress.host} offers no STARTTLS, and nothing is sent without TLS", transient=False)
            code, text = session.docmd("STARTTLS")
            if code != 220:  # noqa: PLR2004 - SMTP
                raise smtplib.SMTPResponseException(code, text)
            self._secure(session, context, egress.host)
            session.ehlo_or_helo_if_needed()
        if mail.username:
            session.login(mail.username, mail.password)
        refused = session.sendmail(mail.sender, mail.recipients, mail.body)
        with contextlib.suppress(OSError):
            session.quit()
        texts = [f"{recipient}: {_line(code, text)}" for recipient, (code, text) in refused.items()]
        return Answer(status=250, headers={}, body="; ".join(texts).encode())

    def _secure(self, session: _Session, context: ssl.SSLContext, host: str) -> None:
        """Goes on with TLS, which the watchdog can end."""
        secured = context.wrap_socket(session.connected, server_hostname=host, do_handshake_on_connect=False)
        self._hold(secured)
        session.speak(secured)
        secured.do_handshake()

    def _hold(self, sock: socket.socket) -> socket.socket:
        with self._lock:
            self._sock = sock
            aborted = self._aborted
        if aborted:
            raise DeliveryError("the agent is stopping")
        return sock

    def _shut(self) -> None:
        with self._lock, contextlib.suppress(OSError):
            if self._sock is not None:
                # Of the transport below TLS: a close of TLS would wait for the server.
                socket.socket.shutdown(self._sock, socket.SHUT_RDWR)

    def _close(self) -> None:
        with self._lock:
            sock, self._sock = self._sock, None
        if sock is not None:
            sock.close()


class _Session(smtplib.SMTP):
    """A conversation over a socket that is already connected.

    Its own name is the address of the socket: the name of the host would be looked up in the network, without a deadline.
    """

    def __init__(self, sock: socket.socket, host: str) -> None:
        name = str(sock.getsockname()[0])
        super().__init__(local_hostname=f"[IPv6:{name}]" if ":" in name else f"[{name}]")
        self._host = host
        self.file = None
        self.speak(sock)

    def speak(self, sock: socket.socket) -> None:
        """Goes on over a socket, and forgets what was received before."""
        if self.file is not None:
            self.file.close()
        self.sock = self.connected = sock
        self.file = _Limited(sock.makefile("rb"))
        self.helo_resp = self.ehlo_resp = None
        self.esmtp_features = {}
        self.does_esmtp = False

    def greeting(self) -> None:
        """Reads the server's first line.

        Raises:
            SMTPConnectError: it takes no connections.
        """
        code, text = self.getreply()
        if code != 220:  # noqa: PLR2004 - SMTP
            raise smtplib.SMTPConnectError(code, text)


class _Limited:
    """Replies of a server, as far as they are read."""

    def __init__(self, replies: IO[bytes]) -> None:
        self._replies, self._left = replies, _REPLY_BYTES

    def readline(self, most: int) -> bytes:
        line = self._replies.readline(min(most, self._left))
        self._left -= len(line)
        return line

    def close(self) -> None:
        self._replies.close()


def _refused(host: str, code: int, text: bytes | str) -> DeliveryError:
    transient = not 500 <= code < 600  # noqa: PLR2004 - SMTP
    return DeliveryError(f"{host} refused the message: {_line(code, text)}", transient=transient, status=code)


def _line(code: int, text: bytes | str) -> str:
    decoded = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return " ".join(_printable(f"{code} {decoded}"))[:200]


def _printable(text: str) -> Iterator[str]:
    for word in text.split():
        yield "".join(letter for letter in word if letter.isprintable())
