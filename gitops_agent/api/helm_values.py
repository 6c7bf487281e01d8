"""Options for a chart's values from elsewhere, and for its CRDs."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field

from gitops_agent.api.kustomize_changes import Image, NamePart, Patch
from gitops_agent.api.model import Model, Rule
from gitops_agent.api.source_options import REPO_URL_RULES, RefSpec, RepositoryURL, SecretRef
from gitops_agent.api.texts import Name, NamespaceName, Pointer, RepositoryPath, Shape

_KEY = "values.yaml"


class Exposure(StrEnum):
    """What happens to a render with a secret value outside a Secret."""

    REFUSE = "refuse"
    WARN = "warn"


class ValuesKind(StrEnum):
    """What holds values."""

    CONFIG_MAP = "ConfigMap"
    SECRET = "Secret"  # noqa: S105 - a kind
    GIT = "Git"


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


class KustomizeChanges(Model):
    """What kustomize changes in rendered objects."""

    images: Annotated[tuple[Image, ...], Field(max_length=256)] = ()
    """Images to replace."""

    patches: Annotated[tuple[Patch, ...], Field(max_length=64)] = ()
    """Patches to apply, before names and namespaces change; a `path` is relative to `source.path`."""

    namespace: NamespaceName | None = None
    """The namespace of every namespaced object, also of those that name another one."""

    name_prefix: NamePart | None = None
    """What the names of all objects begin with, and references to them; text such as an address in an argument stays."""

    name_suffix: NamePart | None = None
    """What the names of all objects end with, as with `namePrefix`."""


class PostRender(Model):
    """Changes of what a chart renders; no other program is run."""

    kustomize: KustomizeChanges
    """Images, patches, names and the namespace. Components are not taken: they bring files and objects of their own."""


class ValuesSource(Model):
    """What holds values of a chart.

    An object of the Application's namespace, or a file of a Git repository.
    """

    kind: ValuesKind
    """ConfigMap, Secret or Git."""

    name: Name | None = None
    """The ConfigMap or Secret."""

    key: Annotated[str, Shape(pattern=r"[-._a-zA-Z0-9]+", message="is not the key of a ConfigMap or Secret", longest=253)] = (
        _KEY
    )
    """The entry of a ConfigMap or Secret: YAML, or with `targetPath` a single value."""

    repo_url: RepositoryURL | None = Field(default=None, alias="repoURL")
    """Git: the repository, as in `source.repoURL`."""

    ref: RefSpec | None = None
    """Git: which commit to follow. A new commit renders again where it changes the file."""

    path: RepositoryPath | None = None
    """Git: the file, relative to the root of its repository: YAML, or with `targetPath` a single value."""

    secret_ref: SecretRef | None = None
    """Git: credentials, as in `source.secretRef`."""

    target_path: Pointer | None = None
    """The value that the entry or file is, as a JSON pointer such as `/postgres/password`; a number stands for an item of a
    list. The entry of a Secret and a file stay text; in a ConfigMap, `true`, `false` and whole numbers become what they look
    like unless quoted."""

    optional: bool = False
    """Whether the object, its entry or the file may be absent; a repository that cannot be read is not absent."""

    exposure: Exposure = Exposure.REFUSE
    """What is in a Secret belongs in Secrets: `refuse` stops a render that holds one of its values elsewhere, `warn` lets it
    through, and then diffs and statuses may show the value."""

    RULES: ClassVar[tuple[Rule, ...]] = (
        Rule(
            cel="self.kind == 'Git' ? (has(self.repoURL) && has(self.ref) && has(self.path)) : has(self.name)",
            holds=lambda source: (
                None not in (source.repo_url, source.ref, source.path)
                if source.kind is ValuesKind.GIT
                else source.name is not None
            ),
            message="needs name, or repoURL, ref and path with kind Git",
        ),
        Rule(
            cel="self.kind == 'Git' "
            f"? (!has(self.name) && (!has(self.key) || self.key == '{_KEY}') "
            "&& (!has(self.exposure) || self.exposure == 'refuse')) "
            ": (!has(self.repoURL) && !has(self.ref) && !has(self.path) && !has(self.secretRef))",
            holds=lambda source: (
                (source.name, source.key, source.exposure) == (None, _KEY, Exposure.REFUSE)
                if source.kind is ValuesKind.GIT
                else (source.repo_url, source.ref, source.path, source.secret_ref) == (None, None, None, None)
            ),
            message="name, key and exposure belong to ConfigMaps and Secrets; repoURL, ref, path and secretRef to kind Git",
        ),
        *REPO_URL_RULES,
    )
