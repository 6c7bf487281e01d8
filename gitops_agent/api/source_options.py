"""Where the manifests of an application come from."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated, ClassVar, Literal, get_args

from pydantic import Field

from gitops_agent.api.durations import Duration
from gitops_agent.api.model import Model, Rule
from gitops_agent.api.texts import CommitId, GitName, Name, RepositoryPath, SemverRange, Shape

_URL = (
    r"(https?|ssh|file)://[^\s\x00-\x1f\x7f]+"
    r"|[A-Za-z0-9_][A-Za-z0-9._-]*@[A-Za-z0-9][A-Za-z0-9.-]*:[^-/\s\x00-\x1f\x7f][^\s\x00-\x1f\x7f]*"
    r"|[A-Za-z0-9_][A-Za-z0-9._-]*@[A-Za-z0-9][A-Za-z0-9.-]*:/[^\s\x00-\x1f\x7f]+"
)
_CHARTS = (
    r"https://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[!-~]*)?"
    r"|http://(localhost|127(\.[0-9]{1,3}){3}|\[::1\])(:[0-9]{1,5})?(/[!-~]*)?"
    r"|oci://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[a-z0-9]+([._-]+[a-z0-9]+)*)+"
)
_SUBJECTS = r"[a-z][a-z0-9+.-]*://[^*/@ ]+/[!-~]([ -~]*[!-~])?|[!-.0-9;-?A-~]+@[^*@/ ]+"
_SUBJECTS_TEXT = "is not https://host/… or …@host with wildcards behind the host, or before the @"
_VERSION = r"v?[0-9]+\.[0-9]+\.[0-9]+([-+][0-9A-Za-z.+-]*)?"
_URL_PASSWORD = r"^[a-z]+://[^/@]*:[^/@]*@"  # noqa: S105 - the pattern of a password in a URL

REPO_URL_RULES = (
    Rule(
        cel=f"!has(self.repoURL) || !self.repoURL.matches(r'{_URL_PASSWORD}')",
        holds=lambda source: source.repo_url is None or re.search(_URL_PASSWORD, source.repo_url) is None,
        message="repoURL holds a password: put it into a Secret and name that in secretRef",
    ),
    Rule(
        cel="!has(self.repoURL) || !self.repoURL.startsWith('http://')",
        holds=lambda source: source.repo_url is None or not source.repo_url.startswith("http://"),
        message="repoURL is plain http, which is not encrypted and proves nothing about the server: use https or ssh",
    ),
)
"""What holds for the address of a Git repository, in every field named `repoURL`."""
RepositoryURL = Annotated[
    str, Shape(pattern=_URL, message="is not the https, ssh or file address of a repository", longest=2048)
]
"""The address of a Git repository."""


class SecretRef(Model):
    """A Secret in the namespace of the resource that names it."""

    name: Name
    """The name of the Secret."""


class VerifyMode(StrEnum):
    """Which commits must carry a trusted signature."""

    NONE = "none"
    HEAD = "head"
    TAG = "tag"
    TAG_AND_HEAD = "tagAndHead"
    ALL = "all"


class Merged(StrEnum):
    """What a merge brings in."""

    SIGNED = "signed"
    VOUCHED = "vouched"


class ForgeMerges(StrEnum):
    """What a commit is worth that the forge signed itself."""

    CONTENT = "content"
    TRUST = "trust"
    REFUSE = "refuse"


class SignerIdentity(StrEnum):
    """Who has to have signed a commit."""

    ANY = "any"
    COMMITTER = "committer"


class OnRewrite(StrEnum):
    """What happens when a branch leaves its last verified commit."""

    HOLD = "hold"
    REFUSE = "refuse"
    FOLLOW = "follow"


class Verify(Model):
    """Signatures demanded of commits."""

    mode: VerifyMode = VerifyMode.NONE
    """`none`, `head` (the commit itself), `tag` (the tag object), `tagAndHead`, or `all` (every new commit up to it)."""

    secret_ref: SecretRef | None = None
    """The Secret with the keys of the signers: `*.asc` and `*.pgp` (OpenPGP), `allowed_signers` and `*.sshpub` (SSH).

    `revoked_keys` revokes keys of SSH; `forge.asc` and `forge_signers` hold those of the forge.
    """

    since: CommitId | None = None
    """With `all`: the commit at which trust begins. Without it what is applied, else the first commit, which must be signed."""

    merged: Merged = Merged.SIGNED
    """With `all`: what a merge brings in is `signed` as well, or is `vouched` for by the signature of the merge."""

    forge_merges: ForgeMerges = ForgeMerges.CONTENT
    """Commits signed by a key of the forge: `content` accepts merges that equal Git's automatic merge of verified parents."""

    identity: SignerIdentity = SignerIdentity.ANY
    """`committer`: the signer's principal or user ID must be the committer's mail address."""

    on_rewrite: OnRewrite = OnRewrite.HOLD
    """When a branch leaves its last verified commit: `hold` until a person approves, `refuse`, or `follow`."""

    RULES: ClassVar[tuple[Rule, ...]] = (
        Rule(
            cel="!has(self.mode) || self.mode == 'none' || has(self.secretRef)",
            holds=lambda verify: verify.mode is VerifyMode.NONE or verify.secret_ref is not None,
            message="needs secretRef, the Secret with the keys of the signers",
        ),
        Rule(
            cel="!has(self.since) || (has(self.mode) && self.mode == 'all')",
            holds=lambda verify: verify.since is None or verify.mode is VerifyMode.ALL,
            message="since has a meaning with mode all only",
        ),
    )


