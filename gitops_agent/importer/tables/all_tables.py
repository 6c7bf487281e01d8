"""All tables, by tool and kind."""

from __future__ import annotations

from gitops_agent.importer.field_table import FieldTable
from gitops_agent.importer.tables import (
    argo_application,
    argo_application_set,
    argo_project,
    argo_repository,
    flux_helm_release,
    flux_images,
    flux_kustomization,
    flux_notifications,
    flux_sources,
)

ARGO_TABLES: tuple[FieldTable, ...] = (
    argo_application.TABLE,
    argo_application_set.TABLE,
    argo_project.TABLE,
    argo_repository.TABLE,
)
FLUX_TABLES: tuple[FieldTable, ...] = (
    *flux_sources.TABLES,
    flux_kustomization.TABLE,
    flux_helm_release.TABLE,
    *flux_notifications.TABLES,
    *flux_images.TABLES,
)
BY_KIND = {table.kind: table for table in (*ARGO_TABLES, *FLUX_TABLES)}
"""Every table, by the kind it is about."""
