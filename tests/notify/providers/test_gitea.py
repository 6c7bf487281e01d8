from __future__ import annotations

from gitops_agent.notify.providers import gitea
from tests.notify.builders import COMMIT
from tests.notify.senders import document, shown


def test_a_commit_gets_its_state_in_its_repository() -> None:
    request = shown(
        gitea, {"token": b"t0k"}, "ssh://git@git.example.com:2222/acme/config.git", address="https://git.example.com"
    )

    assert request.url == f"https://git.example.com/api/v1/repos/acme/config/statuses/{COMMIT}"
    assert request.headers["Authorization"] == "token t0k"
    assert document(request) == {"state": "failure", "context": "gitops-agent/prod-eu", "description": "2 degraded: pay, shop"}
