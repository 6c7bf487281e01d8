from __future__ import annotations

from gitops_agent.notify.commit_status_ledger import GRACE
from gitops_agent.notify.commit_status_record import DEPLOYMENT, WHOLE
from tests.notify.histories import C1, C2, C3, C4, FAILED, LIVE, PENDING, P, followed


def test_an_overtaken_commit_waits_for_the_later_one_that_holds_it() -> None:
    history = followed("pay", "shop")
    history.commit(C1, "pay")
    history.see({"pay": PENDING, "shop": LIVE})
    history.wait(GRACE)
    history.send()
    history.wait()
    history.commit(C2, "pay")
    history.see({"pay": PENDING, "shop": LIVE})

    assert history.send() == [("1", "pending", "0 of 1 live; 1 waiting for 222222222222: pay")]
    history.see(["pay"])
    assert history.send() == [("1", "success", "1 of 1 live with 222222222222"), ("2", "success", "1 of 1 live")]
    apart = [
        (status.state.value, status.description)
        for status in history.sent
        if (status.record.commit, status.name) == (C1, "pay")
    ]
    assert apart == [
        ("pending", "on its way"),
        ("pending", "waiting for 222222222222"),
        ("success", "live with 222222222222"),
    ]


def test_an_overtaken_commit_that_comes_live_after_all_is_live_itself() -> None:
    history = followed("pay")
    history.commit(C1, "pay")
    history.see({"pay": PENDING})
    history.commit(C2, "pay")
    history.see({"pay": PENDING})
    history.lived("pay", C1)
    history.wait(GRACE)

    assert history.send() == [("1", "success", "1 of 1 live"), ("2", "pending", "0 of 1 live")]


def test_a_commit_that_a_rewritten_branch_lost_is_superseded() -> None:
    history = followed("pay", "shop")
    history.commit(C1, "pay")
    history.passed(C2, "pay")
    history.commit(C3, "pay", "shop")
    history.see({"pay": PENDING, "shop": PENDING})
    history.wait(GRACE)
    history.send()
    history.rewritten(C4, "pay", "shop", lost=(C2, C3))
    history.restart()
    history.see(["pay", "shop"])

    assert [(commit, state) for commit, state, _ in history.send()] == [
        ("1", "success"),
        ("2", "superseded"),
        ("3", "superseded"),
        ("4", "success"),
    ]


def test_a_lost_commit_that_the_branch_returns_to_waits_again() -> None:
    history = followed("pay")
    history.commit(C1, "pay")
    history.see({"pay": PENDING})
    history.rewritten(C2, "pay", lost=(C1,))
    history.see({"pay": PENDING})
    history.rewritten(C1, "pay", lost=(C2,))
    history.see({"pay": PENDING})
    history.commit(C3, "pay")
    history.see(["pay"])

    assert [(commit, state) for commit, state, _ in history.send()] == [
        ("2", "superseded"),
        ("1", "success"),
        ("3", "success"),
    ]


def test_the_deployment_of_an_overtaken_commit_is_superseded() -> None:
    history = followed("pay", "shop", deployments=True)
    history.commit(C1, "pay", "shop")
    history.see({"pay": PENDING, "shop": LIVE})
    history.wait(GRACE)
    history.send()
    next(record for record in history.ledger.records if record.commit == C1).deployment = "7"
    history.wait()
    history.commit(C2, "pay")
    history.see({"pay": PENDING, "shop": LIVE})
    history.send()
    history.commit(C3, "pay")
    history.see(["pay", "shop"])
    history.send()

    deployments = [
        (status.record.commit, status.state.value, status.description)
        for status in history.sent
        if status.name == DEPLOYMENT and status.record.commit != P
    ]
    # A forge holds the last one that succeeded for the active one.
    assert deployments == [
        (C1, "pending", "1 of 2 live"),
        (C1, "superseded", "superseded by 222222222222"),
        (C3, "success", "1 of 1 live"),
    ]


def test_a_commit_is_overtaken_in_part() -> None:
    history = followed("pay", "shop")
    history.commit(C1, "pay", "shop")
    history.see({"pay": PENDING, "shop": LIVE})
    history.wait(GRACE)
    history.send()
    history.commit(C2, "pay")
    history.see({"pay": LIVE, "shop": LIVE})

    assert history.send() == [
        ("1", "success", "2 of 2 live with 222222222222"),
        ("2", "success", "1 of 1 live"),
    ]


