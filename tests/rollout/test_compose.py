from __future__ import annotations

from gitops_agent.revision.revision import Revision
from gitops_agent.rollout.compose import compose


def test_without_a_rollout_the_desired_state_is_the_target() -> None:
    target = Revision(repository="https://git.example.com/config.git", ref="main", commit="0" * 40)
    assert compose(target) is target
