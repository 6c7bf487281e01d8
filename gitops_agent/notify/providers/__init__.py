"""The providers, one file each, all implementing `gitops_agent.notify.provider.Provider`."""

from __future__ import annotations

from collections.abc import Mapping

from gitops_agent.api.notifier import Provider as Name
from gitops_agent.notify.provider import Provider
from gitops_agent.notify.providers import github, slack, webhook

PROVIDERS: Mapping[Name, Provider] = {Name.WEBHOOK: webhook, Name.SLACK: slack, Name.GITHUB: github}
"""By the name a Notifier gives."""
