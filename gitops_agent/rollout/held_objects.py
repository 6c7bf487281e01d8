"""Decides what of the newest commit a rollout holds back.

Problem: a version that is on its way, or was rejected, must not change by halves, and yet Git must stay in charge of everything
else: at night, after a rollback, a user scales up and fixes another workload of the same application.
Decision: what makes a version is held at the commit of its pods, and nothing else. That is the workload but for what scales it,
the configuration its pods name, the Service and the routes that carry its share, and what asks to change with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from gitops_agent.manifest import marks
from gitops_agent.manifest.key import Object, ObjectKey
from gitops_agent.manifest.kinds import SERVICE
from gitops_agent.manifest.manifest import Manifest
from gitops_agent.manifest.pod_references import account, requirements
from gitops_agent.manifest.reading import mapping
from gitops_agent.rollout.state import Phase, RolloutState, Stage
from gitops_agent.rollout.version_hash import configuration, template

FOLLOWING = ("replicas", "minReadySeconds", "progressDeadlineSeconds", "revisionHistoryLimit")
"""The fields of a workload's spec that are never held: they change no pod."""

_SPEC = "its spec, but for what scales it"
_READ = "its pods read it"
_CARRIES = "the traffic of the workload goes through it"
_ASKS = "it asks to change with the version"
_NEEDED = "its pods cannot start without it"


@dataclass(frozen=True, slots=True, kw_only=True)
class Commits:
    """The manifests of the commits a rollout stands on, by key.

    Attributes:
        stable: of the stable version.
        target: of the version under way; of the stable one while there is none.
        newest: of the newest commit.
    """

    stable: Mapping[ObjectKey, Manifest]
    target: Mapping[ObjectKey, Manifest]
    newest: Mapping[ObjectKey, Manifest]


@dataclass(frozen=True, slots=True, kw_only=True)
class Withheld:
    """An object that differs from the newest commit because it is held."""

    key: ObjectKey
    why: str

    def __str__(self) -> str:
        return f"{self.key}: {self.why}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """What a rollout decides about objects of Git.

    Attributes:
        objects: by key, as they are held; None where the object is not applied now.
        reasons: why each of them is held, in words.
        kept: what is declared no longer, or not applied now, and not deleted before the run ends.
        early: held objects that asked to change before the rollout, and do.
    """

    objects: Mapping[ObjectKey, Manifest | None] = field(default_factory=dict)
    reasons: Mapping[ObjectKey, str] = field(default_factory=dict)
    kept: frozenset[ObjectKey] = frozenset()
    early: frozenset[ObjectKey] = frozenset()

    def withheld(self, newest: Mapping[ObjectKey, Manifest], workload: ObjectKey) -> tuple[Withheld, ...]:
        """The objects that differ from the newest commit because they are held."""
        return tuple(
            Withheld(key=key, why=self.reasons[key])
            for key, manifest in sorted(self.objects.items())
            if _differs(manifest, newest.get(key), following=FOLLOWING if key == workload else ())
        )


def hold(state: RolloutState, commits: Commits, workload: ObjectKey, carriers: Iterable[ObjectKey]) -> Holding:
    """What of the newest commit is held back now.

    Args:
        state: where the rollout stands.
        commits: the manifests.
        workload: what is rolled out.
        carriers: the Service and the routes of the run.
    """
    old, new = commits.stable, commits.target
    objects: dict[ObjectKey, Manifest | None] = {}
    reasons: dict[ObjectKey, str] = {}
    early: set[ObjectKey] = set()
    for key in bound(state, commits, workload) | {workload}:
        objects[key] = _held(state, old.get(key), new.get(key))
        asks = any(_asks(side[key], marks.APPLY_WITH_ROLLOUT) for side in (old, new) if key in side)
        reasons[key] = _SPEC if key == workload else _ASKS if asks else _READ
        if _early(state, old.get(key), new.get(key)) and key != workload:
            early.add(key)
    for key in carriers:
        if key in old or key in new:
            # A run ends with the Service and the routes that it began with, also where only one of its commits has them.
            objects[key] = _held(state, old.get(key), new.get(key)) or (old.get(key) or new.get(key) if state.running else None)
            reasons[key] = _CARRIES
            if _early(state, old.get(key), new.get(key)):
                early.add(key)
    named = used(old, workload) | (used(new, workload) if state.running else set())
    for key in named - commits.newest.keys() - objects.keys():
        if key in old or not state.given_up:
            objects[key] = (state.rolled and new.get(key)) or old.get(key) or new.get(key)
            reasons[key] = _NEEDED
    kept = {key for key, manifest in objects.items() if manifest is None and key in commits.newest}
    if state.running:
        kept |= read_by_pods(old, workload) | (new.keys() - old.keys() if state.given_up else set())
    return Holding(objects=objects, reasons=reasons, kept=frozenset(kept), early=frozenset(early))


def bound(state: RolloutState, commits: Commits, workload: ObjectKey) -> frozenset[ObjectKey]:
    """The configuration that goes with the version, and what asks to.

    What only the new pods read, and other objects have read before, is left to Git: those pods have copies until the workload
    takes the version.
    """
    old, new = commits.stable, commits.target
    later = {key for key in read_by_pods(new, workload) if state.rolled or key not in old} if state.running else set()
    marked = {key for side in (old, new) for key, manifest in side.items() if _asks(manifest, marks.APPLY_WITH_ROLLOUT)}
    return frozenset(read_by_pods(old, workload) | later | marked)


def read_by_pods(manifests: Mapping[ObjectKey, Manifest], workload: ObjectKey) -> set[ObjectKey]:
    """The declared ConfigMaps and Secrets that a workload's pods read."""
    manifest = manifests.get(workload)
    return set() if manifest is None else set(configuration(manifest.obj, {key: other.obj for key, other in manifests.items()}))


