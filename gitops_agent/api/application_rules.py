"""Rules of the installation for every Application.

Who may write Applications decides about an account, a repository and a Secret. An administrator narrows that down in the
settings: a default account, no Application without one, and which repositories are followed. An Application that breaks a
rule stalls with the reason `InvalidSpec`, and nothing is fetched or written for it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from urllib.parse import unquote

from gitops_agent.api.application import Application
from gitops_agent.api.problems import Problem, SpecInvalid
from gitops_agent.httpclient.wildcard import matches

WRONG_CLUSTER = "WrongCluster"
_DOTS = re.compile(r"(?:^|/)\.{1,2}(?:/|$)")


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplicationRules:
    """What the administrator allows.

    Attributes:
        default_account: the ServiceAccount of Applications that name none; empty for the agent's own rights.
        require_account: an Application without an account is refused.
        cluster_uid: the cluster that Applications are applied to; empty while it is not known.
        repositories: patterns of the URLs that may be followed, in which `*` stands for any text; empty for all.
    """

    default_account: str = ""
    require_account: bool = False
    cluster_uid: str = ""
    repositories: tuple[str, ...] = ()

    def applied(self, application: Application) -> Application:
        """The Application under these rules.

        Raises:
            SpecInvalid: it breaks one.
        """
        if self.default_account and application.spec.service_account_name is None:
            spec = application.spec.model_copy(update={"service_account_name": self.default_account})
            application = replace(application, spec=spec)
        pinned = application.spec.destination.cluster_uid
        if is_elsewhere(pinned, self.cluster_uid):
            text = f"names the cluster {pinned}, and this one is {self.cluster_uid}: nothing is done for it here"
            raise SpecInvalid([Problem(path="spec.destination.clusterUID", message=text)], reason=WRONG_CLUSTER)
        problems = tuple(self._problems(application))
        if problems:
            raise SpecInvalid(problems)
        return application

    def _problems(self, application: Application) -> Iterator[Problem]:
        if self.require_account and application.spec.service_account_name is None:
            text = "is required by the setting sync.requireServiceAccount"
            yield Problem(path="spec.serviceAccountName", message=text)
        if not self.follows(application.spec.source.url):
            text = "is not among the repositories that the setting source.allowedRepositories names"
            field = "repoURL" if application.spec.source.chart is None else "chart.repository"
            yield Problem(path=f"spec.source.{field}", message=text)
        helm = application.spec.render.helm if application.spec.render is not None else None
        if helm is not None and helm.chart is not None and not self.follows(helm.chart.repository):
            text = "is not among the repositories that the setting source.allowedRepositories names"
            yield Problem(path="spec.render.helm.chart.repository", message=text)
        for index, source in enumerate(helm.values_from if helm is not None else ()):
            if source.repo_url is not None and not self.follows(source.repo_url):
                text = "is not among the repositories that the setting source.allowedRepositories names"
                yield Problem(path=f"spec.render.helm.valuesFrom[{index}].repoURL", message=text)

    def follows(self, url: str) -> bool:
        """Whether a repository may be read."""
        if not self.repositories:
            return True
        if _DOTS.search(unquote(url)):
            return False  # a server may resolve it to another path than the pattern saw
        return any(matches(pattern, url) for pattern in self.repositories)


def is_elsewhere(pinned: str | None, cluster_uid: str) -> bool:
    """Whether something is for another cluster.

    Never while this one is not known.
    """
    return bool(pinned and cluster_uid) and pinned != cluster_uid


NO_RULES = ApplicationRules()
