from __future__ import annotations

from datetime import timedelta

import pytest

from gitops_agent.server.webhooks.standard import recent, signed
from tests.server.webhooks.deliveries import NOW, SECRET, delivery, standard


def test_a_signature_over_id_time_and_body_is_a_proof() -> None:
    assert signed(standard({"a": 1}), [b"old", SECRET])
    assert not signed(standard({"a": 1}), [b"old"])
    assert not signed(delivery({"a": 1}), [SECRET])


@pytest.mark.parametrize("minutes", [-6, 6])
def test_an_old_or_early_time_is_no_proof(minutes: int) -> None:
    assert not signed(standard({}, at=NOW + timedelta(minutes=minutes)), [SECRET])


@pytest.mark.parametrize("stamp", ["", "soon", "-1", "1e9", "9" * 40, "١٢٣"])
def test_a_time_that_is_none_is_not_recent(stamp: str) -> None:
    assert not recent(delivery({}), stamp)
