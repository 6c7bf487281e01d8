from __future__ import annotations

from gitops_agent.api.notifier import SUPPORTED
from gitops_agent.notify.providers import PROVIDERS


def test_every_receiver_the_api_promises_is_there() -> None:
    assert set(PROVIDERS) == SUPPORTED
