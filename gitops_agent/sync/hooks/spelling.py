"""Spellings of hooks: our annotation, Argo CD's and Helm's.

A chart means other moments by `pre-install` when Helm installs it than when Argo CD syncs it, so how Helm's hooks are read is
an option of the Application. A value that cannot be understood is a problem and never a default.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gitops_agent.api.render_options import HelmHooks
from gitops_agent.manifest.key import Object
from gitops_agent.manifest.marks import HOOK, annotation
from gitops_agent.sync.hooks.moment import Moment, Operation, Time, always

ARGO_HOOK = "argocd.argoproj.io/hook"
HELM_HOOK = "helm.sh/hook"

HELM_TESTS = frozenset({"test", "test-success", "test-failure"})
ORDINARY = frozenset({"crd-install"})
"""Moments of old charts that mean no more than "before the others", which the inferred order does anyway."""


_OWN: Mapping[str, frozenset[Time]] = {moment.value: always(moment) for moment in Moment}
_ARGO: Mapping[str, frozenset[Time]] = {
    "PreSync": always(Moment.PRE_SYNC),
    "Sync": always(Moment.SYNC),
    "PostSync": always(Moment.POST_SYNC),
    "SyncFail": always(Moment.SYNC_FAIL),
    "PreDelete": always(Moment.PRE_DELETE),
    "PostDelete": always(Moment.POST_DELETE),
    "Skip": frozenset(),
}
_HELM_DELETION = {"pre-delete": always(Moment.PRE_DELETE), "post-delete": always(Moment.POST_DELETE)}
_NEVER = dict.fromkeys(HELM_TESTS | ORDINARY, frozenset[Time]())
_HELM: Mapping[HelmHooks, Mapping[str, frozenset[Time]]] = {
    HelmHooks.HELM: {
        f"{when}-{operation.value}": frozenset({(operation, moment)})
        for operation in Operation
        for when, moment in (("pre", Moment.PRE_SYNC), ("post", Moment.POST_SYNC))
    }
    | _HELM_DELETION
    | _NEVER,
    HelmHooks.EVERY_SYNC: {
        "pre-install": always(Moment.PRE_SYNC),
        "pre-upgrade": always(Moment.PRE_SYNC),
        "post-install": always(Moment.POST_SYNC),
        "post-upgrade": always(Moment.POST_SYNC),
        "pre-rollback": frozenset(),
        "post-rollback": frozenset(),
    }
    | _HELM_DELETION
    | _NEVER,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class HookText:
    """What the annotation of a hook says.

    Attributes:
        annotation: its name.
        value: what it lists, as written.
        times: when the hook runs; empty when it never does.
        why_not: why it never runs, for people; empty when it does.
    """

    annotation: str
    value: str
    times: frozenset[Time]
    why_not: str = ""


def hook_text(obj: Object, helm: HelmHooks = HelmHooks.HELM) -> HookText | None:
    """What makes an object a hook; None when nothing does.

    Raises:
        ValueError: a moment is not known; the text reads on after the name of the object.
    """
    read_helm = HelmHooks.HELM if helm is HelmHooks.NONE else helm
    for name, moments in ((HOOK, _OWN), (ARGO_HOOK, _ARGO), (HELM_HOOK, _HELM[read_helm])):
        text = annotation(obj, name)
        if text is None:
            continue
        listed = [part.strip() for part in text.split(",") if part.strip()]
        unknown = sorted(set(listed) - moments.keys())
        if unknown or not listed:
            wrong = ", ".join(unknown) or text
            raise ValueError(f"annotation {name}: {wrong!r} is none of {', '.join(sorted(moments))}")
        if set(listed) <= ORDINARY:
            continue
        times = frozenset[Time]().union(*(moments[word] for word in listed))
        if name == HELM_HOOK and helm is HelmHooks.NONE:
            return HookText(annotation=name, value=text, times=frozenset(), why_not="spec.render.helm.hooks is none")
        why_not = "" if times else _why_not(set(listed))
        return HookText(annotation=name, value=text, times=times, why_not=why_not)
    return None


def _why_not(listed: set[str]) -> str:
    if listed <= HELM_TESTS:
        return "tests of charts are not run"
    if listed <= {"Skip"}:
        return "it asks to be skipped"
    return "no sync has this moment"
