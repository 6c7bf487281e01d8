"""Where the manifests of an application come from."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated, ClassVar, Literal, get_args

from pydantic import Field

from gitops_agent.api.model import Model, Rule
from gitops_agent.api.texts import CommitId, GitName, Name, RepositoryPath, SemverRange, Shape

_URL = (
    r"(https?|ssh|file)://[^\s\x00-\x1f\x7f]+"
    r"|[A-Za-z0-9_][A-Za-z0-9._-]*@[A-Za-z0-9][A-Za-z0-9.-]*:[^-/\s\x00-\x1f\x7f][^\s\x00-\x1f\x7f]*"
    r"|[A-Za-z0-9_][A-Za-z0-9._-]*@[A-Za-z0-9][A-Za-z0-9.-]*:/[^\s\x00-\x1f\x7f]+"
)
_PASSWORD = r"^[a-z]+://[^/@]*:[^/@]*@"  # noqa: S105 - the pattern of a password in a URL


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


class SourceSpec(Model):
    """A directory of a Git repository at a commit."""

    repo_url: Annotated[
        str,
        Field(alias="repoURL"),
        Shape(pattern=_URL, message="is not the https, ssh or file address of a repository", longest=2048),
    ]
    """The repository: `https://`, `ssh://`, `user@host:path`, or `file://` where allowed; plain `http://` is refused."""

    ref: RefSpec
    """Which commit to follow."""

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
            cel=f"!self.repoURL.matches(r'{_PASSWORD}')",
            holds=lambda source: re.search(_PASSWORD, source.repo_url) is None,
            message="repoURL holds a password: put it into a Secret and name that in secretRef",
        ),
        Rule(
            cel="!self.repoURL.startsWith('http://')",
            holds=lambda source: not source.repo_url.startswith("http://"),
            message="repoURL is plain http, which is not encrypted and proves nothing about the server: use https or ssh",
        ),
        Rule(
            cel="!has(self.verify) || !has(self.verify.mode) || !self.verify.mode.startsWith('tag') "
            "|| has(self.ref.tag) || has(self.ref.semver)",
            holds=lambda source: not source.verify.mode.startswith("tag") or source.ref.kind in ("tag", "semver"),
            message="verify.mode tag and tagAndHead need ref.tag or ref.semver",
        ),
    )
