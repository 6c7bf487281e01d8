from __future__ import annotations

from gitops_agent.api.notifier import Provider
from gitops_agent.notify.providers import PROVIDERS


def test_every_provider_of_the_api_is_there() -> None:
    assert set(PROVIDERS) == set(Provider)
