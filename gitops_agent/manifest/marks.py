"""Marks that bind a live object to its Application, and user annotations.

A label selects (watches and lists stay small), an annotation binds: it spells the identity of the very object it stands on,
so a mark that was copied along with a label block (`kubectl get -o yaml | sed | kubectl apply`, operators that copy labels to
children) binds nothing and never leads to a deletion. Flux v1 and Argo CD learned this the hard way. The annotation ends with a
seal (`mark_authority`), since users who may edit an object can write its identity themselves.
"""

from __future__ import annotations

import hashlib
from typing import Any, NamedTuple

from gitops_agent.manifest.canonical import copy
from gitops_agent.manifest.key import AppKey, Object, ObjectKey
from gitops_agent.manifest.kinds import GROUP

PREFIX = f"{GROUP}/"
FIELD_MANAGER = "gitops-agent"
CLI_MANAGER = "gitops-agent-cli"
REQUEST_MANAGER = "gitops-agent-requests"
"""Of requests that the agent writes for a person."""

APPLICATION = PREFIX + "application"
ID = PREFIX + "id"
DIGEST = PREFIX + "digest"
REVISION = PREFIX + "revision"

PRUNE = PREFIX + "prune"
APPLY = PREFIX + "apply"
DEPENDS_ON = PREFIX + "depends-on"
WAVE = PREFIX + "wave"
HOOK = PREFIX + "hook"
HOOK_DELETE_POLICY = PREFIX + "hook-delete-policy"
HOOK_RUN = PREFIX + "hook-run"
"""On the object of a hook that ran: which run it is, a digest of the hook and of what it ran for."""
REPLACE = PREFIX + "replace"
SUBSTITUTE = PREFIX + "substitute"
"""Exempts an object from variables with the value `disabled`."""
IGNORE_HEALTH = PREFIX + "ignore-health"
APPLY_BEFORE_ROLLOUT = PREFIX + "apply-before-rollout"
"""Lets a changed object be applied before the rollout of the workload that uses it."""
APPLY_WITH_ROLLOUT = PREFIX + "apply-with-rollout"
"""Holds an object back until the version it belongs to is promoted."""

ROLLOUT = PREFIX + "rollout"
"""On objects that a rollout made: the name of the workload. They come and go with it, whatever prunes or guards the others."""

ALLOWED_HOSTS = PREFIX + "allowed-hosts"
"""On a Secret: the Git hosts to which its credentials may be sent."""

CONFIGURATION = PREFIX + "configuration"
"""On a workload whose pods read generated values: a hash of what else they read when they were started last."""

DECRYPT = (PREFIX + "decrypt", "kustomize.toolkit.fluxcd.io/decrypt")
"""On an encrypted object: `disabled` leaves it as it is. The second one is Flux's."""

APPROVED = PREFIX + "approved-plan"
APPROVED_BY = PREFIX + "approved-by"
"""Names who approved which plan, as `hash user`: a claim of the client, not a proof."""
APPROVED_VIA = PREFIX + "approved-via"
"""Names how the agent identified an approver for whom it wrote, as `hash via`; the admission policy lets no other write it."""
ACTOR = PREFIX + "actor"
"""For whom the agent wrote a request last, as `user via time`."""

REQUESTED = PREFIX + "requested-at"
RETRY = PREFIX + "retry-requested-at"
"""Asks for another try of a commit that was rejected."""
TEST_REQUESTED = PREFIX + "test-requested-at"
"""On a Notifier: asks for a test message."""
FOLLOWED = PREFIX + "followed-before-rollback"
"""On an Application that `gitops-agent rollback` pinned: the reference it followed, as JSON."""
TAKEN_OVER = PREFIX + "taken-over"
"""On an Application of a release that another tool has installed: its first sync is an upgrade, also for hooks."""

FINALIZER = PREFIX + "prune"
HOOK_FINALIZER = PREFIX + "hook"
"""On the object of a hook that runs: it stays until its outcome is in the Application's status, whatever deletes it."""

_LABEL_LIMIT = 63
_SEAL = "#"


class Mark(NamedTuple):
    """What the marks of a live object say.

    Attributes:
        application: the application they name.
        seal: proof that the agent wrote them; empty on objects of versions without seals.
    """

    application: AppKey
    seal: str = ""


def label_value(application: AppKey) -> str:
    """The label value of an application: `namespace_name`, hashed past 63 characters."""
    text = f"{application.namespace}_{application.name}"
    if len(text) <= _LABEL_LIMIT:
        return text
    return f"{text[:46]}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def id_value(key: ObjectKey, application: AppKey, seal: str = "") -> str:
    """The annotation that binds the mark to this very object."""
    return f"{key}@{application}{_SEAL}{seal}" if seal else f"{key}@{application}"


def marked(obj: Object, *, application: AppKey, digest: str, revision: str, seal: str = "") -> Object:
    """A copy of a desired object with our marks, ready to apply."""
    result = copy(obj)
    metadata = result.setdefault("metadata", {})
    key = ObjectKey.of(result)
    labels = metadata["labels"] = dict(metadata.get("labels") or {})
    annotations = metadata["annotations"] = dict(metadata.get("annotations") or {})
    labels[APPLICATION] = label_value(application)
    annotations[ID] = id_value(key, application, seal)
    annotations[DIGEST] = digest
    annotations[REVISION] = revision
    return result


def claim(plan: str, user: str) -> str:
    """The value of `APPROVED_BY` that names the approver of a plan."""
    return f"{plan} {user}"


def read(obj: Object) -> Mark | None:
    """The marks of a live object; None when missing, torn or copied."""
    metadata: dict[str, Any] = obj.get("metadata") or {}
    label = (metadata.get("labels") or {}).get(APPLICATION)
    identity = (metadata.get("annotations") or {}).get(ID)
    if not isinstance(label, str) or not isinstance(identity, str):
        return None
    key_text, _, rest = identity.rpartition("@")
    application_text, _, seal = rest.partition(_SEAL)
    try:
        application = AppKey.parse(application_text)
    except ValueError:
        return None
    bound = key_text == str(ObjectKey.of(obj)) and label == label_value(application)
    return Mark(application, seal) if bound else None


def damaged(obj: Object) -> str:
    """The label value of the application that a damaged mark names.

    Empty where the mark is whole or absent. A copied mark looks the same: a copy differs by having no field that the agent
    applied.
    """
    metadata: dict[str, Any] = obj.get("metadata") or {}
    label = (metadata.get("labels") or {}).get(APPLICATION)
    if not isinstance(label, str) or read(obj) is not None:
        return ""
    key_text, _, rest = str((metadata.get("annotations") or {}).get(ID)).rpartition("@")
    try:
        # Where the annotation is whole, the label was changed.
        return label_value(AppKey.parse(rest.partition(_SEAL)[0])) if key_text == str(ObjectKey.of(obj)) else label
    except ValueError:
        return label


def owner(obj: Object) -> AppKey | None:
    """The application that a live object's marks name, sealed or not."""
    mark = read(obj)
    return mark.application if mark is not None else None


def annotation(obj: Object, name: str) -> str | None:
    """The value of an annotation, None when absent or no text."""
    value = ((obj.get("metadata") or {}).get("annotations") or {}).get(name)
    return value if isinstance(value, str) else None
