from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gitops_agent.agent.components import Components
from gitops_agent.agent.reconcile.applier import Applier
from gitops_agent.agent.scheduler import Scheduler
from gitops_agent.cluster.informer import Informer
from gitops_agent.cluster.transport import Transport
from gitops_agent.config import Settings

EVENTS, WORKERS = "EventBroadcaster", "WorkerPool"


@pytest.fixture
def components(nowhere: Transport, tmp_path: Path) -> Components:
    """Made and not started: the API server does not answer."""
    settings: dict[str, Any] = {"cluster": {"namespace": "gitops-system"}, "source": {"cache_dir": str(tmp_path / "cache")}}
    return Components(Settings.model_validate(settings), nowhere)


def ends(components: Components) -> list[str]:
    """The classes of the services, in the order of their end."""
    names = []
    for service in reversed(components._services):
        together = getattr(service, "services", (service,))
        names += [type(member).__name__ for member in together]
    return names


def test_applies_end_first_and_then_the_clock_and_the_watch_of_applications_stop_asking(components: Components) -> None:
    applier, scheduler, applications, *_ = reversed(components._services)

    assert isinstance(applier, Applier)
    assert isinstance(scheduler, Scheduler)
    assert isinstance(applications, Informer)
    assert applications.kind.kind == "Application"


def test_applies_end_before_their_workers_are_waited_for(components: Components) -> None:
    order = ends(components)

    assert order.index("Applier") < order.index(WORKERS)
    assert order.count(WORKERS) == 3, "of Applications, repositories and signatures"


def test_polls_are_cancelled_before_workers_are_waited_for(components: Components) -> None:
    order = ends(components)

    assert order.index("SourcePoller") < order.index(WORKERS)


def test_the_watches_that_workers_read_outlive_them(components: Components) -> None:
    order = ends(components)
    last_worker = max(index for index, name in enumerate(order) if name == WORKERS)

    assert last_worker < order.index("LiveObjectInformer")
    assert last_worker < order.index("PrerequisiteWatcher")


def test_outbox_and_events_are_flushed_when_nothing_emits_any_more(components: Components) -> None:
    order = ends(components)

    assert order[order.index(EVENTS) :] == [EVENTS, "ConfigMapStore", "SecretStore", "_Mirrors", "StallDetector"]


def test_what_was_never_started_can_be_stopped(components: Components) -> None:
    assert components.starting

    components.stop()

    assert components.queue.take(0) is None


def test_a_start_that_waits_for_the_api_server_ends_when_asked(components: Components) -> None:
    components.start()
    assert components.failure() == ""

    components.stop()

    assert not components.starting
