from __future__ import annotations

from gitops_agent.agent.reconcile.planner import trailer


def test_a_trailer_is_one_only_in_the_last_paragraph() -> None:
    assert trailer("Tidy up\n\nSome words.\n\nReviewed-by: Ada\nGitops-Agent-Approve:  abc123 \n") == "abc123"
    assert trailer("Tidy up\n\nGitops-Agent-Approve: abc123\n\nand more words\n") is None
    assert trailer("Tidy up\n\ngitops-agent-approve:\n") is None
    assert trailer("") is None
