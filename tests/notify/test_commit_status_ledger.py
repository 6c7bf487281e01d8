from __future__ import annotations

import json
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from gitops_agent.notify.commit_status import CommitState
from gitops_agent.notify.commit_status_ledger import GRACE, OPEN, PAUSE, WATCHED, Stream
from gitops_agent.notify.commit_status_parts import UNAFFECTED, Sight
from gitops_agent.notify.commit_status_record import DEPLOYMENT, WHOLE
from tests.notify.builders import NOON
from tests.notify.histories import C1, C2, FAILED, LIVE, MAIN, PENDING, P, followed


def test_a_commit_is_pending_then_live() -> None:
    history = followed("pay", "shop", "web")
    history.commit(C1, "pay", "shop")
    history.see({"pay": PENDING, "shop": PENDING, "web": LIVE})
    assert history.send() == []

    history.wait(GRACE)
    assert history.send() == [("1", "pending", "0 of 2 live")]
    history.wait()
    history.see(["pay"])
    assert history.send() == [("1", "pending", "1 of 2 live")]
    history.see(["shop"])
    assert history.send() == [("1", "success", "2 of 2 live")]


def test_a_commit_that_touches_nothing_is_a_success_at_once() -> None:
    history = followed("pay", "shop")
    history.commit(C1)
    history.see(["pay", "shop"])

    assert history.send() == [("1", "success", UNAFFECTED)]
    assert [status.name for status in history.sent if status.record.commit == C1] == [WHOLE]


def test_a_failure_names_who_failed() -> None:
    history = followed("pay", "shop", "web")
    history.commit(C1, "pay", "shop", "web")
    history.see({"pay": FAILED, "shop": FAILED, "web": PENDING})
    history.wait(GRACE)
    assert history.send() == [("1", "failure", "2 degraded: pay, shop; 0 of 3 live")]

    history.wait()
    history.see(["web"])
    assert history.send() == [("1", "failure", "2 degraded: pay, shop")]


def test_a_recovery_is_a_success() -> None:
    history = followed("pay")
    history.commit(C1, "pay")
    history.see({"pay": FAILED})
    history.wait(GRACE)
    history.send()
    history.wait()
    history.see(["pay"])

    assert history.send() == [("1", "success", "1 of 1 live")]


def test_changes_are_sent_together_and_the_final_one_at_once() -> None:
    history = followed("a", "b", "c", per_application=0)
    history.commit(C1, "a", "b", "c")
    history.wait(GRACE)
    history.send()
    history.see({"a": LIVE, "b": PENDING, "c": PENDING})
    assert history.send() == []
    history.see({"b": LIVE})
    assert history.send() == []
    history.see({"c": LIVE})

    assert history.send() == [("1", "success", "3 of 3 live")]


def test_an_old_commit_is_spoken_of_less_often() -> None:
    history = followed("pay")
    history.commit(C1, "pay")
    sent = 0
    while history.now < NOON + timedelta(days=7):
        history.see({"pay": FAILED}, word=f"failed {sent} times")
        sent += len(history.send())
        pause = history.ledger.seconds_to_next(history.now, per_application=10, deployments=False)
        history.wait(timedelta(seconds=pause) if pause else PAUSE)

    assert 100 < sent < 1000


def test_each_application_gets_a_status_while_they_are_few() -> None:
    history = followed("a", "b", "c", per_application=2)
    assert {status.name for status in history.sent} == {WHOLE}
    history.commit(C1, "a", "b")
    history.see(["a", "b", "c"])
    history.send()

    assert {status.name for status in history.sent if status.record.commit == C1} == {WHOLE, "a", "b"}


def test_a_failure_stays_one_when_a_later_commit_fixes_it() -> None:
    history = followed("pay")
    history.commit(C1, "pay")
    history.see({"pay": FAILED})
    history.wait(GRACE)
    history.send()
    history.wait()
    history.commit(C2, "pay")
    history.see(["pay"])

    assert history.send() == [("2", "success", "1 of 1 live")]


