"""A Job that runs before a sync."""

from __future__ import annotations

import time
from typing import Any

from gitops_agent.sandbox.demo.scene import NAMESPACE, Scene, ask

_MIGRATION = """\
apiVersion: batch/v1
kind: Job
metadata:
  name: migrate
  annotations:
    gitops-agent.dev/hook: pre-sync
spec:
  backoffLimit: 0
  template:
    spec:
      restartPolicy: Never
      containers:
        - name: migrate
          image: registry.example.com/guestbook:6
          args: [migrate]
"""


def ran(scene: Scene) -> None:
    """A migration runs before the version that needs it is applied."""
    started = time.monotonic()
    (scene.repository.work / "apps/guestbook/migrate.yaml").write_text(_MIGRATION)
    scene.repository.edit("apps/guestbook/guestbook.yaml", lambda text: text.replace("guestbook:5", "guestbook:6"))
    commit = scene.repository.commit("Guestbook 6, with a migration")
    ask(scene.spectator, "guestbook")
    scene.ready("guestbook", commit)
    scene.spectator.until("the hook is recorded", lambda: _states(scene) == {"pre-sync": "Succeeded"})
    scene.seen("A Job before the sync", "the migration succeeded, then guestbook 6 was applied, Synced and Healthy", started)


def _states(scene: Scene) -> dict[str, Any]:
    """The states of the hooks' last runs, by moment."""
    status = scene.spectator.application("guestbook", NAMESPACE).get("status") or {}
    return {run["moment"]: run["state"] for run in (status.get("hooks") or {}).get("runs") or ()}
