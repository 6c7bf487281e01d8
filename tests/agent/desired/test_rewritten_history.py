from __future__ import annotations

from gitops_agent.agent.desired.rewritten_history import rewritten
from gitops_agent.source.sources import Move, Ref
from tests.agent.samples import application

MAIN = Ref(kind="branch", value="main")


def test_the_event_counts_the_lost_commits() -> None:
    event = rewritten(application("shop"), Move(ref=MAIN, old="a" * 40, new="b" * 40, rewritten=True, lost=3))

    assert event.message == "main was rewritten: aaaaaaaaaaaa → bbbbbbbbbbbb, 3 commits lost"
    assert (event.application.name, event.reason, event.facts["lost"]) == ("shop", "HistoryRewritten", 3)


def test_the_event_says_that_the_lost_commits_cannot_be_counted() -> None:
    event = rewritten(application("shop"), Move(ref=MAIN, old="a" * 40, new="b" * 40, rewritten=True, lost=-1))

    assert event.message.endswith("an unknown number of commits lost")
