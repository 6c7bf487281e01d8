"""The desired state: the objects to apply, and the reasons for exclusions.

Everything that must be decided before two states can be compared is decided here, once: the namespace an object lands in, what
only the server writes, which controller owns its number of replicas, which objects are hooks. All problems of the manifests
are reported at once, with file and object, so that one push can fix them all.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from gitops_agent.api.render_options import HelmHooks
from gitops_agent.api.sync_options import IgnoreFields
from gitops_agent.errors import RenderError
from gitops_agent.manifest import marks
from gitops_agent.manifest.canonical import copy
from gitops_agent.manifest.fields import SERVER_METADATA
from gitops_agent.manifest.generated import encoded
from gitops_agent.manifest.key import AppKey, GroupKind, Object, ObjectKey
from gitops_agent.manifest.kinds import CLUSTER_ROLE, CRD, NAMESPACE, SECRET
from gitops_agent.manifest.manifest import Manifest
from gitops_agent.revision.revision import Revision
from gitops_agent.sync import object_options
from gitops_agent.sync.autoscalers import targets
from gitops_agent.sync.generated_values import with_checksums
from gitops_agent.sync.hooks.hook import Hook, declared_hook
from gitops_agent.sync.hooks.spelling import hook_text
from gitops_agent.sync.ignore_fields import paths, without
from gitops_agent.sync.live.live_object import LiveObject

Scope = Callable[[GroupKind], bool | None]
"""Whether a kind is namespaced; None while the cluster does not know the kind."""


LEFTOVERS = (
    marks.ID,
    marks.DIGEST,
    marks.REVISION,
    marks.ROLLOUT,
    marks.HOOK_RUN,
    "kubectl.kubernetes.io/last-applied-configuration",
)
"""Annotations that speak of another apply than ours."""

LEFT_OUT = frozenset({"HookNotRun", "Ignored"})
"""The reasons of what is declared and not applied."""

CREATED_NAMESPACE = "spec.destination.createNamespace"
"""Stands for the file of the Namespace that no file declares."""

_REPLICAS = ("/spec/replicas",)
_RULES = ("/rules",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """A declared object that is not applied, and not deleted either.

    Attributes:
        manifest: the object.
        reason: a code from the table of reasons.
        message: one line for people.
    """

    manifest: Manifest
    reason: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Desired:
    """The desired state of an application.

    Attributes:
        application: whose.
        revision: of which commit.
        manifests: what is applied, by key; digests are of the object as sent, without marks and generated values.
        hooks: objects that run at moments of a sync, and are no part of what is compared, repaired and pruned.
        skipped: objects that are declared and excluded.
        warnings: facts worth reporting though nothing is refused.
        unscoped: kinds the cluster does not know (yet): whether their objects have a namespace is a guess.
        kept: what is not declared (any more) and not deleted now, because a rollout under way may need it.
        rolled: what a rollout under way decides about; the guard is asked before a rollout starts, not at each of its steps.
        made: live objects that a rollout made, by the versions in its status; only these are deleted as part of it.
        declared: what Git declares, as pairs of key and digest, where a rollout laid something over it; None where nothing is.
        contested: declared objects that another application holds, with that application; they are left out.
        rendered: digest of the render it was built from; empty when that is not known.
    """

    application: AppKey
    revision: Revision
    manifests: tuple[Manifest, ...]
    hooks: tuple[Hook, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    warnings: tuple[str, ...] = ()
    unscoped: frozenset[GroupKind] = frozenset()
    kept: frozenset[ObjectKey] = frozenset()
    rolled: frozenset[ObjectKey] = frozenset()
    made: frozenset[ObjectKey] = frozenset()
    declared: tuple[tuple[str, str], ...] | None = None
    contested: Mapping[ObjectKey, AppKey] = field(default_factory=dict)
    rendered: str = ""

    @property
    def kinds(self) -> set[GroupKind]:
        """The kinds of everything that is declared to be applied or run."""
        return {manifest.key.group_kind for manifest in self.manifests} | {hook.key.group_kind for hook in self.hooks}

    @property
    def content(self) -> tuple[tuple[str, str], ...]:
        """What Git declares, as sorted pairs of key and digest."""
        if self.declared is not None:
            return self.declared
        return tuple(sorted((str(manifest.key), manifest.digest) for manifest in self.manifests))

    @property
    def told(self) -> tuple[str, ...]:
        """The warnings and what is left out, one line each."""
        left_out = (f"{skipped.manifest.key} in {skipped.manifest.file}: {skipped.message}" for skipped in self.skipped)
        return (*left_out, *self.warnings)

    @property
    def claimed(self) -> dict[ObjectKey, str]:
        """The objects only one application may declare, with their sources.

        Objects that are only created if missing, such as the namespace of `createNamespace`, may be declared by several.
        """
        return {
            manifest.key: manifest.place for manifest in self.manifests if not object_options.read(manifest.obj)[0].create_only
        } | {hook.key: hook.manifest.place for hook in self.hooks}


def build(
    rendered: Iterable[Manifest],
    *,
    application: AppKey,
    revision: Revision,
    namespace: str,
    scope: Scope,
    create_namespace: bool = False,
    autoscaled: frozenset[ObjectKey] = frozenset(),
    ignore_fields: tuple[IgnoreFields, ...] = (),
    helm_hooks: HelmHooks = HelmHooks.HELM,
) -> Desired:
    """Builds the desired state of one application.

    Args:
        rendered: the manifests of one render.
        application: whose.
        revision: of which commit.
        namespace: of objects that name none.
        scope: whether a kind is namespaced, as far as the cluster knows; the render's own CRDs are asked first.
        create_namespace: declare `namespace` too, unless a manifest does.
        autoscaled: workloads that live autoscalers scale; the declared ones are found here.
        ignore_fields: fields managed by others.
        helm_hooks: how Helm's hooks are read.

    Raises:
        RenderError: with every problem among the fact `problems`; reason `DuplicateObject` when an object is declared twice,
            else `InvalidManifest`.
    """
    manifests = tuple(rendered)
    unscoped: set[GroupKind] = set()
    problems: list[str] = []
    known_scope = _scope(manifests, scope)
    placed = [_placed(source, namespace=namespace, scope=known_scope, unscoped=unscoped) for source in manifests]
    doubles = list(_doubles(placed))
    placed = with_checksums(placed)
    autoscaled |= targets(source.obj for source in placed)
    kept: list[Manifest] = []
    skipped: list[Skipped] = []
    hooks: list[Hook] = []
    for source in placed:
        options, wrong = object_options.read(source.obj)
        problems += (f"{source.key} in {source.place}: {fault}" for fault in wrong)
        try:
            text = hook_text(source.obj, helm_hooks)
            manifest = _sent(source, autoscaled=autoscaled, ignore_fields=ignore_fields)
            if text is not None and text.times and not options.ignore:
                wave = object_options.wave_of(source.obj)
                hooks.append(declared_hook(manifest, text, wave=wave, keep=options.prune_disabled))
                continue
        except ValueError as error:
            problems.append(f"{source.key} in {source.place}: {error}")
            continue
        if text is not None:
            message = f"{text.annotation}: {text.value} is not run: {text.why_not or 'the object is not applied'}"
            skipped.append(Skipped(manifest=manifest, reason="HookNotRun", message=message))
        elif options.ignore:
            skipped.append(Skipped(manifest=manifest, reason="Ignored", message="an annotation asks not to apply it"))
        else:
            kept.append(manifest)
    _refuse(doubles, problems)
    declared = {manifest.key for manifest in kept} | {excluded.manifest.key for excluded in skipped}
    declared |= {hook.key for hook in hooks}
    # Never for an empty render: it must look as empty as it is.
    if create_namespace and declared and NAMESPACE.named("", namespace) not in declared:
        kept.append(_created(namespace))
    return Desired(
        application=application,
        revision=revision,
        manifests=tuple(sorted(kept, key=lambda manifest: manifest.key)),
        hooks=tuple(sorted(hooks, key=lambda hook: hook.key)),
        skipped=tuple(sorted(skipped, key=lambda excluded: excluded.manifest.key)),
        warnings=tuple(_warnings(kept, declared)),
        unscoped=frozenset(unscoped),
    )


def marked(
    manifest: Manifest, *, application: AppKey, revision: Revision, live: LiveObject | None = None, seal: str = ""
) -> Object:
    """The object as it is sent.

    The revision on an object is the one that last changed its content, so a commit that leaves an object alone, or the repair
    of drift, does not change the mark.
    """
    same = live is not None and live.named == application and live.digest == manifest.digest and live.revision
    commit = live.revision if live is not None and same else manifest.commit or revision.commit
    return marks.marked(manifest.obj, application=application, digest=manifest.digest, revision=commit, seal=seal)


def _scope(manifests: Iterable[Manifest], cluster: Scope) -> Scope:
    """The scope of kinds, asking the CRDs among the manifests first."""
    own: dict[GroupKind, bool] = {NAMESPACE: False, CRD: False}
    for manifest in manifests:
        if manifest.key.group_kind == CRD:
            spec: Any = manifest.obj.get("spec")
            names: Any = spec.get("names") if isinstance(spec, dict) else None
            if isinstance(names, dict):
                own[GroupKind(str(spec.get("group")), str(names.get("kind")))] = spec.get("scope") == "Namespaced"
    return lambda kind: own[kind] if kind in own else cluster(kind)


def _placed(manifest: Manifest, *, namespace: str, scope: Scope, unscoped: set[GroupKind]) -> Manifest:
    """The manifest in the namespace where its object lands."""
    kind = manifest.key.group_kind
    namespaced = scope(kind)
    if namespaced is None:
        unscoped.add(kind)
    if namespaced is False and manifest.key.namespace:
        obj = copy(manifest.obj)
        del obj["metadata"]["namespace"]
        return manifest.with_object(obj)
    if namespaced is not False and not manifest.key.namespace:
        return manifest.with_object({**manifest.obj, "metadata": {**manifest.obj["metadata"], "namespace": namespace}})
    return manifest


def _doubles(manifests: Iterable[Manifest]) -> Iterator[str]:
    first: dict[ObjectKey, Manifest] = {}
    for manifest in manifests:
        earlier = first.setdefault(manifest.key, manifest)
        if earlier is not manifest:
            yield f"{manifest.key} is declared in {earlier.place} and again in {manifest.place}"


def _refuse(doubles: list[str], problems: list[str]) -> None:
    faults = [*doubles, *problems]
    if faults:
        reason = "DuplicateObject" if doubles else "InvalidManifest"
        count = f"{len(faults)} problems: " if len(faults) > 1 else ""
        raise RenderError(count + "; ".join(faults), reason=reason, problems=faults)


def _sent(manifest: Manifest, *, autoscaled: frozenset[ObjectKey], ignore_fields: tuple[IgnoreFields, ...]) -> Manifest:
    """The manifest as it is sent, without our marks.

    Raises:
        ValueError: what is wrong with it, reading on after its name.
    """
    obj = _cleaned(manifest.obj)
    if manifest.key.group_kind == SECRET:
        _check_encoding(obj)
        if "stringData" in obj:
            obj = _encoded(obj)
            manifest = replace(manifest, generated=encoded(manifest.generated))
    if manifest.key.group_kind == CLUSTER_ROLE and obj.get("aggregationRule"):
        # A controller fills the rules of an aggregated role: declaring them too causes an endless conflict with it.
        obj = without(obj, _RULES)
    if manifest.key in autoscaled:
        obj = without(obj, _REPLICAS)
    exempt = paths(manifest.key, ignore_fields) if ignore_fields else ()
    if exempt:
        obj = without(obj, exempt)
    return manifest if obj is manifest.obj else manifest.with_object(obj)


def _cleaned(obj: Object) -> Object:
    """The object without fields the server or an earlier apply wrote.

    The same object when it has none.
    """
    metadata: dict[str, Any] = obj["metadata"]
    annotations: Any = metadata.get("annotations")
    labels: Any = metadata.get("labels")
    torn = isinstance(annotations, dict) and any(name in annotations for name in LEFTOVERS)
    labelled = isinstance(labels, dict) and marks.APPLICATION in labels
    if not torn and not labelled and "status" not in obj and not any(name in metadata for name in SERVER_METADATA):
        return obj
    result = {name: value for name, value in obj.items() if name != "status"}
    result["metadata"] = metadata = {name: value for name, value in metadata.items() if name not in SERVER_METADATA}
    if torn:
        _narrow(metadata, "annotations", without=LEFTOVERS)
    if labelled:
        _narrow(metadata, "labels", without=(marks.APPLICATION,))
    return result


def _narrow(metadata: dict[str, Any], name: str, *, without: tuple[str, ...]) -> None:
    rest = {key: value for key, value in metadata.pop(name).items() if key not in without}
    if rest:
        metadata[name] = rest


def _check_encoding(secret: Object) -> None:
    """Checks that the data of a Secret is base64.

    The API server refuses it without naming the key; keys are no secret, values are.

    Raises:
        ValueError: naming the keys.
    """
    if "sops" in secret:
        raise ValueError("is encrypted with SOPS, which the API server does not decrypt: set spec.render.decryption")
    data: Any = secret.get("data")
    if not isinstance(data, Mapping):
        return
    wrong = sorted(str(name) for name, value in data.items() if isinstance(value, str) and not _is_base64(value))
    if wrong:
        raise ValueError(f"data: the value of {', '.join(wrong)} is not base64; put plain text into stringData")


def _is_base64(text: str) -> bool:
    """As the API server decodes it, which skips line breaks."""
    try:
        base64.b64decode(text.replace("\n", "").replace("\r", ""), validate=True)
    except ValueError:
        return False
    return True


def _encoded(obj: Object) -> Object:
    """A Secret whose `stringData` became `data`.

    Fields owned as `stringData` never show edits of `data`.
    """
    plain: Any = obj["stringData"]
    data: Any = obj.get("data")
    if not isinstance(plain, Mapping | None) or not isinstance(data, Mapping | None):
        raise ValueError("data and stringData must be maps")  # noqa: TRY004 - one kind of problem, collected by the caller
    wrong = sorted(str(name) for name, value in (plain or {}).items() if not isinstance(value, str | None))
    if wrong:
        raise ValueError(f"stringData: the value of {', '.join(wrong)} is not text; put it in quotes")
    encoded = {name: base64.b64encode((value or "").encode()).decode() for name, value in (plain or {}).items()}
    result = {name: value for name, value in obj.items() if name not in ("stringData", "data")}
    if merged := {**(data or {}), **encoded}:
        result["data"] = merged
    return result


def _created(namespace: str) -> Manifest:
    """The namespace of `createNamespace`: created if missing, and never pruned."""
    annotations = {marks.APPLY: "create-only", marks.PRUNE: "disabled"}
    metadata = {"name": namespace, "annotations": annotations}
    return Manifest.of({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}, file=CREATED_NAMESPACE)


def _warnings(manifests: Iterable[Manifest], declared: set[ObjectKey]) -> Iterator[str]:
    for manifest in manifests:
        for key in object_options.read(manifest.obj)[0].depends_on:
            if object_options.within(key, manifest.key, declared) is None:
                yield f"{manifest.key} depends on {key}, which this application does not declare: it is not waited for"
