"""Translates the resources of Flux."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from gitops_agent.importer import flux_helm_release, flux_kustomization, flux_notifications
from gitops_agent.importer.context import ImportContext
from gitops_agent.importer.conversion import Conversion
from gitops_agent.importer.flux_names import FluxNames
from gitops_agent.importer.flux_order import FluxOrder
from gitops_agent.importer.tables.all_tables import FLUX_TABLES
from gitops_agent.importer.tables.kinds import ALERT, HELM_RELEASE, KUSTOMIZATION
from gitops_agent.manifest.key import Object
from gitops_agent.manifest.reading import mapping

HOME = "flux-system"
"""The namespace that Flux is installed in."""
_TRANSLATED = frozenset({KUSTOMIZATION, HELM_RELEASE, ALERT})


def import_flux(context: ImportContext) -> tuple[Conversion, ...]:
    """What every object of Flux that was read becomes."""
    names, peers = FluxNames(context), context.peers
    order = FluxOrder(context, names)
    conversions = [
        *(flux_kustomization.convert(obj, context, names, order) for obj in peers.of_kind(KUSTOMIZATION)),
        *(flux_helm_release.convert(obj, context, names, order) for obj in peers.of_kind(HELM_RELEASE)),
    ]
    sources = [conversion.source for conversion in conversions if conversion.resources]
    alerts = [flux_notifications.convert(alert, context, names.of(alert), sources) for alert in peers.of_kind(ALERT)]
    labelled = [_labelled(conversion, alerts) for conversion in conversions]
    rest = [
        Conversion(source=obj) for table in FLUX_TABLES if table.kind not in _TRANSLATED for obj in peers.of_kind(table.kind)
    ]
    return (*labelled, *alerts, *rest)


def _labelled(conversion: Conversion, alerts: Iterable[Conversion]) -> Conversion:
    """The conversion with the labels by which Notifiers select it."""
    labels = {
        flux_notifications.label_of(str(alert.resources[0]["metadata"]["name"])): "true"
        for alert in alerts
        if alert.resources
        and mapping(alert.resources[0], "spec").get("applications")
        and flux_notifications.is_about(alert.source, conversion.source)
    }
    return (
        replace(conversion, resources=tuple(_with_labels(resource, labels) for resource in conversion.resources))
        if labels
        else conversion
    )


def _with_labels(resource: Object, labels: Object) -> Object:
    metadata = resource["metadata"]
    return {**resource, "metadata": {**metadata, "labels": {**metadata.get("labels", {}), **labels}}}
