from __future__ import annotations

from gitops_agent.revision.revision import Revision


def test_people_are_shown_the_first_twelve_digits() -> None:
    assert (
        Revision(repository="https://git.example.com/r.git", ref="main", commit="0123456789abcdef" * 2).short == "0123456789ab"
    )