RefKind = Literal["branch", "tag", "semver", "commit"]


class RefSpec(Model):
    """Which commit to follow: exactly one of the four."""

    branch: GitName | None = None
    """The tip of a branch."""

    tag: GitName | None = None
    """A tag; it is noticed when it moves."""

    semver: SemverRange | None = None
    """The highest version tag in a range such as `^1.2` or `>=1.0 <2`."""

    commit: CommitId | None = None
    """One commit, for good."""

    RULES: ClassVar[tuple[Rule, ...]] = (
        Rule(
            cel="[has(self.branch), has(self.tag), has(self.semver), has(self.commit)].filter(given, given).size() == 1",
            holds=lambda ref: sum(value is not None for value in (ref.branch, ref.tag, ref.semver, ref.commit)) == 1,
            message="needs exactly one of branch, tag, semver and commit",
        ),
    )

    @property
    def kind(self) -> RefKind:
        """Which of the four is given: `branch`, `tag`, `semver` or `commit`."""
        return next(kind for kind in get_args(RefKind) if getattr(self, kind) is not None)

    @property
    def value(self) -> str:
        """The branch, tag, range or commit."""
        return str(getattr(self, self.kind))


class CosignKeys(Model):
    """Public keys of signers."""

    secret_ref: SecretRef
    """The Secret with the keys, `*.pub`, in the Application's namespace."""


class CosignIdentity(Model):
    """A signer without a key, as a certificate of Fulcio names him."""

    issuer: Annotated[str, Shape(pattern=r"https?://[!-~]+", message="is not the address of an issuer", longest=512)]
    """The service that vouches for the signer, such as `https://token.actions.githubusercontent.com`; exact."""

    subject: Annotated[str, Shape(pattern=r"[!-~]([ -~]*[!-~])?", message="is not printable ASCII", longest=1024)] | None = None
    """The signer: the address of a workflow with its reference, a mail address or a user name; exact."""

    subject_pattern: Annotated[str, Shape(pattern=_SUBJECTS, message=_SUBJECTS_TEXT, longest=512)] | None = None
    """In place of `subject`, a pattern over all of it, such as
    `https://github.com/acme/charts/.github/workflows/release.yaml@refs/tags/*`: `*` is any text without `/`, `**` any text.
    The host of an address, and that of a mail address, has no wildcards."""

    RULES: ClassVar[tuple[Rule, ...]] = (
        Rule(
            cel="has(self.subject) != has(self.subjectPattern)",
            holds=lambda identity: (identity.subject is None) != (identity.subject_pattern is None),
            message="needs exactly one of subject and subjectPattern",
        ),
    )


class SigstoreRoot(Model):
    """What vouches for certificates and logs."""

    secret_ref: SecretRef
    """The Secret with `trusted_root.json`, in the Application's namespace."""


