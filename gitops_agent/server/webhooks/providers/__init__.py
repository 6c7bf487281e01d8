"""The senders, one file each, all implementing `gitops_agent.server.webhooks.delivery.WebhookProvider`."""

from __future__ import annotations

from collections.abc import Mapping

from gitops_agent.server.webhooks.delivery import WebhookProvider
from gitops_agent.server.webhooks.providers import azuredevops, bitbucket, generic, gitea, github, gitlab

PROVIDERS: Mapping[str, WebhookProvider] = {
    "github": github,
    "gitlab": gitlab,
    "gitea": gitea,
    "bitbucket": bitbucket,
    "azuredevops": azuredevops,
    "generic": generic,
}
"""By the last part of the path, which is the key of the Secret as well."""
