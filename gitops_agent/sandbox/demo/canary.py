"""Chapter two: a promoted canary, a rolled back one, and its fix.

The report is what the cluster shows: how many of the ready addresses behind the Service are of the new version, which side
the Service selects, and what the Deployment itself runs. The status of the policy is read only for how a run ended.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from gitops_agent.api.conditions import condition_of
from gitops_agent.manifest.kinds import SERVICE
from gitops_agent.rollout.canary_objects import VARIANT
from gitops_agent.sandbox.demo.cluster import NotSeen
from gitops_agent.sandbox.demo.rollout import SHOP, Rollout, available, tag
from gitops_agent.sandbox.demo.scene import NAMESPACE, Scene

CHECKOUT = "checkout"
ERRORS = {"2.2.0": 0.001, "2.3.0": 0.31}
"""The share of failed answers of a version, 0 to 1: what the demonstration decides."""

_USUAL = 0.002

_PODS = 4
_FIRST = 25


def error_rate(rollout: Rollout, deployment: str) -> float | None:
    """The error rate of one Deployment of a rollout, else None.

    By the version it runs.
    """
    for candidate in (rollout.workload(), rollout.second()):
        if candidate and candidate["metadata"]["name"] == deployment:
            return ERRORS.get(tag(candidate), _USUAL)
    return None


def promoted(scene: Scene) -> None:
    """A good version is promoted step by step, despite manual changes.

    A hand changes its share meanwhile.
    """
    started = time.monotonic()
    _taken(scene, "2.1.0", "2.2.0", f"Release {CHECKOUT} 2.2.0", within=_by_hand)
    scene.seen("A canary, step by step", "2.2.0 got 25 %, 50 %, then all of the traffic, and was promoted", started)


def rejected(scene: Scene) -> None:
    """A failing version is rolled back, and its commit not retried."""
    rollout = Rollout(scene.spectator, CHECKOUT)
    started = time.monotonic()
    commit = scene.release(CHECKOUT, "2.2.0", "2.3.0", f"Release {CHECKOUT} 2.3.0")

    def bad_share() -> bool:
        _not_taken(rollout, "2.3.0")
        return tag(rollout.second()) == "2.3.0" and rollout.share() == (1, _PODS)

    scene.spectator.until("the bad version gets its first share", bad_share)
    scene.report(
        f"1 of {_PODS} ready pods behind Service {CHECKOUT} is of 2.3.0, which fails {ERRORS['2.3.0']:.0%} of its requests"
    )
    exposed = time.monotonic()

    def back() -> bool:
        _not_taken(rollout, "2.3.0")
        return rollout.gone() and rollout.share() == (0, _PODS) and available(rollout.workload()) == _PODS

    scene.spectator.until("the traffic and the pods are back", back)
    seconds = time.monotonic() - exposed
    measured = sum(value == ERRORS["2.3.0"] for _, value in scene.metrics.answered)
    scene.report(
        f"measured {measured} times, and back on 2.2.0 {seconds:.1f} s later: {_PODS} of {_PODS} pods, no second Deployment"
    )
    scene.spectator.until("the run is written down", lambda: rollout.ended(commit) == "RolledBack")
    rejections = rollout.status().get("rejected") or [{}]
    if rejections[-1].get("revision") != commit:
        raise NotSeen(f"the commit {commit[:12]} was rolled back but is not among the rejected ones")
    scene.spectator.until("the webhook receives it", lambda: scene.notifications("RolloutAborted", about=commit))
    scene.spectator.until(
        "the application says it went back",
        lambda: condition_of(scene.spectator.application("shop", NAMESPACE), "Ready").get("reason") == "RolledBack",
    )
    reason = rejections[-1].get("reason")
    scene.seen("A bad version is rolled back by itself", f"commit {commit[:12]} is rejected: {reason}", started)


def fixed(scene: Scene) -> None:
    """The next commit of the rejected workload goes on."""
    started = time.monotonic()
    _taken(scene, "2.3.0", "2.3.1", f"Answer carts without an address, {CHECKOUT} 2.3.1")
    scene.seen("A fixed commit goes on", "2.3.1 went through the same steps and was promoted; 2.3.0 never was", started)


def _taken(
    scene: Scene, old: str, new: str, message: str, *, within: Callable[[Scene, Rollout], None] = lambda *_: None
) -> None:
    """Runs one version from commit to promotion; `within` runs in step one."""
    rollout = Rollout(scene.spectator, CHECKOUT)
    commit = scene.release(CHECKOUT, old, new, message)
    started = time.monotonic()
    for pods, weight in ((1, _FIRST), (2, 50)):

        def there(pods: int = pods) -> bool:
            return tag(rollout.second()) == new and rollout.share() == (pods, _PODS)

        scene.spectator.until(f"{pods} of {_PODS} pods are of {new}", there)
        what = f"{pods} of {_PODS} ready pods behind Service {CHECKOUT} {'is' if pods == 1 else 'are'} of {new}"
        scene.report(f"{time.monotonic() - started:4.1f} s  {what}: {weight} % of the traffic")
        if weight == _FIRST:
            within(scene, rollout)
    scene.spectator.until(
        "all traffic goes to the new version",
        lambda: rollout.selected() == "canary" and rollout.share() == (_PODS, _PODS),
    )
    if tag(rollout.workload()) == new:
        raise NotSeen(f"the workload took {new} before the new version carried the traffic")
    running = tag(rollout.workload())
    scene.report(f"{time.monotonic() - started:4.1f} s  all of it; Deployment {CHECKOUT} still runs {running}, one switch away")
    scene.spectator.until("the workload takes the new version", lambda: tag(rollout.workload()) == new)
    scene.spectator.until("nothing of the second Deployment is left", rollout.gone)
    scene.report(f"{time.monotonic() - started:4.1f} s  Deployment {CHECKOUT} runs {new} and has its traffic back")
    scene.ready("shop", commit)
    if rollout.ended(commit) != "Promoted":
        raise NotSeen(f"the policy does not say that {commit[:12]} was promoted: {rollout.status().get('history')}")
    scene.spectator.until("the webhook receives it", lambda: scene.notifications("Promoted", about=commit))


def _by_hand(scene: Scene, rollout: Rollout) -> None:
    """A manually written share is drift, the rollout's own is not."""
    service = SERVICE.named(SHOP, rollout.name)
    scene.spectator.objects.merge_patch(service, {"spec": {"selector": {VARIANT: "canary"}}}, field_manager="kubectl-edit")
    seconds = scene.spectator.until(
        "the share is as the rollout wants it", lambda: not rollout.selected() and rollout.share() == (1, _PODS)
    )
    scene.report(f"        a manual change sends everything to 2.2.0: reverted after {seconds:.2f} s")


def _not_taken(rollout: Rollout, version: str) -> None:
    if tag(rollout.workload()) == version:
        raise NotSeen(f"the workload itself took {version}, which should only ever have been a canary")
