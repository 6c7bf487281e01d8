from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.oci.fake_registry import FakeRegistry


@pytest.fixture
def fake() -> Iterator[FakeRegistry]:
    with FakeRegistry() as registry:
        yield registry
