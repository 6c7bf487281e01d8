from __future__ import annotations

import pytest

from gitops_agent.agent.rollouts.loader import _followed
from gitops_agent.rollout.state import Phase, RolloutState, Version
from tests.agent.cluster_env import ClusterEnv

STABLE, TARGET, NEWER = (Version(commit=name * 40, hash=name) for name in "abc")
NEVER = {"schedule": "0 0 29 2 *", "duration": "1m", "action": "allow"}


def state(phase: Phase) -> RolloutState:
    target = TARGET if phase is not Phase.IDLE else None
    return RolloutState(phase=phase, stable=STABLE, target=target)


@pytest.mark.parametrize("phase", [Phase.PROVISION, Phase.STEP, Phase.PAUSED, Phase.PROMOTE])
def test_a_closed_window_hides_newer_versions_from_a_run(phase: Phase) -> None:
    assert _followed(NEWER, state(phase), removed=False, closed=True) is None
    assert _followed(NEWER, state(phase), removed=False, closed=False) == NEWER


@pytest.mark.parametrize("head", [STABLE, TARGET])
def test_a_run_sees_its_own_version_and_the_way_out_in_a_closed_window(head: Version) -> None:
    assert _followed(head, state(Phase.STEP), removed=False, closed=True) == head


@pytest.mark.parametrize("phase", [Phase.IDLE, Phase.PENDING, Phase.HELD])
def test_a_run_that_has_not_begun_knows_what_it_waits_for(phase: Phase) -> None:
    assert _followed(NEWER, state(phase), removed=False, closed=True) == NEWER


def test_a_rollout_that_was_removed_from_git_goes_on_in_a_closed_window() -> None:
    assert _followed(None, state(Phase.STEP), removed=True, closed=True) is None
    assert _followed(None, state(Phase.STEP), removed=True, closed=False) == STABLE


def files(version: int) -> dict[str, str]:
    return {
        "shop/web.yaml": f"""\
apiVersion: apps/v1
kind: Deployment
metadata: {{name: web}}
spec:
  replicas: 1
  selector: {{matchLabels: {{app: web}}}}
  template:
    metadata: {{labels: {{app: web}}}}
    spec:
      containers: [{{name: main, image: "registry.example.com/web:{version}"}}]
""",
        "shop/policy.yaml": """\
apiVersion: gitops-agent.dev/v1alpha1
kind: RolloutPolicy
metadata: {name: web}
spec:
  targetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
  strategy: {rolling: {}}
""",
    }


def image(world: ClusterEnv) -> str:
    live = world.live("web", "Deployment", "apps")
    return str(live["spec"]["template"]["spec"]["containers"][0]["image"]) if live else ""


@pytest.mark.cluster
def test_a_new_version_begins_its_rollout_when_the_window_opens_or_its_plan_is_approved(world: ClusterEnv) -> None:
    first = world.commit(files(1))
    world.create("shop")
    world.await_synced("shop", first)
    world.patch("shop", {"spec": {"sync": {"windows": [NEVER]}}})

    second = world.commit(files(2))
    message = world.await_reason("shop", "WindowClosed", "waits for the window that opens at 2028-02-29T00:00+00:00")
    assert message.startswith(f"{second[:12]}: waits")
    assert image(world).endswith(":1")
    policy = world.live("web", "RolloutPolicy", "gitops-agent.dev") or {}
    assert policy["status"]["phase"] == "Pending"

    world.annotate("shop", approved_plan=world.status("shop")["sync"]["plan"])
    world.await_synced("shop", second)
    assert image(world).endswith(":2")

    third = world.commit(files(3))
    world.await_reason("shop", "WindowClosed")
    world.patch("shop", {"spec": {"sync": {"windows": []}}})
    world.await_synced("shop", third)
    assert image(world).endswith(":3")
