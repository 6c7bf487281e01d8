from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from gitops_agent.sync.hook_runs.record import Phase
from gitops_agent.sync.hooks.hook import Hook
from gitops_agent.sync.hooks.moment import Moment
from tests.sync.hook_runs.model import Model
from tests.sync.hook_runs.samples import hook

MOMENTS = st.lists(st.sampled_from([Moment.PRE_SYNC, Moment.SYNC, Moment.POST_SYNC]), min_size=1, max_size=2, unique=True)
POLICIES = st.sampled_from(["", "before-hook-creation,hook-succeeded", "before-hook-creation,hook-failed"])


@st.composite
def some_hooks(draw: st.DrawFn) -> tuple[Hook, ...]:
    """One to three hooks of any moments, one of them perhaps passive."""
    count = draw(st.integers(1, 3))
    return tuple(
        hook(
            f"h{number}",
            *draw(MOMENTS),
            kind=draw(st.sampled_from(["Job", "Job", "ConfigMap"])),
            weight=draw(st.integers(-1, 1)),
            policy=draw(POLICIES),
        )
        for number in range(count)
    )


STEP = st.one_of(
    st.tuples(st.just("reconcile"), st.one_of(st.none(), st.integers(0, 4))),
    st.tuples(st.just("end"), st.none()),
    st.tuples(st.just("expire"), st.none()),
    st.tuples(st.just("restart"), st.none()),
)


def play(model: Model, steps: list[tuple[str, int | None]]) -> None:
    for name, number in steps:
        model.now += timedelta(seconds=1)
        if name == "reconcile":
            model.writes = number
            model.reconcile()
        elif name == "end":
            model.end_jobs()
        elif name == "expire":
            model.expire()
        else:
            model.memory = None


@given(hooks=some_hooks(), steps=st.lists(STEP, max_size=14))
def test_wherever_the_agent_dies_each_hook_runs_once_and_nothing_is_applied_before_it(
    hooks: tuple[Hook, ...], steps: list[tuple[str, int | None]]
) -> None:
    model = Model(hooks=hooks)
    play(model, steps)
    model.settle()
    assert model.faults == []
    ran = {(name, moment) for name, moment, _ in model.made}
    assert ran == {(declared_hook.key.name, moment.value) for declared_hook in hooks for moment in declared_hook.moments}


@given(hooks=some_hooks(), before=st.lists(STEP, max_size=8), after=st.lists(STEP, max_size=8))
def test_new_content_runs_each_hook_once_more(
    hooks: tuple[Hook, ...], before: list[tuple[str, int | None]], after: list[tuple[str, int | None]]
) -> None:
    model = Model(hooks=hooks)
    play(model, before)
    model.content = "v2"
    play(model, after)
    model.settle()
    assert model.faults == []
    second = {(name, moment) for name, moment, content in model.made if content == "v2"}
    assert second == {(declared_hook.key.name, moment.value) for declared_hook in hooks for moment in declared_hook.moments}


@given(hooks=some_hooks(), steps=st.lists(STEP, max_size=8))
def test_at_rest_nothing_is_written(hooks: tuple[Hook, ...], steps: list[tuple[str, int | None]]) -> None:
    model = Model(hooks=hooks)
    model.settle()
    made = dict(model.made)
    model.expire()
    play(model, steps)
    model.settle()
    assert (model.faults, dict(model.made), model.status.phase) == ([], made, Phase.DONE)
