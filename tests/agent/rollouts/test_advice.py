from __future__ import annotations

from dataclasses import replace
from typing import Any

from gitops_agent.agent.rollouts.advice import Advice
from gitops_agent.agent.rollouts.context import RolloutContext
from gitops_agent.agent.rollouts.declared_policies import DeclaredPolicies
from gitops_agent.agent.rollouts.rollout_pass import RolloutPass, RolloutRequest
from gitops_agent.errors import RenderError
from gitops_agent.manifest.kinds import ROLLOUT_POLICY
from gitops_agent.manifest.manifest import Manifest
from gitops_agent.rollout.state import Phase, RolloutState
from tests.agent.samples import application
from tests.rollout.test_overlay import NEW, OLD, WEB, state, subject
from tests.sync.samples import wanted

HELD = ("ConfigMap:shop/web: its pods read it", "apps/Deployment:shop/web: its spec, but for what scales it")


def by_key(manifests: list[Manifest]) -> dict[Any, Manifest]:
    return {manifest.key: manifest for manifest in manifests}


def rollout(current: RolloutState, **status: Any) -> RolloutContext:
    raw = {"metadata": {"generation": 1}, "status": {"observedGeneration": 1, **status}}
    key = ROLLOUT_POLICY.named("shop", "web")
    return RolloutContext(
        key=key,
        raw=raw,
        subject=subject(),
        state=current,
        head=None,
        stable=by_key(OLD),
        target=by_key(NEW),
        newest=by_key(NEW)[WEB],
    )


def current() -> RolloutPass:
    head = replace(wanted(), manifests=tuple(NEW))
    request = RolloutRequest(application=application("shop"), head=head, last=head, frozen=False)
    return RolloutPass(request=request, policies=DeclaredPolicies(commit=head))


def test_a_version_that_is_rejected_names_what_it_holds_back() -> None:
    assert Advice.of(current(), rollout(state(Phase.HELD))).held == HELD


def test_a_rollout_at_rest_holds_nothing_back() -> None:
    assert Advice.of(current(), rollout(state(Phase.IDLE))).held == ()


def test_a_refused_commit_is_noted() -> None:
    refused = replace_refused(current())

    assert Advice.of(refused, rollout(state(Phase.IDLE))).notes[0].endswith("the one before: no such field")


def replace_refused(of: RolloutPass) -> RolloutPass:
    of.refused = RenderError("no such field")
    return of


def test_advice_is_written_where_the_status_has_another_one() -> None:
    advice = Advice(held=HELD)

    assert advice.missing(rollout(state(Phase.HELD)), None)
    assert not advice.missing(rollout(state(Phase.HELD), held=list(HELD)), None)
    assert advice.missing(rollout(state(Phase.HELD), held=list(HELD), observedGeneration=0), None)


def test_a_schema_that_drops_a_field_does_not_have_it_written_again_and_again() -> None:
    advice = Advice(held=HELD)

    assert not advice.missing(rollout(state(Phase.HELD)), advice)
