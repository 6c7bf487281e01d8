from __future__ import annotations

from gitops_agent.server.chat.reads import help_text, overview, waiting, why
from tests.server.applications import application


def test_the_list_begins_with_the_worst_and_is_cut() -> None:
    broken = application("broken", ready="False", reason="Degraded", health="Degraded", message="it crashes")
    reply = overview([*(application(f"app{number:02}") for number in range(30)), broken])

    assert reply.title == "30 of 31 Applications are ready"
    assert reply.lines[0].split() == ["APPLICATION", "READY", "SYNC", "HEALTH", "REVISION", "MESSAGE"]
    assert reply.lines[1].startswith("broken")
    assert reply.lines[-1] == "… and 11 more; `/gitops status APP` shows one"
    assert overview([]).title == "There are no Applications."


def test_why_says_reason_commit_and_next_step() -> None:
    broken = application("shop", ready="False", reason="Degraded", health="Degraded", message="api crashes")
    problem = {"object": "apps/Deployment:shop/api", "reason": "CrashLoop", "message": "exit code 1"}
    broken["status"]["resources"]["problems"] = [problem] * 7

    reply = why(broken)

    facts = [line.partition(":")[0] for line in reply.lines]
    assert reply.title == "gitops/shop is Degraded"
    assert "Reason:  Degraded: api crashes" in reply.lines
    assert facts.count("Problem") == 6
    assert any(line.startswith("Commit:") and "Bump api by li" in line for line in reply.lines)
    assert any("gitops-agent tree shop" in line for line in reply.lines)


def test_what_waits_is_shown_with_the_digits_to_type() -> None:
    held = application("shop", ready="False", reason="HeldForApproval", message="7 objects would go")

    assert waiting(held).lines == (
        "Reason:  HeldForApproval: 7 objects would go",
        "Plan:    abababababab",
        "Approve: type `/gitops approve shop` and the twelve digits of the plan",
    )
    assert waiting(application("shop")).title == "shop: nothing waits for an approval"


def test_help_lists_every_command() -> None:
    assert "/gitops pause APP 2h REASON" in "\n".join(help_text().lines)
