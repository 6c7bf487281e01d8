from __future__ import annotations

from gitops_agent.operations.status_facts import badness, signatures, status_facts, status_row
from tests.cli.cluster_env import COMMIT, OLDER, healthy, troubled
from tests.cli.test_status import HELD, WORLD, one


def test_the_worst_stand_first() -> None:
    assert [x["metadata"]["name"] for x in sorted(WORLD, key=badness)] == [
        "broken",
        "held",
        "unseen",
        "moving",
        "paused",
        "fine",
    ]


def test_a_row_names_the_revision_that_waits() -> None:
    held = one("shop", troubled("False", "HeldForApproval", HELD))

    assert status_row(held) == ("shop", "False", "OutOfSync", "Healthy", f"{OLDER[:12]} → {COMMIT[:12]}", HELD)
    assert status_row(one("shop", healthy()))[4] == COMMIT[:12]


def test_facts_name_the_command_that_approves() -> None:
    held = one("shop", troubled("False", "HeldForApproval", HELD))
    held["spec"] = {"source": {"repoURL": "https://git.example.com/config", "ref": {"branch": "main"}}}

    facts = dict(status_facts(held))

    assert facts["Ready"] == f"no, HeldForApproval: {HELD}"
    assert facts["Approve"] == "gitops-agent approve shop 0123456789ab"


def test_signatures_are_shown_with_what_to_do() -> None:
    verified = {"revision": "a" * 40, "signer": "ada@example.com", "kind": "SSH", "key": "SHA256:x"}
    refused = {"commit": "b" * 40, "author": "Li", "reason": "is not signed"}
    unverified = {"count": 12, "commits": [refused], "approval": "c" * 64}
    source = {"verified": verified, "unverified": unverified}

    assert signatures({"metadata": {"name": "shop"}, "status": {"source": source}}) == [
        ("Verified", "aaaaaaaaaaaa, signed by ada@example.com with SSH key SHA256:x"),
        ("Unverified", "bbbbbbbbbbbb (Li) is not signed"),
        ("Unverified", "and 11 more"),
        ("Approve", "gitops-agent approve shop cccccccccccc"),
    ]
    begun = {"verified": {"revision": "a" * 40}}
    assert signatures({"status": {"source": begun}}) == [("Verified", "aaaaaaaaaaaa, where trust begins")]
    assert signatures({}) == []
