from __future__ import annotations

import pytest

from gitops_agent.sync.hooks.hook import Hook, declared_hook, hooks_of
from gitops_agent.sync.hooks.moment import Moment, Operation
from gitops_agent.sync.hooks.spelling import hook_text
from gitops_agent.sync.object_options import wave_of
from gitops_agent.sync.ordering.rules import RANKS
from tests.sync.samples import manifests, thing


def declared(kind: str, name: str, **annotations: str) -> Hook:
    names = {"hook": "helm.sh/hook", "weight": "helm.sh/hook-weight", "wave": "gitops-agent.dev/wave"}
    marks = {names[word]: value for word, value in {"hook": "pre-install", **annotations}.items()}
    [manifest] = manifests(thing(kind, name, annotations=marks))
    text = hook_text(manifest.obj)
    assert text is not None
    return declared_hook(manifest, text, wave=wave_of(manifest.obj), keep=False)


def test_hooks_of_a_moment_run_by_weight_then_kind_then_name() -> None:
    hooks = [
        declared("Job", "b"),
        declared("Job", "a"),
        declared("ServiceAccount", "z"),
        declared("Job", "first", weight="-5"),
        declared("Job", "last", wave="3", weight="-9"),
        declared("Job", "other", hook="post-install"),
    ]
    chosen = hooks_of(hooks, Operation.INSTALL, Moment.PRE_SYNC, RANKS)
    assert [hook.key.name for hook in chosen] == ["first", "z", "a", "b", "last"]
    assert hooks_of(hooks, Operation.UPGRADE, Moment.PRE_SYNC, RANKS) == ()


def test_a_weight_that_is_no_number_is_a_problem_that_names_the_annotation() -> None:
    with pytest.raises(ValueError, match=r"annotation helm\.sh/hook-weight: 'first' is not a whole number"):
        declared("Job", "a", weight="first")


def test_the_content_of_a_hook_says_what_it_runs_and_when() -> None:
    assert declared("Job", "a").content == declared("Job", "a").content
    assert declared("Job", "a").content != declared("Job", "a", hook="post-install").content
    assert declared("Job", "a").content != declared("Job", "b").content


def test_a_hook_names_its_moments_in_their_order() -> None:
    hook = declared("Job", "a", hook="post-delete,post-install,pre-install")
    assert hook.moments == (Moment.PRE_SYNC, Moment.POST_SYNC, Moment.POST_DELETE)
    assert hook.of_a_sync
    assert not declared("Job", "a", hook="pre-delete").of_a_sync
