"""Live objects as cached, and a snapshot of them for an application.

Ten thousand objects are remembered in ten mebibytes: their identity, two digests, a word on health. The object itself stays,
packed, only while it deviates, so that a report of what is wrong needs no request. Everything here is a pure value;
`sync.state` holds them.
"""

from __future__ import annotations

import sys
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache

import orjson

from gitops_agent.manifest import marks, ownership
from gitops_agent.manifest.edits import FieldEdit, foreign_fields
from gitops_agent.manifest.fields import owned, projection_hash
from gitops_agent.manifest.key import AppKey, GroupKind, Object, ObjectKey
from gitops_agent.manifest.mark_authority import MarkAuthority, sealed_uid
from gitops_agent.manifest.marks import DIGEST, HOOK_FINALIZER, HOOK_RUN, REVISION, ROLLOUT, annotation
from gitops_agent.sync.health import Health, Status, assess
from gitops_agent.sync.health.expressions import HealthExpressions
from gitops_agent.sync.object_options import prune_disabled, wave_of


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveObject:
    """A live object, reduced to its identity, digests and health.

    Attributes:
        key: its identity.
        uid: of this incarnation.
        resource_version: of the state this was made from.
        generation: of its spec, 0 where the kind counts none.
        owner: the application whose marks are bound to it; None when it has none, torn ones, copied ones or unverified ones.
        owner_uid: the UID of that application, as the seal says.
        claimed: the application that unverified marks name; any writer of the object may have made them.
        seal: of unverified marks, for another look once the key is known.
        damaged: the label value of the application that a damaged mark names, on an object with fields the agent applied.
        digest: of the manifest that was applied last, as its annotation says.
        revision: the commit that manifest came from, as its annotation says.
        projection: `fields.projection_hash`; empty when we never applied it.
        health: what it says about itself.
        deleting: it has a deletion timestamp.
        controlled: it has a controller among its owners, who would make it again or wants it gone.
        prune_disabled: it says of itself that it must not be pruned.
        finalizers: what must still agree to its deletion.
        rollout: the workload whose rollout made it; empty for all declared objects.
        hook_run: the run of a hook that made it; empty for all that is no hook.
        wave: its wave, 0 without one; deletions go by it in reverse.
        undeclared: fields that users and earlier tools added to the declared ones.
        raw: the object itself, on its way from the watch into the live state, which does not keep it.
        owned: our packed field set (`ownership.pack`), kept by the live state until there is a baseline.
        packed: the object itself, packed; kept by the live state while it deviates.
    """

    key: ObjectKey
    uid: str = ""
    resource_version: str = ""
    generation: int = 0
    owner: AppKey | None = None
    owner_uid: str = ""
    claimed: AppKey | None = None
    seal: str = ""
    damaged: str = ""
    digest: str | None = None
    revision: str = ""
    projection: str = ""
    health: Health
    deleting: bool = False
    controlled: bool = False
    prune_disabled: bool = False
    finalizers: tuple[str, ...] = ()
    rollout: str = ""
    hook_run: str = ""
    wave: int = 0
    undeclared: tuple[FieldEdit, ...] = ()
    raw: Object | None = field(default=None, repr=False, compare=False)
    owned: bytes | None = field(default=None, repr=False, compare=False)
    packed: bytes | None = field(default=None, repr=False, compare=False)

    @property
    def named(self) -> AppKey | None:
        """The application that its marks name, verified or not."""
        return self.owner or self.claimed

    def verified(self, authority: MarkAuthority) -> LiveObject:
        """The object with an owner only if the agent made its seal."""
        named = self.named
        if named is None or self.owner_uid:
            return self
        if authority.verifies(self.key, named, self.seal):
            return replace(self, owner=named, owner_uid=sys.intern(sealed_uid(self.seal)), claimed=None)
        return replace(self, owner=None, claimed=named)

    def judged(self, expressions: HealthExpressions) -> LiveObject:
        """The object, judged by the expressions of its kind."""
        if self.raw is None or self.key.group_kind not in expressions:
            return self
        return replace(self, health=_shared(assess(_judged(self.raw), expressions)))

    @property
    def evidence(self) -> Object | None:
        """The raw object, read-only; None if the object does not deviate."""
        if self.raw is not None or self.packed is None:
            return self.raw
        result: Object = orjson.loads(zlib.decompress(self.packed))
        return result

    def proves(self, desired: Object) -> bool:
        """Whether field ownership proves that it is unchanged since the apply.

        Needs no baseline.

        Only asked of an object whose `digest` is that of `desired`. False means "not known", not "changed".
        """
        owned = self._ownership()
        return owned is not None and ownership.covers(owned, desired)

    def agrees(self, desired: Object) -> bool:
        """Whether the values of our fields are those of `desired`, beside `proves`.

        False means "not known" as well.
        """
        owned = self._ownership()
        return owned is not None and ownership.agrees(owned, desired)

    def _ownership(self) -> bytes | None:
        """Our packed field set, made anew where the object is at hand."""
        if self.raw is None and self.owned is not None:
            return self.owned
        evidence = self.evidence
        return ownership.pack(evidence) if evidence is not None else None

    def settled(self, *, baseline: tuple[str, str] | None, whole: bool = False) -> LiveObject:
        """The part worth caching, given the digest and projection last applied.

        The field set stays until there is a baseline, the object itself while it deviates from it, is degraded, holds edits
        undeclared, or is pinned as a whole.
        """
        owned, packed = self.owned, self.packed
        if self.raw is not None:
            owned = ownership.pack(self.raw) if baseline is None and self.digest is not None else None
        deviates = whole or bool(self.undeclared) or self.health.status is Status.DEGRADED or self.drifted(baseline)
        if self.raw is not None and deviates:
            packed = zlib.compress(orjson.dumps(self.raw), 1)
        seal = "" if self.owner_uid else self.seal
        return replace(
            self, seal=seal, raw=None, owned=owned if baseline is None else None, packed=packed if deviates else None
        )

    def drifted(self, baseline: tuple[str, str] | None) -> bool:
        """Whether it is known to differ from what was applied."""
        return baseline is not None and baseline != (self.digest, self.projection)


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Input of a plan: an application's live objects at one moment.

    Attributes:
        objects: by key: everything the application owns, and everything it declares as far as it is live.
        baselines: by key: the digest last applied by this process and the projection right after it.
        cannot_see: kinds that cannot be listed, and why. Nothing of them is known to be gone.
        complete: every kind has been listed since the start; before that nothing is deleted.
        moving: objects of the application that others declare now, and which; they are not among `objects`.
        released: objects whose former applications let go of them, and which these are.
    """

    objects: Mapping[ObjectKey, LiveObject]
    baselines: Mapping[ObjectKey, tuple[str, str]]
    cannot_see: Mapping[GroupKind, str]
    complete: bool
    moving: Mapping[ObjectKey, AppKey] = field(default_factory=dict)
    released: Mapping[ObjectKey, AppKey] = field(default_factory=dict)


def observe(obj: Object) -> LiveObject:
    """Reduces a raw object, which is kept in `raw` and not changed.

    Its marks are taken at their word; the live state verifies them.
    """
    metadata = obj.get("metadata") or {}
    mark = marks.read(obj)
    live = LiveObject(
        key=_interned(ObjectKey.of(obj)),
        uid=str(metadata.get("uid") or ""),
        resource_version=str(metadata.get("resourceVersion") or ""),
        generation=int(metadata.get("generation") or 0),
        owner=_same(mark.application) if mark is not None else None,
        seal=mark.seal if mark is not None else "",
        damaged=damaged_mark(obj) if mark is None else "",
        digest=annotation(obj, DIGEST),
        revision=sys.intern(annotation(obj, REVISION) or ""),
        projection=projection_hash(obj),
        health=_shared(assess(_judged(obj))),
        deleting=bool(metadata.get("deletionTimestamp")),
        controlled=any(isinstance(ref, dict) and ref.get("controller") for ref in metadata.get("ownerReferences") or ()),
        prune_disabled=prune_disabled(obj),
        finalizers=tuple(sys.intern(str(name)) for name in metadata.get("finalizers") or ()),
        rollout=annotation(obj, ROLLOUT) or "",
        hook_run=sys.intern(annotation(obj, HOOK_RUN) or ""),
        undeclared=foreign_fields(obj) if mark is not None else (),
        raw=obj,
    )
    # Most objects have none, and one more argument would cost each of them 200 bytes.
    wave = wave_of(obj)
    return replace(live, wave=wave) if wave else live


def damaged_mark(obj: Object) -> str:
    """`marks.damaged`, but empty for objects that the agent never applied."""
    return sys.intern(marks.damaged(obj)) if owned(obj) is not None else ""


def _judged(obj: Object) -> Object:
    """The object to judge.

    One that our finalizer keeps although it is deleted is judged by how its run ended.
    """
    metadata = obj.get("metadata") or {}
    if not metadata.get("deletionTimestamp") or HOOK_FINALIZER not in (metadata.get("finalizers") or ()):
        return obj
    return {**obj, "metadata": {name: value for name, value in metadata.items() if name != "deletionTimestamp"}}


@lru_cache(maxsize=1024)
def _shared(health: Health) -> Health:
    """Interns equal values, which most healthy objects share."""
    return health


@lru_cache(maxsize=65536)
def _same(application: AppKey) -> AppKey:
    return application


def _interned(key: ObjectKey) -> ObjectKey:
    return ObjectKey(sys.intern(key.group), sys.intern(key.kind), sys.intern(key.namespace), key.name)
