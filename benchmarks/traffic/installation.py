"""An installed agent on the test bed, and an application per scenario."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator
from types import TracebackType
from typing import Any, Self

from benchmarks.traffic.load import Load
from benchmarks.traffic.record import Record
from benchmarks.traffic.shop import Shop
from benchmarks.traffic.test_bed import TestBed
from gitops_agent.manifest.key import Object
from tests.acceptance.installed_agent import InstalledAgent
from tests.acceptance.state_recorder import Seen
from tests.acceptance.tenant import Tenant

_WARM = 20


class Installation:
    """The agent's installation on a test bed.

    Args:
        stage: entered already.
        quick: the shortened run: fewer moments, fewer kills, fewer requests where a share is not judged.
        stride: kill at every so many calls.

    Attributes:
        rate: requests a second on each application.
        count: requests over which a share is measured.
    """

    def __init__(self, stage: TestBed, *, quick: bool, stride: int = 1) -> None:
        self.stage, self.quick, self.stride = stage, quick, stride
        self.rate = 50.0 if quick else 150.0
        self.count = 2000
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        self.installed = self._stack.enter_context(InstalledAgent(self.stage.plane, "agent", self.stage.directory / "agent"))
        self.agent = self.installed.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stack.close()

    @contextlib.contextmanager
    def shop(self, strategy: Object, *, installed: InstalledAgent | None = None, **options: Any) -> Iterator[Shop]:
        """An application in its own namespace, ready for rollouts; removed afterwards.

        Args:
            strategy: of its policy.
            installed: the agent that follows it; that of the installation when None.
            options: as for `Shop`.
        """
        with self.bare(strategy, installed=installed, **options) as shop:
            shop.begin()
            yield shop

    @contextlib.contextmanager
    def bare(self, strategy: Object, *, installed: InstalledAgent | None = None, **options: Any) -> Iterator[Shop]:
        """The same, with nothing in its repository yet."""
        name = f"shop-{uuid.uuid4().hex[:6]}"
        plane = self.stage.plane
        plane.request("POST", "/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        team = Tenant(installed or self.installed, self.agent if installed is None else None, name, self.stage.directory / name)
        try:
            yield Shop(self.stage, team, strategy, **options)
        finally:
            team.close()
            plane.request("DELETE", f"/api/v1/namespaces/{name}")

    @contextlib.contextmanager
    def load(self, shop: Shop, record: Record, *, rate: float | None = None, **headers: str) -> Iterator[Load]:
        """Load on an application within the block, counted in the record.

        It begins once the path to the application is open: what fails before is not the rollout's doing.
        """
        _opened(shop)
        with shop.recorder() as recorder, shop.load(rate or self.rate, **headers) as load:
            load.wait(_WARM)
            try:
                yield load
            finally:
                load.wait(_WARM, since=load.mark())
                load.stop()
                record.take(load, lambda moment: _place(recorder.when(moment)))


def _place(seen: Seen | None) -> str:
    return "" if seen is None else f", at {seen.phase} {seen.stage} with weight {seen.weight}: {seen.message}"


def _opened(shop: Shop) -> None:
    """Waits until the path answers."""

    def answers() -> bool:
        with shop.load(20) as probe:
            probe.wait(4, seconds=10)
        return not probe.failed and all(answer.pod for answer in probe.since())

    shop.team.until(answers, "the path to the application is open")
