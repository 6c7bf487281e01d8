"""Which commit the objects of a desired state are from."""

from __future__ import annotations

import pytest

from gitops_agent.rollout.compose import Part, compose
from gitops_agent.rollout.state import Adoption, Phase, RolloutState, Stage
from tests.rollout.policies import canary
from tests.rollout.release import ROUTE, SERVICE, V1, V2, WEB, release, subject


@pytest.mark.parametrize(
    ("phase", "stage", "commit"),
    [
        (Phase.HELD, Stage.NONE, V1.commit),
        (Phase.ABORT, Stage.UNROUTE, V1.commit),
        (Phase.STEP, Stage.HOLD, V1.commit),
        (Phase.PROMOTE, Stage.ROLL, V2.commit),
    ],
)
def test_what_is_held_bears_the_commit_it_is_from(phase: Phase, stage: Stage, commit: str) -> None:
    state = RolloutState(phase=phase, stage=stage, stable=V1, target=V2, adoption=Adoption.DONE)
    part = Part(state=state, subject=subject(canary(), autoscaled=False), stable=release(V1, 4), target=release(V2, 4))
    composed = {manifest.key: manifest for manifest in compose(release(V2, 4), [part]).manifests}

    assert {composed[key].commit for key in (WEB, SERVICE, ROUTE)} == {commit}
