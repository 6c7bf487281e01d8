"""The Application for a release of Helm, and the chart it carries."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gitops_agent.importer.draft import application
from gitops_agent.importer.helm_release import HelmRelease
from gitops_agent.manifest.key import Object
from gitops_agent.manifest.leaves import leaves
from gitops_agent.manifest.pointer import pointer
from gitops_agent.manifest.yaml import dump

_SENSITIVE = re.compile(
    r"(?:pass(?:word|wd|phrase)?|pwd|secret|token|api[-_]?key|access[-_]?key|private[-_]?key|credentials?)$", re.IGNORECASE
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartOrigin:
    """The origin of a release's chart, which it does not say.

    Attributes:
        repository: the address of a repository of charts; empty for a chart in Git.
        repo_url: the address of a Git repository; empty for a repository of charts.
        path: the chart's directory in Git.
        branch: followed in Git.
    """

    repository: str = ""
    repo_url: str = ""
    path: str = ""
    branch: str = "main"

    @property
    def known(self) -> bool:
        """Whether it says where the chart is."""
        return bool(self.repository or self.repo_url)


def application_of(release: HelmRelease, origin: ChartOrigin, *, namespace: str) -> Object:
    """The Application, in observe mode.

    Args:
        release: the newest deployed revision.
        origin: of its chart; an unknown one leaves the repository empty, which the API server refuses.
        namespace: of the Application.
    """
    if origin.repo_url:
        source: Object = {"repoURL": origin.repo_url, "ref": {"branch": origin.branch}, "path": origin.path}
    else:
        chart = {"name": str(release.chart.get("name")), "version": str(release.chart.get("version"))}
        source = {"chart": {"repository": origin.repository, **chart}}
    helm: Object = {"releaseName": release.name, **({"values": release.values} if release.values else {})}
    spec = {"source": source, "destination": {"namespace": release.namespace}, "render": {"helm": helm}}
    return application(release.name, namespace, spec)


def sensitive(values: Object) -> Iterator[str]:
    """Pointers of values whose names say that they are secret."""
    for steps, value in leaves(values):
        if isinstance(value, str) and value and _SENSITIVE.search(steps[-1]):
            yield pointer(*(step.strip("[]") for step in steps))


def write_chart(release: HelmRelease, folder: Path) -> None:
    """Writes the chart as the release carries it into a new folder."""
    folder.mkdir(parents=True)
    (folder / "Chart.yaml").write_text(dump(release.chart), encoding="utf-8")
    (folder / "values.yaml").write_text(dump(release.defaults), encoding="utf-8")
    if release.lock is not None:
        (folder / "Chart.lock").write_text(dump(release.lock), encoding="utf-8")
    for file in release.files:
        target = folder / file.path
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(file.data)
