"""Where each Application stands with the commit that it follows.

Every reconcile reports it; only news reach the workers of the forges, so an idle agent does nothing. Which Applications a
commit touched is found by the files that their renders read: a render that reads the same at two commits is not touched by what
lies between.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace

from gitops_agent.agent.desired.render_pool import RenderPool
from gitops_agent.agent.stores.applications import ApplicationStore
from gitops_agent.api.conditions import find_condition
from gitops_agent.api.notifier import LabelSelector
from gitops_agent.api.problems import SpecInvalid
from gitops_agent.api.reasons import ReasonKind, reason_of
from gitops_agent.errors import SourceError
from gitops_agent.manifest.key import AppKey, Object
from gitops_agent.manifest.revision_name import base_of
from gitops_agent.notify.commit_board import Following, Mailbox
from gitops_agent.notify.commit_status_ledger import Stream
from gitops_agent.notify.commit_status_parts import Sight, Standing
from gitops_agent.revision.mounted_tree import CHART
from gitops_agent.revision.remote_base import FOLDER
from gitops_agent.source.following import followed
from gitops_agent.source.ref import Ref
from gitops_agent.source.repository import Repository
from gitops_agent.source.sources import Sources

_PASSED = 10
"""Commits between two polls that get a status, the newest of them."""
_BESIDE = (f"{CHART}/", f"{FOLDER}/")
"""What is read beside the commit, and is named by it or by the Application."""
_WORDS = {
    "Degraded": "degraded",
    "RolledBack": "rolled back",
    "Unverified": "unverified",
    "HeldForApproval": "held for approval",
    "RolloutPaused": "paused",
    "Suspended": "paused",
    "Observing": "only observed",
    "WindowClosed": "waiting for a window",
}


class ApplicationCommits:
    """The board of the agent; thread-safe.

    Args:
        applications: know what is followed.
        sources: know where references lead, and the files of commits.
        renders: know what was read.
    """

    def __init__(self, applications: ApplicationStore, sources: Sources, renders: RenderPool) -> None:
        self._applications, self._sources, self._renders = applications, sources, renders
        self._lock = threading.Lock()
        self._sights: dict[AppKey, Sight] = {}
        self._shared: dict[Sight, Sight] = {}
        self._mailboxes: set[Mailbox] = set()
        self._ready = False

    @property
    def ready(self) -> bool:
        """Whether an Application was reconciled, so that all of them are listed."""
        return self._ready

    def subscribe(self, mailbox: Mailbox) -> None:
        """See `CommitBoard`."""
        with self._lock:
            self._mailboxes.add(mailbox)

    def unsubscribe(self, mailbox: Mailbox) -> None:
        """See `CommitBoard`."""
        with self._lock:
            self._mailboxes.discard(mailbox)

    def note(self, application: AppKey, commit: str, status: Object, *, refused: bool = False) -> None:
        """Takes the result of a reconcile.

        One of a commit that is not rendered yet says nothing.

        Args:
            application: whose.
            commit: the newest one that it knows; empty where the reconcile did not come so far.
            status: as it is to be written.
            refused: a newer commit is not followed, for its signature.
        """
        if commit and not refused and base_of(self._renders.newest(application)[0]) != commit:
            return
        with self._lock:
            before = self._sights.get(application)
            sight = _sight(commit or (before.commit if before is not None else ""), status, refused=refused)
            lived = sight.commit if sight.standing is Standing.LIVE else before.live if before is not None else ""
            sight = replace(sight, live=lived)
            if before == sight:
                return
            self._sights[application] = self._one(sight)
            self._ready = True
            mailboxes = tuple(self._mailboxes)
        for mailbox in mailboxes:
            mailbox.add(application)

    def passed(self, application: AppKey, commit: str) -> None:
        """Notes that a later commit leaves an Application where it stands."""
        with self._lock:
            before = self._sights.get(application)
            if before is None or before.commit == commit:
                return
            self._sights[application] = self._one(
                replace(before, commit=commit, live=commit if before.standing is Standing.LIVE else before.live)
            )
            mailboxes = tuple(self._mailboxes)
        for mailbox in mailboxes:
            mailbox.add(application)

    def forget(self, application: AppKey) -> None:
        """Drops an Application that is gone."""
        with self._lock:
            self._sights.pop(application, None)
            mailboxes = tuple(self._mailboxes)
        for mailbox in mailboxes:
            mailbox.add(application)

    def sight(self, application: AppKey) -> Sight | None:
        """See `CommitBoard`."""
        with self._lock:
            return self._sights.get(application)

    def streams(self, selector: LabelSelector) -> Mapping[Stream, Following]:
        """See `CommitBoard`; what was not fetched yet is left out."""
        followers: dict[Stream, set[AppKey]] = {}
        places: dict[Stream, tuple[Repository, Ref]] = {}
        for key in self._applications.staying():
            source = self._source(key, selector)
            if source is not None:
                stream = Stream(source[0].url, str(source[1]))
                followers.setdefault(stream, set()).add(key)
                places.setdefault(stream, source)
        result: dict[Stream, Following] = {}
        for stream, applications in followers.items():
            try:
                head = self._sources.resolve(*places[stream]).commit
            except SourceError:
                continue
            result[stream] = Following(head=head, applications=frozenset(applications))
        return result

    def between(self, stream: Stream, old: str, new: str) -> Sequence[str] | None:
        """See `CommitBoard`."""
        for key in self._applications.staying():
            source = self._source(key, LabelSelector())
            if source is not None and Stream(source[0].url, str(source[1])) == stream:
                return self._sources.passed(source[0], old, new, most=_PASSED)
        return ()

    def differs(self, application: AppKey, commit: str) -> bool:
        """See `CommitBoard`; also where it is not known."""
        _, closure = self._renders.newest(application)
        source = self._source(application, LabelSelector())
        if closure is None or source is None:
            return True
        try:
            tree = self._sources.tree(source[0], commit)
        except SourceError:
            return True
        for path, oid in closure.entries:
            if not path.startswith(_BESIDE):
                entry = tree.entry(path)
                if (entry.oid if entry else None) != oid:
                    return True
        return False

    def _source(self, key: AppKey, selector: LabelSelector) -> tuple[Repository, Ref] | None:
        """What an Application follows in Git; None for a chart."""
        try:
            application = self._applications.get(key)
            if application is None or application.spec.source.chart is not None:
                return None
            if not selector.matches(application.raw["metadata"].get("labels") or {}):
                return None
            return followed(key.namespace, application.spec.source)
        except (SpecInvalid, SourceError):
            return None

    def _one(self, sight: Sight) -> Sight:
        """The same object for equal sights: ten thousand Applications are mostly alike."""
        if len(self._shared) > len(self._sights) + 1:
            self._shared = {other: other for other in self._sights.values()}
        return self._shared.setdefault(sight, sight)


def _sight(commit: str, status: Object, *, refused: bool) -> Sight:
    ready = find_condition(status.get("conditions"), "Ready") or {}
    reason, message = str(ready.get("reason") or ""), str(ready.get("message") or "")
    meaning = reason_of(reason)
    if refused:
        return Sight(commit=commit, standing=Standing.FAILED, word="unverified", text=message, refused=True)
    if ready.get("status") == "True":
        return Sight(commit=commit, standing=Standing.LIVE)
    failed = ready.get("status") == "False" and meaning.kind is ReasonKind.FAILURE and not meaning.transient
    if failed or reason == "RolledBack":
        return Sight(commit=commit, standing=Standing.FAILED, word=_WORDS.get(reason, "failed"), text=message)
    word = _WORDS.get(reason, "")
    return Sight(commit=commit, standing=Standing.PENDING, word=word, text=message if word else "")
