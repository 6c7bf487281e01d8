"""The providers, one file each.

Those that take messages implement `gitops_agent.notify.provider.Provider`, forges `gitops_agent.notify.forge.Forge`.
"""

from __future__ import annotations

from collections.abc import Mapping

from gitops_agent.api.notifier import Provider as Name
from gitops_agent.notify.forge import DeploymentForge, Forge
from gitops_agent.notify.provider import EditingProvider, Provider
from gitops_agent.notify.providers import (
    alertmanager,
    azuredevops,
    bitbucket,
    cloudevents,
    discord,
    email,
    gitea,
    github,
    gitlab,
    googlechat,
    grafana,
    mattermost,
    pagerduty,
    slack,
    teams,
    telegram,
    webhook,
)

PROVIDERS: Mapping[Name, Provider] = {
    Name.WEBHOOK: webhook,
    Name.CLOUDEVENTS: cloudevents,
    Name.SLACK: slack,
    Name.TEAMS: teams,
    Name.DISCORD: discord,
    Name.MATTERMOST: mattermost,
    Name.GOOGLECHAT: googlechat,
    Name.TELEGRAM: telegram,
    Name.EMAIL: email,
    Name.PAGERDUTY: pagerduty,
    Name.ALERTMANAGER: alertmanager,
    Name.GRAFANA: grafana,
}
"""By the name a Notifier gives."""

FORGES: Mapping[Name, Forge] = {
    Name.GITHUB: github,
    Name.GITLAB: gitlab,
    Name.GITEA: gitea,
    Name.BITBUCKET: bitbucket,
    Name.AZUREDEVOPS: azuredevops,
}
"""By the name a Notifier gives; they get the statuses of commits, and no messages."""

EDITORS: Mapping[Name, EditingProvider] = {
    Name.SLACK: slack,
    Name.DISCORD: discord,
    Name.MATTERMOST: mattermost,
    Name.TELEGRAM: telegram,
}
"""Those whose messages can be edited."""

REPEATED = frozenset({Name.ALERTMANAGER})
"""Those that forget what is not repeated."""

DEPLOYMENTS: Mapping[Name, DeploymentForge] = {Name.GITHUB: github, Name.GITLAB: gitlab}
"""The forges that list deployments."""