def test_an_application_that_skips_a_commit_brings_it_with_the_next() -> None:
    history = followed("pay")
    history.commit(C1, "pay")
    history.wait(GRACE)
    assert history.send() == [("1", "pending", "0 of 0 live; 1 to compare")]
    history.commit(C2, "pay")
    history.see(["pay"])

    assert history.send() == [("1", "success", "1 of 1 live with 222222222222"), ("2", "success", "1 of 1 live")]


def test_a_commit_between_two_looks_comes_live_with_the_later_one() -> None:
    history = followed("pay", "shop", "web")
    history.passed(C1, "pay", "shop")
    history.commit(C2, "shop", "web")
    history.see({"pay": LIVE, "shop": PENDING, "web": PENDING})
    history.wait(GRACE)
    # What the later commit touched counts for the earlier one too: it holds both changes.
    assert history.send() == [
        ("1", "pending", "1 of 3 live; 2 waiting for 222222222222: shop, web"),
        ("2", "pending", "0 of 2 live"),
    ]

    history.see({"pay": LIVE, "shop": LIVE, "web": LIVE})
    assert history.send() == [("1", "success", "3 of 3 live with 222222222222"), ("2", "success", "2 of 2 live")]
    assert {status.name for status in history.sent if status.record.commit == C1} == {WHOLE}


def test_a_commit_between_two_looks_waits_through_a_failure_for_the_fix() -> None:
    history = followed("pay", deployments=True)
    history.passed(C1, "pay")
    history.commit(C2, "pay")
    history.see({"pay": FAILED})
    history.wait(GRACE)
    assert history.send() == [
        ("1", "pending", "0 of 1 live; 1 waiting for 222222222222: pay"),
        ("2", "failure", "1 degraded: pay"),
    ]

    history.commit(C3, "pay")
    history.restart()
    history.see({"pay": LIVE})
    history.wait()
    sent = history.send()
    assert [row for row in sent if row[0] != "2"] == [
        ("1", "success", "1 of 1 live with 333333333333"),
        ("3", "success", "1 of 1 live"),
    ]
    assert {status.record.commit for status in history.sent if status.name == DEPLOYMENT} == {P, C2, C3}


def test_a_commit_between_two_looks_waits_for_no_application_that_is_gone() -> None:
    history = followed("pay", "shop")
    history.passed(C1, "pay", "shop")
    history.commit(C2, "pay")
    history.see({"pay": PENDING, "shop": LIVE})
    history.ledger.keep({"shop"})

    assert ("1", "success", "1 of 1 live") in history.send()


def test_what_was_live_between_two_looks_is_not_superseded() -> None:
    history = followed("pay")
    history.commit(C1, "pay")
    history.see({"pay": PENDING})
    history.wait(GRACE)
    history.send()
    history.commit(C2, "pay")
    history.lived("pay", C1)

    assert history.send() == [("1", "success", "1 of 1 live")]


def test_a_commit_that_nothing_touched_since_is_not_superseded() -> None:
    history = followed("pay", "shop")
    history.commit(C1, "pay")
    history.see({"pay": PENDING, "shop": LIVE})
    history.wait(GRACE)
    history.send()
    history.commit(C2, "shop")
    history.see({"pay": PENDING, "shop": LIVE})
    assert history.send() == [("2", "success", "1 of 1 live")]
    history.see(["pay"])

    assert history.send() == [("1", "success", "1 of 1 live")]


def test_a_pending_commit_comes_live_with_one_that_came_during_a_failover() -> None:
    history = followed("pay", "shop")
    history.commit(C1, "pay")
    history.see({"pay": PENDING, "shop": LIVE})
    history.wait(GRACE)
    history.send()
    history.order.append(C2)
    history.touched[C2] = frozenset({"pay"})
    history.restart()
    history.see(["pay", "shop"])

    assert history.send() == [("1", "success", "1 of 1 live with 222222222222"), ("2", "success", "1 of 1 live")]
