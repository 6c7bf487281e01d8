"""Pauses where threads meet, to find what relies on luck.

```shell
make test-delays PYTEST_ARGS="tests/agent tests/notify"
```

Problem: a race shows once in fifty runs of a busy machine, and then not again. Decision: the tests run with a pause on one side
of each meeting: at the end of a render, a poll and a write, at the arrival of a watch event, before an Event and a message.
What passes because the other thread is usually quicker fails then every time. Agents in processes of their own pause as well.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from importlib import import_module
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
_START = ROOT / "tests" / "delayed_start"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delay:
    """A method that pauses.

    Attributes:
        module: where it is.
        method: class and name.
        before: seconds before each call.
        after: seconds after it.
        writes: only calls whose first argument is not GET.
    """

    module: str
    method: str
    before: float = 0.0
    after: float = 0.0
    writes: bool = False

    def target(self) -> tuple[type, str]:
        """The class, and the name of its method."""
        owner, _, name = self.method.partition(".")
        return getattr(import_module(f"gitops_agent.{self.module}"), owner), name

    def install(self) -> None:
        """Lets the method pause from now on."""
        cls, name = self.target()
        setattr(cls, name, self.delayed(getattr(cls, name)))

    def delayed(self, method: Callable[..., Any]) -> Callable[..., Any]:
        """The method with its pauses."""

        @wraps(method)
        def paused(instance: Any, *arguments: Any, **named: Any) -> Any:
            idle = self.writes and arguments[:1] == ("GET",)
            _pause(0.0 if idle else self.before)
            result = method(instance, *arguments, **named)
            _pause(0.0 if idle else self.after)
            return result

        return paused


DELAYS = (
    Delay(module="agent.desired.render_pool", method="RenderPool._result", after=1.0),
    Delay(module="source.sources", method="Sources.poll", after=0.5),
    Delay(module="cluster.transport", method="Transport.exchange", after=0.15, writes=True),
    Delay(module="cluster.watch", method="Watch._take", before=0.25),
    Delay(module="cluster.recorder", method="Recorder._take", before=0.7),
    Delay(module="notify.sender", method="Sender.send", before=0.7),
    Delay(module="notify.commit_status_worker", method="CommitStatusWorker._exchange", before=0.7),
)
_installed = threading.Event()


def install() -> None:
    """Installs all delays in this process."""
    for delay in DELAYS:
        delay.install()
    _installed.set()


def environment() -> dict[str, str]:
    """Variables for Python processes that are to pause as this one does."""
    return {"PYTHONPATH": f"{_START}:{ROOT}"} if _installed.is_set() else {}


def pytest_configure() -> None:
    """Makes this module a plug-in: `-p tests.delays`."""
    install()


def _pause(seconds: float) -> None:
    if seconds:
        threading.Event().wait(seconds)
