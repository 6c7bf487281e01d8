"""Polls a repository: one `ls-remote`, and a fetch only after changes."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from gitops_agent.errors import ProcessError, SourceError
from gitops_agent.httpclient.retry_after import retry_after
from gitops_agent.observe.log import logger
from gitops_agent.process import Limits
from gitops_agent.source import git
from gitops_agent.source.credentials import Credentials
from gitops_agent.source.git_auth import access
from gitops_agent.source.git_errors import CORRUPT, explain, last_words
from gitops_agent.source.history import lost
from gitops_agent.source.http_headers import traced
from gitops_agent.source.mirror import Mirror, Tip, choice_key, key, stored
from gitops_agent.source.phrases import ends
from gitops_agent.source.ref import Ref
from gitops_agent.source.remote_refs import Advertised

_log = logger("source")

_FETCH = (
    "fetch",
    "--progress",  # what it says is the sign that it is alive
    "--no-tags",
    "--force",
    "--no-auto-gc",
    "--no-write-fetch-head",
    "--no-recurse-submodules",
    "--no-show-forced-updates",
    "--refmap=",
    "--stdin",
)
_EVERYTHING = ["+refs/heads/*:refs/all/heads/*", "+refs/tags/*:refs/all/tags/*"]
_LONGEST_FETCH = 20
_RATE_LIMIT_SECONDS = 60.0
"""The pause after a 429 that names none."""
_SHA256_DIGITS = 64
_TAGS = "refs/tags/"
_HEAD = re.compile(r"^ref: refs/heads/(\S+)\tHEAD$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A reference that leads elsewhere than at the last poll.

    Attributes:
        ref: which one.
        old: the commit before; empty when the reference was never seen before.
        new: the commit now.
        rewritten: the old commit is not among the ancestors of the new one, or a tag was moved at all.
        lost: how many commits are no longer reachable; -1 when the old ones are not there to be counted.
        tags: other tag objects lead to the same commit now, or other tags may be chosen.
    """

    ref: Ref
    old: str
    new: str
    rewritten: bool = False
    lost: int = 0
    tags: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Poll:
    """What a poll found.

    Attributes:
        tips: the commit of every reference that could be had.
        names: the full name behind it, e.g. the tag a range selected; for a commit its object name.
        moved: the references that changed, first sightings included.
        errors: the references that could not be had, and why.
    """

    tips: Mapping[Ref, str]
    names: Mapping[Ref, str] = field(default_factory=dict)
    moved: tuple[Move, ...] = ()
    errors: Mapping[Ref, SourceError] = field(default_factory=dict)


