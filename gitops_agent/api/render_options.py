"""Options of the renderer, which is detected by default.

The order of detection: kustomization.yaml, then Chart.yaml, then plain YAML.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, ClassVar

from pydantic import Field

from gitops_agent.api.helm_values import ChartTests, CRDPolicy, Exposure, GeneratedValues, PostRender, ValuesKind, ValuesSource
from gitops_agent.api.kustomize_changes import Image, NamePart, Patch
from gitops_agent.api.model import Model, Rule
from gitops_agent.api.source_options import ChartRepository, ChartSpec, SecretRef
from gitops_agent.api.texts import FilePath, Name, NamespaceName, ReleaseName, Shape, VariableName, VariableValue

_MOST_GIT_VALUES = 8


class HelmHooks(StrEnum):
    """How Helm's hooks are read."""

    HELM = "helm"
    EVERY_SYNC = "every-sync"
    NONE = "none"


class HelmOptions(Model):
    """The options of `helm template`."""

    chart: ChartSpec | None = None
    """A chart of a repository, rendered with values of this commit; `valuesFiles` are then relative to `source.path`."""

    repositories: Annotated[tuple[ChartRepository, ...], Field(max_length=16)] = ()
    """Credentials for the repositories of the chart's dependencies. The repository of `chart` needs no entry."""

    release_name: ReleaseName | None = None
    """The release; the application's name when absent."""

    values_files: Annotated[tuple[FilePath, ...], Field(max_length=32)] = ()
    """Values files relative to the chart, later ones win; they may lie outside the chart but not outside the repository."""

    ignore_missing_values_files: bool = False
    """Render without values files that are not in the repository."""

    values_from: Annotated[tuple[ValuesSource, ...], Field(max_length=32)] = ()
    """ConfigMaps, Secrets and files of other Git repositories with values, later ones win; they win over `valuesFiles`. A
    change of an object renders again at once, and one of a file with the next poll of its repository."""

    values: dict[str, Any] = Field(default_factory=dict)
    """Values written here win over every file and object."""

    kube_version: (
        Annotated[
            str, Shape(pattern=r"v?[0-9]+\.[0-9]+(\.[0-9]+)?([-+][0-9A-Za-z.+-]*)?", message="is not a version", longest=32)
        ]
        | None
    ) = None
    """The Kubernetes version passed to charts; the cluster's own when absent."""

    api_versions: Annotated[tuple[Annotated[str, Field(max_length=256, min_length=1)], ...], Field(max_length=256)] = ()
    """API versions passed to charts, in addition to those of the cluster."""

    skip_schema_validation: bool = False
    """Do not check values against the schema of the chart."""

    crds: CRDPolicy | None = None
    """The chart's `crds/` directory: `apply` (the default) creates and upgrades what is in it, `create-only` creates what is
    missing and never changes or deletes it, as Helm does, `skip` leaves it out."""

    skip_crds: Annotated[bool, Field(alias="skipCRDs")] = False
    """The same as `crds: skip`."""

    hooks: HelmHooks = HelmHooks.HELM
    """When the chart's hooks run: `helm` (as Helm does, by installation, upgrade and rollback), `every-sync` (as Argo CD does)
    or `none`."""

    tests: ChartTests = ChartTests.NONE
    """When the chart's tests (`helm.sh/hook: test`) run: `none` leaves them to `gitops-agent test`, `after-sync` runs them as
    hooks once the objects of new content are healthy; one that fails fails the sync."""

    post_render: PostRender | None = None
    """What is changed in the objects that the chart renders, by kustomize."""

    generated: GeneratedValues = GeneratedValues.KEEP
    """Passwords, keys and certificates that the chart makes up: `keep` creates them once and keeps what is live, `render`
    applies what each render makes up."""

    RULES: ClassVar[tuple[Rule, ...]] = (
        Rule(
            cel="!has(self.skipCRDs) || !self.skipCRDs || !has(self.crds) || self.crds == 'skip'",
            holds=lambda helm: not helm.skip_crds or helm.crds in (None, CRDPolicy.SKIP),
            message="skipCRDs says skip and crds says something else; leave skipCRDs out",
        ),
        Rule(
            cel="!has(self.valuesFrom) || self.valuesFrom.filter(source, source.kind == 'Git').size() <= 8",
            holds=lambda helm: sum(source.kind is ValuesKind.GIT for source in helm.values_from) <= _MOST_GIT_VALUES,
            message="valuesFrom takes at most 8 files of Git",
        ),
    )

    @property
    def crd_policy(self) -> CRDPolicy:
        """What becomes of the chart's `crds/`."""
        return CRDPolicy.SKIP if self.skip_crds else self.crds or CRDPolicy.APPLY


