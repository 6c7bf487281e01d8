from __future__ import annotations

from gitops_agent.api.notifier import LabelSelector
from gitops_agent.manifest.key import AppKey
from gitops_agent.notify.commit_board import Mailbox, NoCommits

SHOP, PAY = AppKey("ops", "shop"), AppKey("ops", "pay")


def test_a_mailbox_is_about_everything_first_and_then_about_news() -> None:
    mailbox = Mailbox()
    mailbox.add(SHOP)
    assert mailbox.changed.is_set()
    assert mailbox.take() is None

    mailbox.add(SHOP)
    mailbox.add(SHOP)
    mailbox.add(PAY)
    assert mailbox.take() == frozenset({SHOP, PAY})
    assert mailbox.take() == frozenset()


def test_an_agent_without_commits_is_never_ready() -> None:
    board = NoCommits()

    assert (board.ready, board.streams(LabelSelector())) == (False, {})
    assert board.differs(SHOP, "a" * 40)