def used(manifests: Mapping[ObjectKey, Manifest], workload: ObjectKey) -> set[ObjectKey]:
    """The declared objects that a workload's pods need to start."""
    manifest = manifests.get(workload)
    return set() if manifest is None else {key for key in _named(manifest.obj, workload.namespace) if key in manifests}


def held_workload(manifest: Manifest, newest: Manifest | None) -> Manifest:
    """The workload of a version, with what follows the newest commit."""
    if newest is None or newest is manifest:
        return manifest
    spec = {name: value for name, value in mapping(manifest.obj.get("spec")).items() if name not in FOLLOWING}
    latest = mapping(newest.obj.get("spec"))
    spec |= {name: latest[name] for name in FOLLOWING if name in latest}
    return replace(newest.with_object({**newest.obj, "spec": spec}), commit=manifest.commit)


def _named(workload: Object, namespace: str) -> Iterator[ObjectKey]:
    yield account(template(workload), namespace)
    yield from requirements(template(workload), namespace)
    yield SERVICE.named(namespace, str(mapping(workload.get("spec")).get("serviceName")))


def _held(state: RolloutState, old: Manifest | None, new: Manifest | None) -> Manifest | None:
    if state.rolled or _early(state, old, new):
        return new
    # What is new is there before the pods that read it; a version that leaves adds nothing more.
    return (None if state.given_up else new) if old is None else old


def _early(state: RolloutState, old: Manifest | None, new: Manifest | None) -> bool:
    """Whether a changed object comes before the rollout, as it asks to."""
    open_ = (state.early or state.phase is Phase.PROMOTE) and state.stage is not Stage.RESTORE
    changed = old is not None and new is not None and old.digest != new.digest
    return open_ and changed and new is not None and _asks(new, marks.APPLY_BEFORE_ROLLOUT)


def _asks(manifest: Manifest, annotation: str) -> bool:
    return marks.annotation(manifest.obj, annotation) == "true"


def _differs(held: Manifest | None, newest: Manifest | None, *, following: tuple[str, ...]) -> bool:
    if held is None or newest is None or not following:
        return (held.digest if held else "") != (newest.digest if newest else "")
    specs = (mapping(side.obj.get("spec")) for side in (held, newest))
    first, second = ({name: value for name, value in spec.items() if name not in following} for spec in specs)
    return first != second
