"""The result of an import: resources, report, objects to copy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gitops_agent.api.application import KIND
from gitops_agent.importer.conversion import Conversion, Copy
from gitops_agent.importer.field_table import Meaning
from gitops_agent.importer.report import ObjectReport, refused, report
from gitops_agent.importer.tables.kinds import ALERT, ARGO_APPLICATION, HELM_RELEASE, KUSTOMIZATION
from gitops_agent.manifest.key import Object, ObjectKey

_TRANSLATED = frozenset({ARGO_APPLICATION, KUSTOMIZATION, HELM_RELEASE, ALERT})
"""Kinds of which every object should become a resource."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportResult:
    """What an import comes to.

    Attributes:
        tool: `argo` or `flux`.
        conversions: by object of the other tool.
        reports: likewise, in the same order.
    """

    tool: str
    conversions: tuple[Conversion, ...]
    reports: tuple[ObjectReport, ...]

    @property
    def resources(self) -> tuple[Object, ...]:
        """Ours, those that this version accepts."""
        return tuple(resource for conversion in self.conversions for resource in conversion.resources if not refused(resource))

    @property
    def waiting(self) -> tuple[Object, ...]:
        """Ours, those that ask for what this version refuses; suspended."""
        return tuple(
            _suspended(resource) for conversion in self.conversions for resource in conversion.resources if refused(resource)
        )

    @property
    def manifests(self) -> tuple[Object, ...]:
        """Objects to declare in Git beside ours, each once."""
        return tuple(
            {ObjectKey.of(manifest): manifest for conversion in self.conversions for manifest in conversion.manifests}.values()
        )

    @property
    def settings(self) -> Object:
        """Settings of the agent, lists joined without repetition."""
        result: Object = {}
        for conversion in self.conversions:
            for section, fields in conversion.settings.items():
                for name, values in fields.items():
                    listed = result.setdefault(section, {}).setdefault(name, [])
                    listed += [value for value in values if value not in listed]
        return result

    @property
    def copies(self) -> tuple[Copy, ...]:
        """Secrets and ConfigMaps that have to be in another namespace."""
        return tuple(dict.fromkeys(copy for conversion in self.conversions for copy in conversion.copies))

    @property
    def left(self) -> tuple[ObjectReport, ...]:
        """Objects that became nothing although their kind has an equivalent."""
        return tuple(
            object_report
            for object_report in self.reports
            if object_report.source.group_kind in _TRANSLATED and not object_report.resources and not object_report.itself
        )

    @property
    def complete(self) -> bool:
        """Whether every object was translated, and no field is unknown."""
        unknown = any(object_report.with_meaning(Meaning.UNKNOWN) or object_report.problems for object_report in self.reports)
        return not unknown and not self.left


def result_of(tool: str, conversions: Sequence[Conversion]) -> ImportResult:
    """The result with its reports."""
    return ImportResult(
        tool=tool, conversions=tuple(conversions), reports=tuple(report(conversion) for conversion in conversions)
    )


def _suspended(resource: Object) -> Object:
    if resource["kind"] != KIND:
        return resource
    fields = ", ".join(dict.fromkeys(problem.path for problem in refused(resource)))
    return {**resource, "spec": {**resource["spec"], "suspend": {"reason": f"waits for {fields}"[:1024]}}}


def named(resource: Object) -> str:
    """The name of a resource for people: `gitops-system/shop`."""
    key = ObjectKey.of(resource)
    return f"{key.namespace}/{key.name}"


def file_name(obj: Object) -> str:
    """The name of the file for an object, without an ending."""
    key = ObjectKey.of(obj)
    return ".".join(part for part in (key.namespace, key.kind.lower(), key.name) if part)