class KustomizeOptions(Model):
    """What is laid over the kustomization of `source.path`."""

    components: Annotated[tuple[FilePath, ...], Field(max_length=64)] = ()
    """Components, relative to `source.path`."""

    images: Annotated[tuple[Image, ...], Field(max_length=256)] = ()
    """Images to replace."""

    patches: Annotated[tuple[Patch, ...], Field(max_length=64)] = ()
    """Patches to apply last."""

    namespace: NamespaceName | None = None
    """The namespace of every namespaced object, also of those that name another one."""

    name_prefix: NamePart | None = None
    """What the names of all objects begin with, and references to them."""

    name_suffix: NamePart | None = None
    """What the names of all objects end with, and references to them."""

    @property
    def laid_over(self) -> bool:
        """Whether anything is."""
        return any((self.components, self.images, self.patches, self.namespace, self.name_prefix, self.name_suffix))


class VariableKind(StrEnum):
    """Where variables are read from."""

    CONFIG_MAP = "ConfigMap"
    SECRET = "Secret"  # noqa: S105 - a kind


class VariableSource(Model):
    """An object of the Application's namespace whose keys are variables."""

    kind: VariableKind
    """ConfigMap or Secret."""

    name: Name
    """Its name."""

    optional: bool = False
    """Whether it may be absent."""


class Undefined(StrEnum):
    """What becomes of a variable without a value."""

    ERROR = "error"
    EMPTY = "empty"
    KEEP = "keep"


class SubstitutionPlace(StrEnum):
    """Where variables are replaced."""

    VALUES = "values"
    NAMES = "names"


class Compatibility(StrEnum):
    """Whose results are reproduced."""

    NONE = "none"
    FLUX = "flux"


class Variables(Model):
    """Replaces `${NAME}` in rendered objects."""

    values: Annotated[dict[VariableName, VariableValue], Field(max_length=256)] = Field(default_factory=dict)
    """Text, whole numbers and booleans, which keep their type. They win over the values of objects."""

    sources: Annotated[tuple[VariableSource, ...], Field(alias="from", max_length=32)] = ()
    """Objects to read values from, later ones win."""

    undefined: Undefined = Undefined.ERROR
    """A variable that has neither a value nor a default: `error` stops the render and lists all of them, `empty` replaces it by
    nothing, `keep` leaves it as it is."""

    places: Annotated[tuple[SubstitutionPlace, ...], Field(alias="in", max_length=2)] = (SubstitutionPlace.VALUES,)
    """`values` is every value but the identity of an object, `names` is `metadata.name`, `generateName` and `namespace`."""

    compatibility: Compatibility = Compatibility.NONE
    """`flux` replaces in the YAML text of each object, as Flux does, for repositories that rely on it."""


class DecryptionProvider(StrEnum):
    """What decrypts files."""

    SOPS = "sops"


class Decryption(Model):
    """Files encrypted in Git are decrypted in memory before they are rendered."""

    provider: DecryptionProvider = DecryptionProvider.SOPS
    """Only `sops`."""

    secret_ref: SecretRef | None = None
    """The Secret with the private keys, in the Application's namespace. The names of its keys are those of Flux: `*.agekey`
    for age, `*.asc` for OpenPGP, `sops.aws-kms` for AWS,
    `sops.gcp-kms` for Google Cloud, `sops.azure-kv` for Azure."""

    service_account_name: Name | None = None
    """A ServiceAccount in the Application's namespace whose tokens AWS, Google Cloud or Azure accept in place of credentials
    in the Secret; its annotations are those of IRSA, Workload Identity Federation and Microsoft Entra Workload ID. An
    Application with a `serviceAccountName` may name that one only."""

    endpoints: Annotated[
        tuple[
            Annotated[
                str,
                Shape(
                    pattern=r"https?://[^\s\x00-\x1f\x7f@?#]+|arn:aws[a-z-]*:iam::[0-9]{12}:role/[A-Za-z0-9+=,.@_/-]+",
                    message="is neither an address nor the ARN of a role",
                    longest=512,
                ),
            ],
            ...,
        ],
        Field(max_length=16),
    ] = ()
    """What a file may name: addresses of the Vaults that decrypt keys, such as `https://vault.example.com:8200`, and ARNs of
    AWS roles. The token of a Vault is in the key `sops.vault-token` of the Secret, an authority of its own in `ca.crt`."""

    exposure: Exposure = Exposure.REFUSE
    """A decrypted value belongs in Secrets: `refuse` stops a render that holds one elsewhere, `warn` lets it through, and then
    diffs and statuses may show the value."""


class RenderOptions(Model):
    """Options of the renderer."""

    helm: HelmOptions | None = None
    """Options of Helm; the directory must be a chart."""

    kustomize: KustomizeOptions | None = None
    """Options of kustomize; the directory must hold a kustomization."""

    variables: Variables | None = None
    """Substitution of variables, off unless given."""

    decryption: Decryption | None = None
    """Decryption of files that sops encrypted, off unless given."""

    RULES: ClassVar[tuple[Rule, ...]] = (
        Rule(
            cel="!(has(self.helm) && has(self.kustomize))",
            holds=lambda options: options.helm is None or options.kustomize is None,
            message="takes options of helm or of kustomize, not of both",
        ),
    )
