"""Hooks: objects that run during a sync, in three spellings of annotations.

Applying a hook like any other object would run a migration on every change and delete its Job as drift later, so a hook is
recognised, left out, and said to be left out.
"""

from __future__ import annotations

from gitops_agent.manifest.key import Object
from gitops_agent.manifest.marks import HOOK, annotation

ARGO_HOOK = "argocd.argoproj.io/hook"
HELM_HOOK = "helm.sh/hook"

MOMENTS: dict[str, frozenset[str]] = {
    HOOK: frozenset({"pre-sync", "post-sync", "sync-fail"}),
    ARGO_HOOK: frozenset({"PreSync", "Sync", "PostSync", "SyncFail", "PreDelete", "PostDelete", "Skip"}),
    HELM_HOOK: frozenset(
        {
            "crd-install",
            "pre-install",
            "post-install",
            "pre-upgrade",
            "post-upgrade",
            "pre-rollback",
            "post-rollback",
            "pre-delete",
            "post-delete",
            "test",
            "test-success",
            "test-failure",
        },
    ),
}
"""The annotations that make a hook, in order of precedence, and the values each may list, separated by commas."""

ORDINARY = frozenset({"crd-install"})
"""Moments of old charts that mean no more than "before the others", which the inferred order does anyway."""


def hook(obj: Object) -> tuple[str, str] | None:
    """The annotation and phases of a hook; None when it is none.

    Raises:
        ValueError: a moment is not known; the text reads on after the name of the object.
    """
    for name, moments in MOMENTS.items():
        text = annotation(obj, name)
        if text is None:
            continue
        phases = [part.strip() for part in text.split(",") if part.strip()]
        unknown = sorted(set(phases) - moments)
        if unknown or not phases:
            wrong = ", ".join(unknown) or text
            raise ValueError(f"annotation {name}: {wrong!r} is none of {', '.join(sorted(moments))}")
        if set(phases) <= ORDINARY:
            continue
        return name, ",".join(phases)
    return None
