"""A viewer of a running agent's dashboard, who may see everything."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from gitops_agent.server.openapi import document
from tests.acceptance.installed_agent import SECONDS, Agent
from tests.waiting import eventually

EVENT_STREAM = "text/event-stream"


class DashboardViewer:
    """Asks with a token.

    Args:
        agent: whose dashboard.
        token: of an account of the cluster.
    """

    def __init__(self, agent: Agent, token: str) -> None:
        self._headers = {"Authorization": f"Bearer {token}"}
        line = eventually(lambda: agent.said("serving the dashboard"), seconds=SECONDS, what="the dashboard is served")[-1]
        self._port = int(line["port"])

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, str]:
        """The status and the text of an answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=SECONDS)
        headers = self._headers | ({"Content-Type": "application/json"} if body is not None else {})
        with contextlib.closing(connection):
            connection.request(method, path, body=None if body is None else json.dumps(body), headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.read().decode(errors="replace")

    def answers(self, names: Mapping[str, str], queries: Mapping[str, str]) -> dict[str, tuple[int, str]]:
        """Status and text of every GET of the OpenAPI document, by operation.

        Without the stream, which does not end.

        Args:
            names: what stands in the paths.
            queries: of operations that need more than their path.
        """
        reads = {path: methods["get"] for path, methods in document()["paths"].items() if "get" in methods}
        return {
            read["operationId"]: self.ask("GET", filled(path, names) + queries.get(read["operationId"], ""))
            for path, read in reads.items()
            if set(read["responses"]["200"]["content"]) != {EVENT_STREAM}
        }

    @contextlib.contextmanager
    def stream(self, topics: str) -> Iterator[http.client.HTTPResponse]:
        """The events of some topics, as they come."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=SECONDS)
        with contextlib.closing(connection):
            connection.request("GET", f"/api/v1/stream?topics={topics}", headers=self._headers)
            yield connection.getresponse()


def filled(path: str, names: Mapping[str, str]) -> str:
    """A path of the document with names in place of its parameters."""
    return re.sub(r"\{(\w+)\}", lambda match: names[match[1]], path)
