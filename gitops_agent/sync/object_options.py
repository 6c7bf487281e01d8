"""Options of an object: our annotations, and those of other tools.

A repository that moves over from Argo CD, Flux, Helm or kpt keeps working unchanged. A value that cannot be understood is a
problem and never a default: `prune: disable` quietly read as "enabled" is how a database gets deleted.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from gitops_agent.errors import did_you_mean
from gitops_agent.manifest import marks
from gitops_agent.manifest.key import Object, ObjectKey

ARGO_WAVE = "argocd.argoproj.io/sync-wave"
ARGO_OPTIONS = "argocd.argoproj.io/sync-options"
FLUX_PRUNE = "kustomize.toolkit.fluxcd.io/prune"
FLUX_SSA = "kustomize.toolkit.fluxcd.io/ssa"
FLUX_RECONCILE = "kustomize.toolkit.fluxcd.io/reconcile"
FLUX_FORCE = "kustomize.toolkit.fluxcd.io/force"
HELM_POLICY = "helm.sh/resource-policy"
KPT_DEPENDS_ON = "config.kubernetes.io/depends-on"

_WAVE = re.compile(r"[+-]?[0-9]{1,9}")
_NAMESPACED_PARTS = 5
_CLUSTER_PARTS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectOptions:
    """The options of one object.

    Attributes:
        prune_disabled: never delete it.
        create_only: create it, then leave it alone.
        ignore: do not apply it at all, and do not delete it either.
        wave: objects of a lower wave are healthy first.
        depends_on: these are healthy first.
        replace_on_immutable: delete and create it where only that can bring a change about.
        ignore_health: dependants do not wait for its health.
    """

    prune_disabled: bool = False
    create_only: bool = False
    ignore: bool = False
    wave: int = 0
    depends_on: tuple[ObjectKey, ...] = ()
    replace_on_immutable: bool = False
    ignore_health: bool = False


NONE = ObjectOptions()
"""Of an object on which nothing is written."""

Reader = Callable[[ObjectOptions, str], ObjectOptions]


def _choice(**effects: dict[str, Any]) -> Reader:
    """A reader of one word; `_` stands for `-` in the words."""
    words = {word.replace("_", "-"): effect for word, effect in effects.items()}

    def read_word(options: ObjectOptions, text: str) -> ObjectOptions:
        effect = words.get(text.strip().lower())
        if effect is None:
            raise ValueError(f"{text!r} is none of {', '.join(words)}")
        return replace(options, **effect) if effect else options

    return read_word


def _wave(options: ObjectOptions, text: str) -> ObjectOptions:
    if not _WAVE.fullmatch(text.strip()):
        raise ValueError(f"{text!r} is not a whole number")
    return replace(options, wave=int(text))


def _options(options: ObjectOptions, text: str) -> ObjectOptions:
    for option in (part.strip() for part in text.split(",") if part.strip()):
        name, equals, value = option.partition("=")
        if not equals:
            raise ValueError(f"{option!r} is not of the form Option=value")
        if name in ("Prune", "Delete"):
            if value not in ("true", "false", "confirm"):
                raise ValueError(f"{option!r}: the value is none of true, false, confirm")
            if value != "true":
                options = replace(options, prune_disabled=True)
        elif name == "Force" and value == "true":
            options = replace(options, replace_on_immutable=True)
    return options


def _own_depends_on(options: ObjectOptions, text: str) -> ObjectOptions:
    return _depends_on(options, text, ObjectKey.parse)


def _kpt_depends_on(options: ObjectOptions, text: str) -> ObjectOptions:
    return _depends_on(options, text, _kpt_key)


def _depends_on(options: ObjectOptions, text: str, parse: Callable[[str], ObjectKey]) -> ObjectOptions:
    keys = [parse(part.strip()) for part in text.split(",")]
    return replace(options, depends_on=tuple(dict.fromkeys((*options.depends_on, *keys))))


def _kpt_key(text: str) -> ObjectKey:
    """The key spelled `group/namespaces/namespace/Kind/name` or, cluster-scoped, `group/Kind/name`; the core group is empty."""
    parts = text.split("/")
    if len(parts) == _NAMESPACED_PARTS and parts[1] == "namespaces" and all(parts[2:]):
        return ObjectKey(parts[0], parts[3], parts[2], parts[4])
    if len(parts) == _CLUSTER_PARTS and all(parts[1:]):
        return ObjectKey(parts[0], parts[1], "", parts[2])
    raise ValueError(f"{text!r} is not of the form group/namespaces/namespace/Kind/name or group/Kind/name")


READERS: Mapping[str, Reader] = {
    # Foreign spellings first: a wave in our own annotation wins. Requests to keep an object only ever add up.
    ARGO_WAVE: _wave,
    ARGO_OPTIONS: _options,
    FLUX_PRUNE: _choice(enabled={}, disabled={"prune_disabled": True}),
    FLUX_SSA: _choice(override={}, merge={}, ifnotpresent={"create_only": True}, ignore={"ignore": True}),
    FLUX_RECONCILE: _choice(enabled={}, disabled={"ignore": True}),
    FLUX_FORCE: _choice(enabled={"replace_on_immutable": True}, disabled={}),
    HELM_POLICY: _choice(keep={"prune_disabled": True}),
    KPT_DEPENDS_ON: _kpt_depends_on,
    marks.WAVE: _wave,
    marks.PRUNE: _choice(enabled={}, disabled={"prune_disabled": True}),
    marks.APPLY: _choice(always={}, create_only={"create_only": True}, ignore={"ignore": True}),
    marks.REPLACE: _choice(never={"replace_on_immutable": False}, on_immutable={"replace_on_immutable": True}),
    marks.IGNORE_HEALTH: _choice(true={"ignore_health": True}, false={}),
    marks.DEPENDS_ON: _own_depends_on,
    marks.APPLY_BEFORE_ROLLOUT: _choice(true={}, false={}),  # the rollout reads it
    marks.APPLY_WITH_ROLLOUT: _choice(true={}, false={}),  # the rollout reads it
}
"""The annotations that say how to treat an object."""

_OWN = frozenset(value for value in vars(marks).values() if isinstance(value, str) and value.startswith(marks.PREFIX))
_PREFIXES = tuple(sorted({name.partition("/")[0] + "/" for name in READERS} | {marks.PREFIX}))


def read(obj: Object) -> tuple[ObjectOptions, tuple[str, ...]]:
    """Parses the options of an object, and reports invalid ones.

    Each problem reads on after the name of the object.
    """
    annotations = _annotations(obj)
    written = [name for name in annotations if isinstance(name, str) and name.startswith(_PREFIXES)]
    if not written:
        return NONE, ()
    options = NONE
    problems = []
    for name, reader in READERS.items():
        if name not in annotations:
            continue
        value = annotations[name]
        if not isinstance(value, str):
            problems.append(f"annotation {name}: {value!r} is not text; put it in quotes")
            continue
        try:
            options = reader(options, value)
        except ValueError as error:
            problems.append(f"annotation {name}: {error}")
    problems += (_unknown(name) for name in written if name.startswith(marks.PREFIX) and name not in _OWN)
    return options, tuple(problems)


@lru_cache(maxsize=256)
def _unknown(name: str) -> str:
    """The problem of an unknown annotation with our prefix.

    Looking for similar names is slow, so the result is cached.
    """
    return f"annotation {name} is not known{did_you_mean(difflib.get_close_matches(name, _OWN, n=1))}"


_KEEPING = (marks.PRUNE, FLUX_PRUNE, HELM_POLICY, ARGO_OPTIONS)


def prune_disabled(obj: Object) -> bool:
    """Whether a live object must never be pruned, in any spelling.

    Live annotations are not validated, so an invalid value counts as such a request.
    """
    options, problems = read(obj)
    return options.prune_disabled or any(problem.startswith(f"annotation {name}:") for problem in problems for name in _KEEPING)


def wave_of(obj: Object) -> int | None:
    """The wave of an object; None where none can be read."""
    annotations = _annotations(obj)
    for name in (marks.WAVE, ARGO_WAVE):
        value = annotations.get(name)
        if isinstance(value, str) and _WAVE.fullmatch(value.strip()):
            return int(value)
    return None


def within(reference: ObjectKey, asker: ObjectKey, declared: Container[ObjectKey]) -> ObjectKey | None:
    """The declared object that a reference of `asker` means.

    Without a namespace it may be in the asker's own.
    """
    if reference in declared:
        return reference
    near = ObjectKey(reference.group, reference.kind, reference.namespace or asker.namespace, reference.name)
    return near if near in declared else None


def _annotations(obj: Object) -> Mapping[Any, Any]:
    metadata = obj.get("metadata")
    annotations = metadata.get("annotations") if isinstance(metadata, dict) else None
    return annotations if isinstance(annotations, dict) else {}
