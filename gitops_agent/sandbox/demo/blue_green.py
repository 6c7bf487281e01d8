"""Chapter three: blue-green, a preview followed by a full switch."""

from __future__ import annotations

import time

from gitops_agent.manifest.kinds import AUTOSCALER
from gitops_agent.sandbox.demo.cluster import NotSeen
from gitops_agent.sandbox.demo.rollout import Rollout, available, tag
from gitops_agent.sandbox.demo.scene import Scene

WEB = "web"
_NEW = "1.5.0"
_AUTOSCALER = AUTOSCALER.named("shop", WEB)


def switched(scene: Scene) -> None:
    """Preview at full size, approval, switch, and removal of the old version."""
    rollout = Rollout(scene.spectator, WEB)
    started = time.monotonic()
    commit = scene.release(WEB, "1.4.2", _NEW, f"Release {WEB} {_NEW}")
    pods = available(rollout.workload())

    def previewed() -> bool:
        return tag(rollout.second()) == _NEW and rollout.preview() == available(rollout.second()) == pods

    scene.spectator.until("the preview is at full size", previewed)
    scene.spectator.until("a Job has tried the preview", rollout.tried)
    scene.spectator.until("an approval is requested", lambda: rollout.status().get("approval"))
    if rollout.share() != (0, pods) or rollout.selected() != "primary":
        raise NotSeen("the preview got traffic before it was approved")
    if not _steady(scene):
        raise NotSeen("the autoscaler may take pods away in the middle of the rollout")
    scene.report(f"{pods} pods of {_NEW} behind Service {WEB}-canary, tried by a Job; Service {WEB} selects the old ones")
    scene.spectator.until(
        "the webhook receives the request for approval", lambda: scene.notifications("RolloutPaused", about=commit)
    )
    approved = time.monotonic()
    rollout.approve()
    scene.spectator.until("the Service selects the new version", lambda: rollout.selected() == "canary")
    scene.spectator.until("the new version carries the traffic", lambda: rollout.share() == (pods, pods))
    seconds = time.monotonic() - approved
    if tag(rollout.workload()) == _NEW:
        raise NotSeen("the old version was gone at the switch: nothing to switch back to")
    scene.report(f"approved; Service {WEB} selects {rollout.selected()} {seconds:.1f} s later, {pods} old pods stand by")
    scene.spectator.until("the workload takes the new version", lambda: tag(rollout.workload()) == _NEW)
    scene.spectator.until("nothing of the preview is left", rollout.gone)
    scene.ready("shop", commit)
    if _steady(scene):
        raise NotSeen("the autoscaler is not as in Git after the rollout")
    if rollout.ended(commit) != "Promoted":
        raise NotSeen(f"the policy does not say that {commit[:12]} was promoted: {rollout.status().get('history')}")
    scene.seen("A blue-green switch", f"{_NEW} previewed, approved, switched to at once, and promoted", started)


def _steady(scene: Scene) -> bool:
    """Whether the workload's autoscaler may not scale down during the rollout."""
    behavior = ((scene.spectator.get(_AUTOSCALER) or {}).get("spec") or {}).get("behavior") or {}
    return (behavior.get("scaleDown") or {}).get("selectPolicy") == "Disabled"
