"""The history of an Application: syncs and runs of rollouts."""

from __future__ import annotations

from gitops_agent.cluster.client import ClusterClient
from gitops_agent.manifest.key import Object
from gitops_agent.manifest.timestamp import timestamp


def entries(access: ClusterClient, application: Object) -> tuple[list[Object], str]:
    """Syncs and runs, newest first, and why a rollout is unreadable."""
    runs, problem = _runs(access, application)
    return newest_first([*((application.get("status") or {}).get("history") or []), *runs]), problem


def newest_first(listed: list[Object]) -> list[Object]:
    """Entries by their start, else by their end."""
    return sorted(listed, key=lambda entry: str(entry.get("started") or entry.get("ended") or ""), reverse=True)


def _runs(access: ClusterClient, application: Object) -> tuple[list[Object], str]:
    if not (application.get("status") or {}).get("rollouts"):
        return [], ""
    from gitops_agent.operations.rollout_lookup import of_application

    standings, problem = of_application(access, application)
    return [
        {
            "rollout": str(standing.key),
            "ended": timestamp(run.at),
            "revision": run.commit,
            "hash": run.hash,
            "result": run.result,
            "message": run.reason,
        }
        for standing in standings
        for run in standing.state.history
    ], problem
