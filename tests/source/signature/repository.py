"""A repository whose commits are signed by keys of the test."""

from __future__ import annotations

from gitops_agent.api.source_options import RefKind, Verify
from gitops_agent.source.signature.gate import Gate
from gitops_agent.source.signature.judge import Judge
from gitops_agent.source.signature.judgement import Demand, Judgement, Tag, Verified
from gitops_agent.source.signature.signers import Signers
from gitops_agent.source.signature.verdict_cache import VerdictCache
from gitops_agent.source.signature.verifier import Verifier
from gitops_agent.source.sources import Ref, Sources
from tests.source.author import Author
from tests.source.signature.keys import SshKey, signed_commit


class SignedRepository:
    """Commits with and without signatures, and what a gate decides of them."""

    def __init__(self, author: Author, sources: Sources, trust: dict[str, bytes]) -> None:
        self.author, self.sources, self.trust = author, sources, trust
        self.cache = VerdictCache()
        self.verify: dict[str, object] = {"mode": "head"}
        self.before: Verified | None = None
        self.applied = self.approved = ""

    def commit(
        self, files: dict[str, str], *, by: SshKey | None = None, branch: str = "main", parents: tuple[str, ...] | None = None
    ) -> str:
        """Commits a whole tree; signed by a key, when one is given."""
        return self.place(self.author.files(files), by=by, branch=branch, parents=parents)

    def place(
        self, tree: str, *, by: SshKey | None = None, branch: str = "main", parents: tuple[str, ...] | None = None
    ) -> str:
        """Commits a tree, and moves a branch to it."""
        author = self.author
        above = author._head(branch) if parents is None else list(parents)
        oid = author.git("commit-tree", tree, *[word for parent in above for word in ("-p", parent)], stdin=b"Change\n")
        if by is not None:
            raw = author.git("cat-file", "commit", oid).encode() + b"\n"
            signed = signed_commit(raw, by.sign(raw))
            oid = author.git("hash-object", "-t", "commit", "-w", "--stdin", stdin=signed)
        author.git("update-ref", f"refs/heads/{branch}", oid)
        return oid

    def merge(self, first: str, other: str, *, by: SshKey | None = None, branch: str = "main") -> str:
        """The automatic merge of two commits."""
        return self.place(
            self.author.git("merge-tree", "--write-tree", first, other), by=by, branch=branch, parents=(first, other)
        )

    def tag(self, name: str, commit: str, *, by: SshKey | None = None, inside: str = "", type_: str = "commit") -> str:
        """Makes an annotated tag; its object may call itself otherwise."""
        text = (
            f"object {commit}\ntype {type_}\ntag {inside or name}\ntagger Ada <ada@example.com> 1760000000 +0200\n\nrelease\n"
        )
        raw = text.encode() + (by.sign(text.encode()) if by is not None else b"")
        oid = self.author.git("hash-object", "-t", "tag", "-w", "--stdin", stdin=raw)
        self.author.git("update-ref", f"refs/tags/{name}", oid)
        return oid

    def decide(self, name: str = "main", *, kind: RefKind = "branch") -> Judgement:
        """Fetches, and decides; what was verified is remembered."""
        ref = Ref(kind=kind, value=name)
        repository = self.author.repository
        self.sources.poll(repository, frozenset({ref}), verified=frozenset({ref} if kind == "semver" else ()))
        tip = self.sources.resolve(repository, ref).commit
        verify = Verify.model_validate({"secretRef": {"name": "signers"}, **self.verify})
        committer = verify.identity.value == "committer"
        signers = Signers.read(self.trust, name="signers")
        judge = Judge(self.sources.graph(repository), Verifier(signers, committer=committer), self.cache, scope="one")
        demand = Demand(
            verify=verify,
            name=name,
            kind=kind,
            tip=tip,
            tags=tuple(
                Tag(name=each.name.removeprefix("refs/tags/"), object=each.object, commit=each.commit)
                for each in self.sources.tags(repository, ref)
            ),
            before=self.before,
            applied=self.applied,
            approved=self.approved,
        )
        judgement = Gate(judge, demand, signers.scopes).decide()
        self.before = judgement.verified or self.before
        return judgement
