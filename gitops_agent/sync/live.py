"""What the agent remembers of a live object, and of an application's part of the cluster at one moment.

Ten thousand objects are remembered in ten mebibytes: their identity, two digests, a word on health. The object itself stays,
packed, only while it deviates, so that a report of what is wrong needs no request. Everything here is a pure value;
`sync.state` holds them.
"""

from __future__ import annotations

import sys
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import orjson

from gitops_agent.manifest import ownership
from gitops_agent.manifest.edits import FieldEdit, foreign_fields
from gitops_agent.manifest.fields import projection_hash
from gitops_agent.manifest.key import AppKey, GroupKind, Object, ObjectKey
from gitops_agent.manifest.marks import DIGEST, PRUNE, REVISION, annotation, owner
from gitops_agent.sync.health import Health, Status, assess

_PRUNE_DISABLED: tuple[tuple[str, str], ...] = (
    (PRUNE, "disabled"),
    ("kustomize.toolkit.fluxcd.io/prune", "disabled"),
    ("helm.sh/resource-policy", "keep"),
)
_ARGO_OPTIONS = "argocd.argoproj.io/sync-options"


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveObject:
    """One object as the cluster has it.

    Attributes:
        key: its identity.
        uid: of this incarnation.
        resource_version: of the state this was made from.
        generation: of its spec, 0 where the kind counts none.
        owner: the application whose marks are bound to it; None when it has none, torn ones or copied ones.
        digest: of the manifest that was applied last, as its annotation says.
        revision: the commit that manifest came from, as its annotation says.
        projection: `fields.projection_hash`; empty when we never applied it.
        health: what it says about itself.
        deleting: its deletion was asked for.
        controlled: it has a controller among its owners, who would make it again or wants it gone.
        prune_disabled: it says of itself that it must not be pruned.
        finalizers: who still has to agree to its deletion.
        undeclared: what people and earlier tools wrote beside what Git declares.
        owned: our packed field set (`ownership.pack`), kept until a baseline is known.
        packed: the raw object, packed, kept while it deviates; read it through `evidence`.
    """

    key: ObjectKey
    uid: str = ""
    resource_version: str = ""
    generation: int = 0
    owner: AppKey | None = None
    digest: str | None = None
    revision: str = ""
    projection: str = ""
    health: Health
    deleting: bool = False
    controlled: bool = False
    prune_disabled: bool = False
    finalizers: tuple[str, ...] = ()
    undeclared: tuple[FieldEdit, ...] = ()
    owned: bytes | None = None
    packed: bytes | None = None

    @property
    def evidence(self) -> Object | None:
        """The raw object (a fresh copy), None unless it deviates."""
        if self.packed is None:
            return None
        result: Object = orjson.loads(zlib.decompress(self.packed))
        return result

    def proves(self, desired: Object) -> bool:
        """Whether field ownership proves that nobody changed it since `desired` was applied; needs no baseline.

        Only asked of an object whose `digest` is that of `desired`. False means "not known", not "changed".
        """
        return self.owned is not None and ownership.covers(self.owned, desired)


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What a plan is made against: one application's objects and the declared ones, at one moment.

    Attributes:
        objects: by key: everything the application owns, and everything it declares as far as it is live.
        baselines: by key: the digest last applied by this process and the projection right after it.
        cannot_see: kinds that cannot be listed, and why. Nothing of them is known to be gone.
        complete: every kind has been listed since the start; before that nothing is deleted.
    """

    objects: Mapping[ObjectKey, LiveObject]
    baselines: Mapping[ObjectKey, tuple[str, str]]
    cannot_see: Mapping[GroupKind, str]
    complete: bool


def observe(obj: Object) -> LiveObject:
    """What is remembered of a raw object; it is not changed. `evidence` is set, the keeper drops it where nothing deviates."""
    metadata = obj.get("metadata") or {}
    health = assess(obj)
    application = owner(obj)
    undeclared = foreign_fields(obj) if application is not None else ()
    return LiveObject(
        key=_interned(ObjectKey.of(obj)),
        uid=str(metadata.get("uid") or ""),
        resource_version=str(metadata.get("resourceVersion") or ""),
        generation=int(metadata.get("generation") or 0),
        owner=application and _same(application),
        digest=annotation(obj, DIGEST),
        revision=sys.intern(annotation(obj, REVISION) or ""),
        projection=projection_hash(obj),
        health=health,
        deleting=bool(metadata.get("deletionTimestamp")),
        controlled=any(isinstance(ref, dict) and ref.get("controller") for ref in metadata.get("ownerReferences") or ()),
        prune_disabled=keeps_itself(obj),
        finalizers=tuple(sys.intern(str(name)) for name in metadata.get("finalizers") or ()),
        undeclared=undeclared,
        owned=ownership.pack(obj),
        packed=zlib.compress(orjson.dumps(obj), 1) if undeclared or health.status in WORTH_KEEPING else None,
    )


def keeps_itself(obj: Object) -> bool:
    """Whether an object, live or declared, says that it must not be pruned, in our words or those of the tools before us."""
    if any(annotation(obj, name) == value for name, value in _PRUNE_DISABLED):
        return True
    options = (annotation(obj, _ARGO_OPTIONS) or "").split(",")
    return "Prune=false" in (option.strip() for option in options)


WORTH_KEEPING = frozenset({Status.DEGRADED})
"""Health of objects whose evidence is kept; those that merely progress are many and short."""


@lru_cache(maxsize=65536)
def _same(application: AppKey) -> AppKey:
    return application


def _interned(key: ObjectKey) -> ObjectKey:
    return ObjectKey(sys.intern(key.group), sys.intern(key.kind), sys.intern(key.namespace), key.name)