class Poller:
    """One poll of one mirror, which the caller has locked.

    Args:
        mirror: which.
        credentials: None for a public repository.
        timeout_seconds: how long the server may be silent.
        cancel: ends it early when set.
        verified: ranges of which not only the highest tag is fetched, because signatures decide.

    Attributes:
        tidied: the poll replaced packs.
    """

    def __init__(
        self,
        mirror: Mirror,
        credentials: Credentials | None,
        *,
        timeout_seconds: float,
        cancel: threading.Event | None,
        verified: frozenset[Ref] = frozenset(),
    ) -> None:
        self.tidied = False
        self._verified = verified
        self._choices: dict[Ref, tuple[Tip, ...]] = {}
        self._mirror = mirror
        self._credentials = credentials
        self._timeout = timeout_seconds
        self._cancel = cancel
        self._errors: dict[Ref, SourceError] = {}
        self._headers: dict[str, str] = {}

    def poll(self, refs: Iterable[Ref]) -> Poll:
        """See `Sources.poll`; builds a torn mirror anew and tries once more."""
        ordered = sorted(refs, key=str)
        before = dict(self._mirror.tips())
        try:
            try:
                return self._poll(ordered, before)
            except ProcessError as error:
                if not self._repaired(error):
                    raise
                return self._poll(ordered, before)
        except ProcessError as error:
            refusal = explain(error, self._mirror.repository, self._credentials)
            pause = retry_after(self._headers, datetime.now(UTC))
            if refusal.transient and (pause is not None or refusal.facts.get("failure") == "rate-limited"):
                refusal.facts["retry_after"] = _RATE_LIMIT_SECONDS if pause is None else pause
            raise refusal from None

    def fetch_all(self) -> None:
        """Fetches the histories of all branches and tags.

        Raises:
            SourceError: the repository could not be read.
        """
        try:
            self._fetch(_EVERYTHING, "--prune")
        except ProcessError as error:
            raise explain(error, self._mirror.repository, self._credentials) from None

    def default_branch(self) -> str:
        """The branch that a clone of the repository checks out.

        Raises:
            SourceError: the repository could not be read, or names none (`RevisionNotFound`).
        """
        self._mirror.prepare("sha1")
        try:
            answer = self._remote("ls-remote", "--quiet", "--symref", "--", self._mirror.repository.url, "HEAD")
        except ProcessError as error:
            raise explain(error, self._mirror.repository, self._credentials) from None
        match = _HEAD.search(answer.decode("utf-8", "replace"))
        if match is None:
            raise SourceError(f"{self._mirror.repository} names no default branch", reason="RevisionNotFound")
        return match[1]

    def _repaired(self, error: ProcessError) -> bool:
        """Whether the failure was one of the mirror itself, now repaired."""
        if error.cause != "exit":
            return False
        if "File exists" in error.stderr:
            self._mirror.unlock()
            return True
        if CORRUPT.find(ends(error.stderr)) is not None and self._mirror.torn():
            _log.warning("mirror built anew", repository=self._mirror.repository.url, error=last_words(error.stderr))
            self._mirror.build()
            return True
        return False

    def _poll(self, refs: list[Ref], before: dict[str, Tip]) -> Poll:
        mirror, self._errors = self._mirror, {}
        mirror.prepare(self._format(refs, before))
        stored_tips = mirror.tips()
        tips = {ref: stored_tips[key(ref)] for ref in refs if ref.kind == "commit" and key(ref) in stored_tips}
        if len(tips) < len(refs) or mirror.suspect.is_set():
            advertised = self._ask(refs)
            digits = max(map(len, advertised.commits.values()), default=0)
            object_format = "sha256" if digits == _SHA256_DIGITS else "sha1"
            if mirror.suspect.is_set():  # only now: a server that does not answer would leave nothing at all
                _log.warning("mirror built anew", repository=mirror.repository.url, error="an object could not be read")
                mirror.build(object_format)
                tips = {}
            mirror.prepare(object_format)
            stored_tips = mirror.tips()
            tips |= self._named([ref for ref in refs if ref.kind != "commit"], advertised, stored_tips)
            tips |= self._pinned([ref for ref in refs if ref.kind == "commit" and ref not in tips], advertised)
        chosen = {choice_key(ref, n): tip for ref, tags in self._choices.items() for n, tip in enumerate(tags)}
        other = {ref for ref in self._choices if choices(ref, before) != self._choices[ref]}
        moved = tuple(
            replace(self._move(ref, before.get(key(ref)), tip), tags=True)
            if ref in other and key(ref) in before
            else self._move(ref, before.get(key(ref)), tip)
            for ref, tip in tips.items()
            if before.get(key(ref)) != tip or ref in other
        )
        if other or any(stored_tips.get(key(ref)) != tip for ref, tip in tips.items()):
            left = {
                name: tip for name, tip in before.items() if not any(name.startswith(choice_key(ref, 0)[:-1]) for ref in other)
            }
            fresh = chosen | {key(ref): tip for ref, tip in tips.items()}
            mirror.record({**left, **fresh} if stored_tips else fresh)
            self.tidied = mirror.tidy()
        return Poll(
            tips={ref: tip.commit for ref, tip in tips.items()},
            names={ref: tip.name for ref, tip in tips.items()},
            moved=tuple(move for move in moved if move.old != move.new or move.tags),
            errors=self._errors,
        )

    def _format(self, refs: list[Ref], before: Mapping[str, Tip]) -> str:
        names = [tip.commit for tip in before.values()] + [ref.value for ref in refs if ref.kind == "commit"]
        return "sha256" if any(len(name) == _SHA256_DIGITS for name in names) else "sha1"

    def _ask(self, refs: list[Ref]) -> Advertised:
        """Lists the branches, and the tags where required."""
        kinds = ["--heads"] if {ref.kind for ref in refs} == {"branch"} else ["--heads", "--tags"]
        answer = self._remote("ls-remote", "--quiet", *kinds, "--", self._mirror.repository.url)
        advertised = Advertised.parse(answer)
        if not advertised.commits and self._headers.get("content-type", "").startswith("text/html"):
            raise SourceError(
                f"{self._mirror.repository}: the server answers with a web page and not with a Git repository: check repoURL, "
                "and whether a login page or a proxy stands before it",
                reason="SourceFailed",
                transient=True,
                failure="web-page",
            )
        if not advertised.commits:
            raise SourceError(
                f"{self._mirror.repository}: the repository is empty: nothing was pushed to it yet, "
                "or these credentials may not see it",
                reason="EmptyRepository",
                failure="empty",
            )
        return advertised

    def _named(self, refs: list[Ref], advertised: Advertised, stored_tips: Mapping[str, Tip]) -> dict[Ref, Tip]:
        """The tips of branches, tags and ranges, after fetching those that moved."""
        names: dict[Ref, str] = {}
        for ref in refs:
            try:
                names[ref] = advertised.name(ref)
            except SourceError as error:
                self._errors[ref] = error
        commits = {tip.name: tip.commit for tip in stored_tips.values()}
        objects = {tip.name: tip.object for tip in stored_tips.values()}
        several_of = {ref: advertised.choices(ref) for ref in names.keys() & self._verified}
        dead = self._mirror.dead_ends

        def is_stale(name: str) -> bool:
            retagged = name.startswith(_TAGS) and objects.get(name) != advertised.objects[name]
            return commits.get(name) != advertised.commits[name] or retagged

        stale = sorted(
            name
            for name in {*names.values(), *(name for several in several_of.values() for name in several)}
            if is_stale(name) and dead.get(name, ("",))[0] != advertised.commits[name]
        )
        fetched: dict[str, str] = {}
        if stale:
            self._fetch([f"+{name}:{stored(name)}" for name in stale])
            peeled = self._mirror.commits([stored(name) for name in stale])
            for name in stale:
                if stored(name) in peeled:
                    fetched[name] = peeled[stored(name)]
                else:
                    none = SourceError(f"{name} does not lead to a commit", reason="RevisionNotFound")
                    dead[name] = (advertised.commits[name], none)
        tips: dict[Ref, Tip] = {}
        for ref, name in names.items():
            commit = fetched.get(name) or (commits.get(name) if name not in stale else None)
            if name in dead and dead[name][0] == advertised.commits[name]:
                self._errors[ref] = dead[name][1]
            elif commit is not None:
                tips[ref] = _tip(name, commit, advertised)
        for ref, several in several_of.items():
            led = {name: fetched.get(name) or (commits.get(name) if name not in stale else None) for name in several}
            self._choices[ref] = tuple(_tip(name, commit, advertised) for name, commit in led.items() if commit is not None)
        return tips

    def _pinned(self, refs: list[Ref], advertised: Advertised) -> dict[Ref, Tip]:
        """The requested single commits, else those of all branches and tags.

        Not every server gives single ones.
        """
        result: dict[Ref, Tip] = {}
        state = str(hash(frozenset(advertised.commits.items())))
        for ref in refs:
            dead = self._mirror.dead_ends.get(ref.value)
            if dead is not None and dead[0] == state:
                self._errors[ref] = dead[1]
                continue
            commit = self._mirror.commits([stored(ref.value)]).get(stored(ref.value)) or self._fetch_commit(ref)
            if commit == ref.value:
                result[ref] = Tip(name=ref.value, commit=commit)
                continue
            missing = SourceError(
                f"commit {ref.value} is on none of the repository's branches and tags, and the server gives no other commits "
                "(a rewritten branch may have lost it; a branch or tag that contains it makes it available)",
                reason="RevisionNotFound",
                ref=str(ref),
            )
            self._errors[ref] = missing
            self._mirror.dead_ends[ref.value] = (state, missing)
        return result

    def _fetch_commit(self, ref: Ref) -> str | None:
        stored_name = stored(ref.value)
        try:
            self._fetch([f"+{ref.value}:{stored_name}"], *(["--depth=1"] if self._mirror.repository.shallow else []))
        except ProcessError as error:
            if not any(
                words in error.stderr
                for words in (
                    "not our ref",
                    "unadvertised object",
                    "not allow request",
                    "couldn't find remote ref",
                    "no such remote ref",
                )
            ):
                raise
            self._fetch(_EVERYTHING, "--prune")
            if ref.value not in self._mirror.commits([ref.value]):
                return None
            git.run(self._mirror.directory, "update-ref", "--no-deref", stored_name, ref.value)
        return self._mirror.commits([stored_name]).get(stored_name)

    def _fetch(self, specs: list[str], *options: str) -> None:
        stdin = "".join(f"{spec}\n" for spec in specs).encode("utf-8", "surrogateescape")
        self._remote(*_FETCH, *options, "--", self._mirror.repository.url, stdin=stdin)

    def _remote(self, *arguments: str, stdin: bytes | None = None) -> bytes:
        """Runs a git that talks to the server, with timeouts.

        Silent for at most the timeout, busy for at most twenty times as long.
        """
        limits = Limits(seconds=self._timeout * (_LONGEST_FETCH if stdin else 1), idle_seconds=self._timeout)
        with access(self._mirror.repository, self._credentials) as setting:
            try:
                return git.run(
                    self._mirror.directory, *arguments, setting=setting, stdin=stdin, limits=limits, cancel=self._cancel
                ).stdout
            finally:
                self._headers = traced(setting.headers) if setting.headers else {}

    def _move(self, ref: Ref, old: Tip | None, new: Tip) -> Move:
        if old is None or old.commit == new.commit:
            retagged = old is not None and old.object not in ("", new.object)
            return Move(ref=ref, old=old.commit if old else "", new=new.commit, tags=retagged)
        if ref.kind == "semver" and old.name != new.name:
            return Move(ref=ref, old=old.commit, new=new.commit)
        gone = lost(self._mirror.directory, old.commit, new.commit)
        return Move(ref=ref, old=old.commit, new=new.commit, rewritten=gone != 0 or ref.kind in {"tag", "semver"}, lost=gone)


def _tip(name: str, commit: str, advertised: Advertised) -> Tip:
    return Tip(name=name, commit=commit, object=advertised.objects[name] if name.startswith(_TAGS) else "")


def choices(ref: Ref, tips: Mapping[str, Tip]) -> tuple[Tip, ...]:
    """The tags that a range could choose at an earlier poll."""
    result: list[Tip] = []
    while (tip := tips.get(choice_key(ref, len(result)))) is not None:
        result.append(tip)
    return tuple(result)