class Cosign(Model):
    """Signatures of cosign, with keys or without."""

    keys: CosignKeys | None = None
    """Which keys are trusted."""

    identities: Annotated[tuple[CosignIdentity, ...], Field(min_length=1, max_length=16)] | None = None
    """Which signers are trusted that sign without keys: with a certificate of Fulcio and an entry in Rekor. They need the
    package's extra `sigstore`."""

    trusted_root: SigstoreRoot | None = None
    """The certificates and keys of the instance of Sigstore, for `identities`; when absent those of the public instance, as the
    package `sigstore` was released with them."""

    minimum: Annotated[int, Field(ge=1, le=16)] = 1
    """How many different keys or identities have to sign."""

    RULES: ClassVar[tuple[Rule, ...]] = (
        Rule(
            cel="has(self.keys) != has(self.identities)",
            holds=lambda cosign: (cosign.keys is None) != (cosign.identities is None),
            message="needs exactly one of keys and identities",
        ),
        Rule(
            cel="!has(self.trustedRoot) || has(self.identities)",
            holds=lambda cosign: cosign.trusted_root is None or cosign.identities is not None,
            message="trustedRoot has a meaning with identities only",
        ),
        Rule(
            cel="!has(self.identities) || !has(self.minimum) || self.minimum <= self.identities.size()",
            holds=lambda cosign: cosign.identities is None or cosign.minimum <= len(cosign.identities),
            message="minimum is larger than the number of identities",
        ),
    )


class Provenance(Model):
    """A provenance file, as `helm package --sign` writes it."""

    secret_ref: SecretRef
    """The Secret with the OpenPGP keys of the signers, `*.asc` or `*.pgp`, in the Application's namespace."""


class ChartVerify(Model):
    """Signatures demanded of a chart."""

    cosign: Cosign | None = None
    """Signatures of cosign over the manifest in the registry: simple signing, or a bundle of Sigstore."""

    provenance: Provenance | None = None
    """A provenance file (`.prov`) beside the archive, signed by one of the keys."""

    dependencies: Literal["verified", "locked"] = "verified"
    """What is demanded of dependencies that the archive does not hold in `charts/`, and of theirs: `verified`, the same
    signatures; `locked`, one exact version without a signature of its own, as a `Chart.lock` names it."""

    RULES: ClassVar[tuple[Rule, ...]] = (
        Rule(
            cel="has(self.cosign) != has(self.provenance)",
            holds=lambda verify: (verify.cosign is None) != (verify.provenance is None),
            message="needs exactly one of cosign and provenance",
        ),
    )


class ChartSpec(Model):
    """A version of a Helm chart in a repository."""

    repository: Annotated[
        str, Shape(pattern=_CHARTS, message="is not the https or oci address of a chart repository", longest=1024)
    ]
    """The chart repository: `https://`, `http://` on this machine, or `oci://host/path` for a registry, where the chart is the
    repository `path/name`."""

    name: Annotated[str, Shape(pattern=r"[a-z0-9][a-z0-9.-]*", message="is not the name of a chart", longest=128)]
    """The chart."""

    version: SemverRange
    """A version, or a range such as `~6.5`, of which the highest version is followed."""

    digest: Annotated[str, Shape(pattern=r"sha256:[0-9a-f]{64}", message="is not sha256: and 64 digits", longest=71)] | None = (
        None
    )
    """What the archive of that one version must be. It wins over what the repository says."""

    interval: Duration | None = None
    """The interval of polling the repository; `sync.interval` when absent, and at least a minute then."""

    secret_ref: SecretRef | None = None
    """Credentials: `username` and `password`, or `bearerToken`; for TLS `ca.crt`. For registries `.dockerconfigjson` as well,
    of which the entry with the longest key that fits counts."""

    hosts: Annotated[
        tuple[Annotated[str, Shape(pattern=r"[A-Za-z0-9.-]+(:[0-9]{1,5})?", message="is not a host", longest=253)], ...],
        Field(max_length=16),
    ] = ()
    """Further hosts that may receive the credentials, such as `cdn.example.com`; the repository's own always may. For
    registries the hosts that make their tokens."""

    verify: ChartVerify | None = None
    """Signatures demanded of the chart; a version without them is not followed."""

    RULES: ClassVar[tuple[Rule, ...]] = (
        Rule(
            cel="!has(self.verify) || !has(self.verify.cosign) || self.repository.startsWith('oci://')",
            holds=lambda chart: chart.verify is None or chart.verify.cosign is None or chart.repository.startswith("oci://"),
            message="verify.cosign is for charts of registries (oci://)",
        ),
        Rule(
            cel=f"!has(self.digest) || self.version.matches(r'^{_VERSION}$')",
            holds=lambda chart: chart.digest is None or re.fullmatch(_VERSION, chart.version) is not None,
            message="digest belongs to one version, not to a range",
        ),
    )


