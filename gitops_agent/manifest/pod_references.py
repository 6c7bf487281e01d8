"""What a pod template names: configuration, and what pods need to start.

Problem: the order of applies, the hash of a version and what a rollout holds back each had a list of its own, and the lists
differed. Decision: they are here, once. Configuration is what containers read as a file or a variable, so that another content
makes another version; what is needed besides has a name and nothing that pods read.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from gitops_agent.manifest.key import Object, ObjectKey
from gitops_agent.manifest.kinds import PERSISTENT_VOLUME_CLAIM, SECRET, SERVICE_ACCOUNT
from gitops_agent.manifest.reading import items, mapping

_RESOURCE = "resource.k8s.io"


@dataclass(frozen=True, slots=True)
class ConfigurationReference:
    """A reference to a ConfigMap or Secret that pods read.

    Attributes:
        holder: the map that names it.
        field: the field of the map with the name.
        kind: ConfigMap or Secret.
    """

    holder: Object
    field: str
    kind: str

    @property
    def name(self) -> str:
        """The name that stands there."""
        return str(self.holder[self.field])

    @property
    def optional(self) -> bool:
        """Whether pods start without it."""
        return self.holder.get("optional") is True

    def key(self, namespace: str) -> ObjectKey:
        """What it names, for pods of a namespace."""
        return ObjectKey("", self.kind, namespace, self.name)


def configuration(template: Object) -> Iterator[ConfigurationReference]:
    """The ConfigMaps and Secrets whose content pods of a template read."""
    spec = mapping(template.get("spec"))
    for volume in items(spec.get("volumes")):
        yield from _reference(volume.get("configMap"), "name", "ConfigMap")
        yield from _reference(volume.get("secret"), "secretName", "Secret")
        for source in items(mapping(volume.get("projected")).get("sources")):
            yield from _reference(source.get("configMap"), "name", "ConfigMap")
            yield from _reference(source.get("secret"), "name", "Secret")
    for kind in ("initContainers", "containers"):
        for container in items(spec.get(kind)):
            for source in items(container.get("envFrom")):
                yield from _reference(source.get("configMapRef"), "name", "ConfigMap")
                yield from _reference(source.get("secretRef"), "name", "Secret")
            for variable in items(container.get("env")):
                source = mapping(variable.get("valueFrom"))
                yield from _reference(source.get("configMapKeyRef"), "name", "ConfigMap")
                yield from _reference(source.get("secretKeyRef"), "name", "Secret")


def account(template: Object, namespace: str) -> ObjectKey:
    """The ServiceAccount that pods of a template run as."""
    spec = mapping(template.get("spec"))
    return SERVICE_ACCOUNT.named(namespace, str(spec.get("serviceAccountName") or spec.get("serviceAccount") or "default"))


def requirements(template: Object, namespace: str) -> Iterator[ObjectKey]:
    """What pods of a template cannot start without, beside account and configuration.

    Volumes, devices, and the Secrets that images are pulled and volumes mounted with.
    """
    spec = mapping(template.get("spec"))
    for secret in items(spec.get("imagePullSecrets")):
        yield from _named(SECRET.named(namespace, _name(secret.get("name"))))
    for claim in items(spec.get("resourceClaims")):
        yield from _named(ObjectKey(_RESOURCE, "ResourceClaim", namespace, _name(claim.get("resourceClaimName"))))
        name = _name(claim.get("resourceClaimTemplateName"))
        yield from _named(ObjectKey(_RESOURCE, "ResourceClaimTemplate", namespace, name))
    for volume in items(spec.get("volumes")):
        claimed = _name(mapping(volume.get("persistentVolumeClaim")).get("claimName"))
        yield from _named(PERSISTENT_VOLUME_CLAIM.named(namespace, claimed))
        published = mapping(volume.get("csi"), "nodePublishSecretRef")
        yield from _named(SECRET.named(namespace, _name(published.get("name"))))


def _reference(source: Any, field: str, kind: str) -> Iterator[ConfigurationReference]:
    if isinstance(source, dict) and isinstance(source.get(field), str) and source[field]:
        yield ConfigurationReference(source, field, kind)


def _named(key: ObjectKey) -> Iterator[ObjectKey]:
    if key.name:
        yield key


def _name(value: Any) -> str:
    return value if isinstance(value, str) else ""
