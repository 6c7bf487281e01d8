"""Fields that hold text whatever it looks like.

`replicas: ${REPLICAS}` has to become a number and the annotation `"${ID}"` must not, and after kustomize the quotes that made
the difference are gone. So the fields that are text are listed here, and everywhere else a variable that reads as a whole
number or a boolean becomes one.
"""

from __future__ import annotations

from collections.abc import Sequence

MAPS = frozenset({"labels", "annotations", "matchLabels", "nodeSelector", "commonLabels", "commonAnnotations", "stringData"})
"""Maps of text, in every kind."""

MAPS_OF_KINDS = {
    "ConfigMap": ("data", "binaryData"),
    "Secret": ("data", "type"),
    "Service": ("spec.selector",),
    "ReplicationController": ("spec.selector",),
    "StorageClass": ("parameters",),
}
"""Maps of text in single kinds."""

FIELDS = frozenset(
    {
        *(
            "name",
            "generateName",
            "namespace",
            "serviceAccountName",
            "secretName",
            "claimName",
            "key",
            "image",
            "imagePullPolicy",
        ),
        *(
            "command",
            "args",
            "path",
            "subPath",
            "mountPath",
            "workingDir",
            "hostname",
            "subdomain",
            "host",
            "hosts",
            "url",
            "uri",
        ),
        *("version", "tag", "digest", "cpu", "memory", "storage", "ephemeral-storage", "schedule", "timeZone", "domain"),
        *("email", "user", "username", "password", "token", "accountId", "accountID", "projectId", "projectID", "region"),
        *("externalName", "clusterIP", "loadBalancerIP", "storageClassName", "ingressClassName", "priorityClassName"),
    }
)
"""Fields that are text, or take text as well as a number, wherever they stand."""

VALUES_OF = frozenset({"env", "tolerations", "matchExpressions", "httpHeaders", "headers", "sysctls", "parameters"})
"""Lists whose entries have a `value` or `values` that is text."""


def is_text(kind: str, steps: Sequence[str]) -> bool:
    """Whether a field holds text.

    Args:
        kind: of the object.
        steps: names of fields, and positions in lists as `[0]`.
    """
    names = [step for step in steps if not step.startswith("[")]
    if not names or names[-1] in FIELDS or any(name in MAPS for name in names[:-1]):
        return True
    if names[-1] in ("value", "values") and len(names) > 1 and names[-2] in VALUES_OF:
        return True
    path = ".".join(names)
    return any(path == text or path.startswith(f"{text}.") for text in MAPS_OF_KINDS.get(kind, ()))
