"""Translates an Alert of Flux and its Provider into a Notifier."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase
from urllib.parse import urlsplit

from gitops_agent.api.application import API_VERSION
from gitops_agent.api.event_type import EventType
from gitops_agent.api.notifier import KIND
from gitops_agent.api.notifier import Provider as OurProvider
from gitops_agent.importer.context import ImportContext
from gitops_agent.importer.conversion import Conversion, Remark
from gitops_agent.importer.draft import given, kept_metadata
from gitops_agent.importer.field_table import Meaning
from gitops_agent.importer.tables.kinds import HELM_RELEASE, KUSTOMIZATION, PROVIDER
from gitops_agent.manifest.key import Object, ObjectKey
from gitops_agent.manifest.kinds import SECRET
from gitops_agent.manifest.reading import items, mapping
from gitops_agent.manifest.selector import matches_labels

_TYPES = {
    "generic": OurProvider.WEBHOOK,
    "generic-hmac": OurProvider.WEBHOOK,
    "slack": OurProvider.SLACK,
    "msteams": OurProvider.TEAMS,
    "discord": OurProvider.DISCORD,
    "googlechat": OurProvider.GOOGLECHAT,
    "telegram": OurProvider.TELEGRAM,
    "pagerduty": OurProvider.PAGERDUTY,
    "alertmanager": OurProvider.ALERTMANAGER,
    "grafana": OurProvider.GRAFANA,
    "github": OurProvider.GITHUB,
    "gitlab": OurProvider.GITLAB,
    "gitea": OurProvider.GITEA,
    "bitbucket": OurProvider.BITBUCKET,
    "bitbucketserver": OurProvider.BITBUCKET,
    "azuredevops": OurProvider.AZUREDEVOPS,
}
_KEYS = {
    "generic-hmac": "the Secret needs the value of `token` as `hmac`",
    "slack": "a token of the Secret needs a `channel` beside it",
    "telegram": "the Secret needs the keys `token` and `chat`",
    "pagerduty": "the Secret needs the routing key of `spec.channel` as `token`",
}
"""What a Secret of Flux lacks for a provider."""
_FORGES = {"github": "/api/v3", "gitlab": "", "gitea": "", "bitbucket": "", "bitbucketserver": "", "azuredevops": ""}
"""Forges, with the path of the API on a server of one's own."""
_PUBLIC = frozenset({"github.com", "gitlab.com", "bitbucket.org", "dev.azure.com"})
_FAILURES = (
    EventType.SYNC_FAILED,
    EventType.DEGRADED,
    EventType.RECOVERED,
    EventType.ROLLED_BACK,
    EventType.HELD,
    EventType.UNVERIFIED,
    EventType.SOURCE_UNAVAILABLE,
    EventType.ROLLOUT_ABORTED,
    EventType.STALLED,
)
_LABEL = "alerts.gitops-agent.dev"
_APPLIERS = frozenset({KUSTOMIZATION.kind, HELM_RELEASE.kind})
_ALL = "*"


def label_of(name: str) -> str:
    """The label of the Applications that a Notifier is about."""
    return f"{_LABEL}/{name[:63]}"


def is_about(alert: Object, source: Object) -> bool:
    """Whether events of an object are among those of an alert."""
    key, labels = ObjectKey.of(source), mapping(source, "metadata", "labels")
    return any(
        reference.get("kind") == key.kind
        and str(reference.get("namespace") or ObjectKey.of(alert).namespace) == key.namespace
        and (reference.get("name") == _ALL or fnmatchcase(key.name, str(reference.get("name") or "")))
        and matches_labels(mapping(reference, "matchLabels"), labels)
        for reference in items(mapping(alert, "spec").get("eventSources"))
    )


def convert(alert: Object, context: ImportContext, name: str, sources: Iterable[Object]) -> Conversion:
    """What an alert becomes: nothing for a provider without an equivalent.

    Args:
        alert: of Flux.
        context: for its Provider.
        name: of the Notifier.
        sources: the Kustomizations and HelmReleases that become Applications.
    """
    spec, key = mapping(alert, "spec"), ObjectKey.of(alert)
    remarks: list[Remark] = []
    sender = str(mapping(spec, "providerRef").get("name") or "")
    provider = context.peers.get(PROVIDER, key.namespace, sender)
    if provider is None:
        return _none(alert, "spec.providerRef", f"Provider {key.namespace}/{sender} was not read")
    kind = str(mapping(provider, "spec").get("type") or "")
    if kind not in _TYPES:
        return _none(alert, "spec.providerRef", f"there is no notifier for {kind}")
    if spec.get("suspend") is True or mapping(provider, "spec").get("suspend") is True:
        return _none(alert, "spec.suspend", "it is suspended, so it becomes no Notifier")
    others = sorted({str(reference.get("kind")) for reference in items(spec.get("eventSources"))} - _APPLIERS)
    if others:
        text = f"events of {', '.join(others)} are those of the Applications that use them"
        remarks.append(Remark(theirs="spec.eventSources", meaning=Meaning.CHANGED, note=text))
    if kind in _KEYS:
        remarks.append(Remark(theirs="spec.providerRef", meaning=Meaning.CHANGED, note=_KEYS[kind]))
    every = all(is_about(alert, source) for source in sources)
    secret = str(mapping(provider, "spec", "secretRef").get("name") or "")
    body = {
        "provider": _TYPES[kind].value,
        **_address(kind, str(mapping(provider, "spec").get("address") or "")),
        "secretRef": {"name": context.copied_name(key.namespace, secret)} if secret else None,
        "events": [event.value for event in _FAILURES] if spec.get("eventSeverity") == "error" else None,
        "applications": None if every else {"matchLabels": {label_of(name): "true"}},
    }
    resource = {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {"name": name, "namespace": context.target, **kept_metadata(alert, ("fluxcd.io",))},
        "spec": given(body),
    }
    return Conversion(
        source=alert,
        resources=(resource,),
        remarks=tuple(remarks),
        copies=tuple(context.copies(key.namespace, [(SECRET.kind, secret)])),
    )


def _address(kind: str, address: str) -> Object:
    """The address; of a forge its server, and the repository."""
    if kind not in _FORGES or not address:
        return {"address": address}
    parts = urlsplit(address)
    server = None if parts.hostname in _PUBLIC else f"{parts.scheme}://{parts.netloc}{_FORGES[kind]}"
    repository = parts.path.strip("/").removesuffix(".git")
    return {"repository": repository if kind != "azuredevops" else None, "address": server}


def _none(alert: Object, theirs: str, note: str) -> Conversion:
    return Conversion(source=alert, remarks=(Remark(theirs=theirs, meaning=Meaning.NONE, note=note),))