def test_progress_after_a_success_is_no_news_and_a_failure_within_an_hour_is() -> None:
    history = followed("pay")
    history.commit(C1, "pay")
    history.see(["pay"])
    history.send()
    history.wait()
    history.see({"pay": PENDING})
    assert history.send() == []
    history.see({"pay": FAILED})
    assert history.send() == [("1", "failure", "1 degraded: pay")]
    history.see({"pay": LIVE})
    history.wait()
    history.send()

    history.wait(WATCHED + PAUSE)
    history.send()
    history.see({"pay": FAILED})
    history.wait()
    assert history.send() == []


def test_what_waits_for_a_person_is_named() -> None:
    history = followed("pay", "shop")
    history.commit(C1, "pay", "shop")
    history.see(["shop"])
    sight = Sight(commit=C1, standing=PENDING, word="held for approval", text="8 objects would go")
    history.ledger.saw(MAIN, "pay", sight, differs=lambda _: True)
    history.wait(GRACE)

    assert history.send() == [("1", "pending", "1 of 2 live; 1 held for approval: pay")]


def test_a_refused_commit_fails() -> None:
    history = followed("pay", "shop")
    history.commit(C1)
    refused = Sight(commit=P, standing=FAILED, word="unverified", refused=True)
    for name in ("pay", "shop"):
        history.ledger.saw(MAIN, name, refused, differs=lambda _: False)

    assert history.send() == [("1", "failure", "2 unverified: pay, shop")]


def test_an_application_that_is_new_is_waited_for() -> None:
    history = followed("parent")
    history.commit(C1, "parent", "child")
    history.see(["parent"])
    assert history.send() == [("1", "success", "1 of 1 live")]
    history.names.add("child")
    history.ledger.follow(MAIN, C1, history.names, history.now)
    history.see({"child": PENDING})
    history.wait()
    assert history.send() == [("1", "pending", "1 of 2 live")]
    history.see(["child"])
    assert history.send() == [("1", "success", "2 of 2 live")]


def test_an_application_that_is_gone_is_not_waited_for() -> None:
    history = followed("pay", "shop")
    history.commit(C1, "pay", "shop")
    history.see({"pay": PENDING, "shop": LIVE})
    history.ledger.keep({"shop"})

    assert history.send() == [("1", "success", "1 of 1 live")]


def test_two_branches_with_one_commit_have_one_status() -> None:
    history = followed("pay")
    staging = Stream(MAIN.repository, "branch staging")
    history.ledger.follow(staging, P, {"test"}, history.now)
    sight = Sight(commit=P, standing=PENDING)
    history.ledger.saw(staging, "test", sight, differs=lambda _: True)
    assert history.send() == [("0", "pending", "1 of 2 live")]
    history.ledger.saw(staging, "test", Sight(commit=P, standing=LIVE), differs=lambda _: True)

    assert history.send() == [("0", "success", "2 of 2 live")]


def test_a_restart_repeats_nothing() -> None:
    history = followed("pay", "shop")
    history.commit(C1, "pay")
    history.see(["pay", "shop"])
    history.send()
    for _ in range(2):
        history.restart()
        assert history.send() == []
        history.see(["pay", "shop"])
        assert history.send() == []
        history.wait(WATCHED)
        assert history.send() == []


def test_a_restart_loses_no_final_status() -> None:
    history = followed("pay", "shop")
    history.commit(C1, "pay", "shop")
    history.see({"pay": PENDING, "shop": LIVE})
    history.wait(GRACE)
    history.send()
    history.restart()
    assert history.send() == []
    history.see(["pay", "shop"])

    assert history.send() == [("1", "success", "2 of 2 live")]


