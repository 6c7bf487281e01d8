"""Logs what takes long, with the stack of its thread.

Once after its patience, and again after twice, four times … as long.
"""

from __future__ import annotations

import threading

from gitops_agent.observe.activities import ACTIVITIES, Activities, Activity
from gitops_agent.observe.log import logger

_log = logger("agent")
_CHECK_SECONDS = 5.0
_JOIN_SECONDS = 1.0


class StallDetector:
    """Checks the activities on a thread of its own.

    Args:
        activities: of the process.
    """

    def __init__(self, activities: Activities = ACTIVITIES) -> None:
        self._activities = activities
        self._reported: dict[Activity, int] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="stalls", daemon=True)

    def start(self) -> None:
        """Starts checking."""
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join(_JOIN_SECONDS)

    def check(self) -> None:
        """Logs what takes long now, and was not logged for that yet."""
        running = self._activities.running()
        self._reported = {activity: times for activity, times in self._reported.items() if activity in running}
        for activity in running:
            times, seconds = self._reported.get(activity, 0), self._activities.seconds(activity)
            if seconds >= activity.patience * 2**times:
                self._reported[activity] = times + 1
                stack = activity.stack()
                _log.warning("takes long", what=activity.what, of=activity.of, seconds=round(seconds), stack=stack)

    def _run(self) -> None:
        while not self._stop.wait(_CHECK_SECONDS):
            self.check()
