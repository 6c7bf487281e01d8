"""Watches end together: each ends only when all are asked."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import cast

from gitops_agent.agent.components import Components
from gitops_agent.agent.stores.live_objects import LiveObjectInformer
from gitops_agent.agent.stores.prerequisites import PrerequisiteWatcher
from gitops_agent.agent.stores.secrets import SecretStore
from gitops_agent.agent.stores.watched_objects import _Watched
from gitops_agent.agent.work_queue import WorkQueue
from gitops_agent.cluster.discovery import Discovery
from gitops_agent.cluster.informer import Informer
from gitops_agent.cluster.objects import Objects
from gitops_agent.cluster.transport import Transport
from gitops_agent.config import Settings
from gitops_agent.manifest.key import GroupKind
from gitops_agent.manifest.kinds import SECRET
from gitops_agent.sync.live.live_state import LiveState
from tests.waiting import LIMIT_SECONDS

COUNT = 5


class SlowEnd:
    """A watch that ends when the others end too."""

    def __init__(self, others: threading.Barrier) -> None:
        self._others, self.ended = others, False

    def start(self) -> None:
        return

    def stop(self) -> None:
        self._others.wait(LIMIT_SECONDS)
        self.ended = True


def watches(count: int = COUNT) -> tuple[list[SlowEnd], list[Informer]]:
    """The same objects twice, also typed as informers."""
    barrier = threading.Barrier(count)
    ends = [SlowEnd(barrier) for _ in range(count)]
    return ends, [cast("Informer", end) for end in ends]


def test_the_watches_of_all_kinds_end_together(nowhere: Transport) -> None:
    informer = LiveObjectInformer(Objects(nowhere, Discovery(nowhere)), LiveState(), lambda *_: None)
    ends, informers = watches()
    informer._informers.update(
        {GroupKind("", f"Kind{number}"): kind_informer for number, kind_informer in enumerate(informers)}
    )

    informer.stop()

    assert all(end.ended for end in ends)


def test_the_watches_of_all_secrets_end_together(nowhere: Transport) -> None:
    secrets = SecretStore(Objects(nowhere, Discovery(nowhere)))
    ends, informers = watches()
    for number, informer in enumerate(informers):
        watched = secrets._watched[f"shop/{number}"] = _Watched(SECRET, f"shop/{number}", [])
        watched.informer = informer

    secrets.stop()

    assert all(end.ended for end in ends)


def test_the_watches_of_crds_and_namespaces_end_together(nowhere: Transport) -> None:
    watcher = PrerequisiteWatcher(Objects(nowhere, Discovery(nowhere)), WorkQueue())
    ends, informers = watches(2)
    watcher._informers = tuple(informers)

    watcher.stop()

    assert all(end.ended for end in ends)


def test_what_only_watches_ends_together(nowhere: Transport, tmp_path: Path) -> None:
    settings = {"cluster": {"namespace": "gitops-system"}, "source": {"cache_dir": str(tmp_path / "cache")}}
    components = Components(Settings.model_validate(settings), nowhere)
    watching = next(service for service in components._services if type(service).__name__ == "_Watches")
    count = len(watching.services)  # type: ignore[attr-defined]
    ends, informers = watches(count)
    watching.services = tuple(informers)  # type: ignore[attr-defined]

    components.stop()

    assert count >= COUNT
    assert all(end.ended for end in ends)
