"""The kinds of other tools that are imported."""

from __future__ import annotations

from typing import Final

from gitops_agent.manifest.key import GroupKind

ARGO: Final = "argoproj.io"
ARGO_APPLICATION: Final = GroupKind(ARGO, "Application")
APPLICATION_SET: Final = GroupKind(ARGO, "ApplicationSet")
APP_PROJECT: Final = GroupKind(ARGO, "AppProject")


SOURCES: Final = "source.toolkit.fluxcd.io"
NOTIFICATIONS: Final = "notification.toolkit.fluxcd.io"
IMAGES: Final = "image.toolkit.fluxcd.io"
KUSTOMIZATION: Final = GroupKind("kustomize.toolkit.fluxcd.io", "Kustomization")
HELM_RELEASE: Final = GroupKind("helm.toolkit.fluxcd.io", "HelmRelease")
GIT_REPOSITORY: Final = GroupKind(SOURCES, "GitRepository")
OCI_REPOSITORY: Final = GroupKind(SOURCES, "OCIRepository")
BUCKET: Final = GroupKind(SOURCES, "Bucket")
HELM_REPOSITORY: Final = GroupKind(SOURCES, "HelmRepository")
HELM_CHART: Final = GroupKind(SOURCES, "HelmChart")
EXTERNAL_ARTIFACT: Final = GroupKind(SOURCES, "ExternalArtifact")
ARTIFACT_GENERATOR: Final = GroupKind("source.extensions.fluxcd.io", "ArtifactGenerator")
ALERT: Final = GroupKind(NOTIFICATIONS, "Alert")
PROVIDER: Final = GroupKind(NOTIFICATIONS, "Provider")
RECEIVER: Final = GroupKind(NOTIFICATIONS, "Receiver")
IMAGE_REPOSITORY: Final = GroupKind(IMAGES, "ImageRepository")
IMAGE_POLICY: Final = GroupKind(IMAGES, "ImagePolicy")
IMAGE_UPDATE: Final = GroupKind(IMAGES, "ImageUpdateAutomation")

FLUX_GROUPS: Final = (SOURCES, NOTIFICATIONS, IMAGES, KUSTOMIZATION.group, HELM_RELEASE.group, ARTIFACT_GENERATOR.group)
"""API groups of Flux."""