def test_a_restart_before_all_were_compared_compares_again() -> None:
    history = followed("pay", "shop", "web")
    history.commit(C1, "pay")
    history.wait(GRACE)
    assert history.send() == [("1", "pending", "0 of 0 live; 3 to compare")]
    history.restart()
    history.see(["pay", "shop"])
    assert history.send() == []
    history.see(["web"])

    assert history.send() == [("1", "success", "1 of 1 live")]


def test_a_commit_that_came_during_a_failover_is_compared_with_the_last_one() -> None:
    history = followed("pay", "shop")
    history.order.append(C1)
    history.touched[C1] = frozenset({"shop"})
    history.restart()
    history.see(["pay", "shop"])

    assert history.send() == [("1", "success", "1 of 1 live")]


def test_a_large_commit_is_compared_again_after_a_restart() -> None:
    names = [f"app-{number:03}" for number in range(400)]
    history = followed(*names)
    history.commit(C1, *names[:350])
    history.see(dict.fromkeys(names, PENDING))
    history.wait(GRACE)
    assert history.send() == [("1", "pending", "0 of 350 live")]
    history.restart()
    history.see(names)

    assert history.send() == [("1", "success", "350 of 350 live")]
    assert len(json.dumps(history.ledger.to_json())) < 10_000


def test_open_commits_are_bounded_and_none_stays_pending() -> None:
    names = [f"app-{number:03}" for number in range(OPEN + 20)]
    history = followed(*names)
    for number, name in enumerate(names):
        history.commit(f"{number:040x}".replace("0", "f", 1), name)
        history.see({**dict.fromkeys(names, LIVE), **dict.fromkeys(names[: number + 1], PENDING)})
        history.wait(GRACE)
        history.send()
    history.wait()
    history.send()

    last: dict[str, CommitState] = {}
    for status in history.sent:
        if status.name == WHOLE:
            last[status.record.commit] = status.state
    states = list(last.values())
    assert states.count(CommitState.PENDING) <= OPEN + 1
    assert states.count(CommitState.SUPERSEDED) >= len(names) - OPEN - 1


def test_a_deployment_follows_the_commit_and_is_made_only_for_what_it_touches() -> None:
    history = followed("pay", deployments=True)
    history.commit(C1)
    history.see(["pay"])
    history.send()
    history.commit(C2, "pay")
    history.see({"pay": PENDING})
    history.wait(GRACE)
    history.send()
    history.see(["pay"])
    history.send()

    made = [
        (status.record.commit, status.state)
        for status in history.sent
        if status.name == DEPLOYMENT and status.record.commit != P
    ]
    assert made == [(C2, CommitState.PENDING), (C2, CommitState.SUCCESS)]


STEPS = st.one_of(
    st.tuples(st.just("commit"), st.frozensets(st.sampled_from("abc"))),
    st.tuples(st.just("see"), st.dictionaries(st.sampled_from("abc"), st.sampled_from([LIVE, PENDING, FAILED]))),
    st.tuples(st.just("restart"), st.none()),
    st.tuples(st.just("send"), st.integers(0, 60)),
)


@given(st.lists(STEPS, max_size=30))
def test_no_commit_stays_pending_once_all_is_live(steps: list[tuple[str, object]]) -> None:
    history = followed("a", "b", "c")
    for number, (kind, argument) in enumerate(steps):
        if kind == "commit":
            history.commit(f"{number + 16:040x}", *argument)  # type: ignore[misc]
        elif kind == "see":
            history.see(argument)  # type: ignore[arg-type]
        elif kind == "restart":
            history.restart()
        else:
            history.wait(timedelta(seconds=argument))  # type: ignore[arg-type]
            history.send()
    history.see("abc")
    for _ in range(2):
        history.wait(timedelta(hours=2))
        history.send()

    last: dict[tuple[str, str], CommitState] = {}
    for status in history.sent:
        last[status.record.commit, status.name] = status.state
    assert CommitState.PENDING not in last.values()
    assert last[history.order[-1], WHOLE] is CommitState.SUCCESS
    assert len(history.ledger.records) == 1
