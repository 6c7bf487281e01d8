"""Compares a release of Helm with our render of its chart.

A release carries its chart, so the comparison needs no repository. What Helm keeps of a chart lacks its dependencies, which are
fetched by its lock; a release of a chart without one is compared by the plan of its Application.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from gitops_agent.api.render_options import RenderOptions
from gitops_agent.importer.helm_application import write_chart
from gitops_agent.importer.helm_release import HelmRelease
from gitops_agent.manifest.field_report import object_changes
from gitops_agent.manifest.generated import blanked
from gitops_agent.manifest.key import AppKey, Object, ObjectKey
from gitops_agent.manifest.manifest import Manifest
from gitops_agent.manifest.masking import masked_pair
from gitops_agent.render.memory import memory_folder
from gitops_agent.render.request import KubeFacts, RenderRequest
from gitops_agent.render.worker.client import local_workers
from gitops_agent.render.worktree import WorkTree
from gitops_agent.revision.tree import Tree

_FOLDER = "chart"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One object that is not the same in both.

    Attributes:
        key: the object; without a namespace where it names none.
        sign: `-` only in the release, `+` only in the render, `~` in both.
        fields: that differ, for people.
    """

    key: ObjectKey
    sign: str
    fields: tuple[str, ...] = ()


def differences(
    release: HelmRelease, facts: KubeFacts, mounted: Callable[[Tree], Tree] = lambda tree: tree
) -> tuple[Difference, ...]:
    """What differs between a release and our render of its chart.

    Args:
        release: of Helm.
        facts: the cluster as charts may ask about it.
        mounted: adds the dependencies that the chart names to its files.

    Raises:
        SourceError: a dependency cannot be fetched.
        RenderError: the chart does not render.
    """
    helm = {"releaseName": release.name, "values": release.values, "crds": "skip"}
    with tempfile.TemporaryDirectory(prefix="gitops-agent-", dir=memory_folder()) as scratch, local_workers() as workers:
        write_chart(release, Path(scratch) / _FOLDER)
        request = RenderRequest(
            application=AppKey(release.namespace, release.name),
            path=_FOLDER,
            options=RenderOptions.model_validate({"helm": helm}),
            namespace=release.namespace,
            facts=facts,
        )
        rendered = workers.render(mounted(WorkTree(Path(scratch))), request)
    before = {ObjectKey.of(obj): obj for _, obj in release.objects()}
    after = {manifest.key: manifest for manifest in rendered.manifests}
    return tuple(sorted(_rows(before, after), key=lambda row: row.key))


def _rows(before: dict[ObjectKey, Object], after: dict[ObjectKey, Manifest]) -> Iterable[Difference]:
    for key in before.keys() - after.keys():
        yield Difference(key=key, sign="-")
    for key, manifest in after.items():
        if key not in before:
            yield Difference(key=key, sign="+")
            continue
        old, new = masked_pair(blanked(before[key], manifest.generated), manifest.constant)
        if changes := object_changes(old, new):
            yield Difference(key=key, sign="~", fields=tuple(change.field for change in changes))