class ChartRepository(Model):
    """What a repository of dependencies is read with."""

    url: Annotated[str, Shape(pattern=_CHARTS, message="is not the https or oci address of a chart repository", longest=1024)]
    """The address of the repository; what lies below it on the same server is read with the same Secret."""

    secret_ref: SecretRef
    """Credentials, as for the chart itself."""

    hosts: Annotated[
        tuple[Annotated[str, Shape(pattern=r"[A-Za-z0-9.-]+(:[0-9]{1,5})?", message="is not a host", longest=253)], ...],
        Field(max_length=16),
    ] = ()
    """Further hosts that may receive the credentials; the repository's own always may."""


class SourceSpec(Model):
    """A directory of a Git repository, or a chart of a repository."""

    repo_url: RepositoryURL | None = Field(default=None, alias="repoURL")
    """The repository: `https://`, `ssh://`, `user@host:path`, or `file://` where allowed; plain `http://` is refused."""

    ref: RefSpec | None = None
    """Which commit to follow."""

    chart: ChartSpec | None = None
    """A chart of a repository, in place of `repoURL` and `ref`."""

    path: RepositoryPath = Field(default=".", validate_default=True)
    """The directory to render, relative to the root of the repository."""

    secret_ref: SecretRef | None = None
    """Credentials: `username` and `password`, `bearerToken`, `identity` and `known_hosts`, or a GitHub App.

    An App is `githubAppID` and `githubAppPrivateKey`, with `githubAppBaseURL` for an own server.
    For TLS: `ca.crt`, `tls.crt` and `tls.key`.
    """

    verify: Verify = Verify()
    """Signatures demanded of commits."""

    RULES: ClassVar[tuple[Rule, ...]] = (
        Rule(
            cel="has(self.repoURL) != has(self.chart)",
            holds=lambda source: (source.repo_url is None) != (source.chart is None),
            message="needs exactly one of repoURL and chart",
        ),
        Rule(
            cel="has(self.repoURL) == has(self.ref)",
            holds=lambda source: (source.repo_url is None) == (source.ref is None),
            message="ref belongs to repoURL, and repoURL needs it",
        ),
        Rule(
            cel="!has(self.chart) || (!has(self.secretRef) && (!has(self.path) || self.path == '.'))",
            holds=lambda source: source.chart is None or (source.secret_ref is None and source.path in ("", ".")),
            message="a chart is rendered whole, and names its Secret itself: no path and no secretRef beside it",
        ),
        Rule(
            cel="!has(self.chart) || !has(self.verify) || !has(self.verify.mode) || self.verify.mode == 'none'",
            holds=lambda source: source.chart is None or source.verify.mode is VerifyMode.NONE,
            message="verify is about the signatures of commits, which charts have not",
        ),
        *REPO_URL_RULES,
        Rule(
            cel="!has(self.verify) || !has(self.verify.mode) || !self.verify.mode.startsWith('tag') "
            "|| (has(self.ref) && (has(self.ref.tag) || has(self.ref.semver)))",
            holds=lambda source: (
                not source.verify.mode.startswith("tag") or (source.ref is not None and source.ref.kind in ("tag", "semver"))
            ),
            message="verify.mode tag and tagAndHead need ref.tag or ref.semver",
        ),
    )

    @property
    def url(self) -> str:
        """The repository, of commits or of charts."""
        return self.chart.repository if self.chart is not None else self.repo_url or ""
