"""Options for a chart's values from objects, and for its CRDs."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from gitops_agent.api.model import Model
from gitops_agent.api.texts import Name, Pointer, Shape


class Exposure(StrEnum):
    """What happens to a render with a secret value outside a Secret."""

    REFUSE = "refuse"
    WARN = "warn"


class ValuesKind(StrEnum):
    """What holds values."""

    CONFIG_MAP = "ConfigMap"
    SECRET = "Secret"  # noqa: S105 - a kind


class CRDPolicy(StrEnum):
    """What becomes of a chart's `crds/` directory."""

    APPLY = "apply"
    CREATE_ONLY = "create-only"
    SKIP = "skip"


class GeneratedValues(StrEnum):
    """What becomes of values that a chart makes up in each render."""

    KEEP = "keep"
    RENDER = "render"


class ChartTests(StrEnum):
    """When the tests of a chart run."""

    NONE = "none"
    AFTER_SYNC = "after-sync"


class ValuesSource(Model):
    """An object of the Application's namespace that holds values of a chart."""

    kind: ValuesKind
    """ConfigMap or Secret."""

    name: Name
    """Its name."""

    key: Annotated[str, Shape(pattern=r"[-._a-zA-Z0-9]+", message="is not the key of a ConfigMap or Secret", longest=253)] = (
        "values.yaml"
    )
    """The entry to read: YAML, or with `targetPath` a single value."""

    target_path: Pointer | None = None
    """The value that the entry is, as a JSON pointer such as `/postgres/password`; a number stands for an item of a list. The
    entry of a Secret stays text; in a ConfigMap, `true`, `false` and whole numbers become what they look like unless quoted."""

    optional: bool = False
    """Whether the object or its entry may be absent."""

    exposure: Exposure = Exposure.REFUSE
    """What is in a Secret belongs in Secrets: `refuse` stops a render that holds one of its values elsewhere, `warn` lets it
    through, and then diffs and statuses may show the value."""
