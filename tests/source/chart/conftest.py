"""What the tests of charts share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.source.chart.server import ChartServer, serving


@pytest.fixture
def server() -> Iterator[ChartServer]:
    """A repository with two versions of podinfo."""
    with serving() as server:
        server.publish("podinfo", "6.5.3")
        server.publish("podinfo", "6.5.4")
        yield server
