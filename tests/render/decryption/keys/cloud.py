"""A way to a cloud that ends at a receiver on loopback."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlsplit

from gitops_agent.httpclient.client import HttpClient
from gitops_agent.httpclient.message import Answer, Request
from tests.notify.receiver import Receiver


class Detour:
    """Sends every request to a receiver, and notes which address was meant.

    Args:
        receiver: plays all services of the cloud.
    """

    def __init__(self, receiver: Receiver) -> None:
        self._port = receiver.port
        self.addresses: list[str] = []

    def send(self, request: Request, *, authority: bytes = b"") -> Answer:
        """See `Sender`."""
        parts = urlsplit(request.url)
        self.addresses.append(f"{parts.scheme}://{parts.netloc}")
        near = f"http://127.0.0.1:{self._port}{parts.path}" + (f"?{parts.query}" if parts.query else "")
        return HttpClient().send(replace(request, url=near), authority=authority)
