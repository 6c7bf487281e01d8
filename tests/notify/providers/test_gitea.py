from __future__ import annotations

from gitops_agent.notify.providers import gitea
from tests.notify.builders import COMMIT
from tests.notify.senders import document, of_repository, sent


def test_a_commit_gets_its_state_in_its_repository() -> None:
    about = of_repository("ssh://git@git.example.com:2222/acme/config.git")
    request = sent(gitea, {"token": b"t0k"}, about=about, address="https://git.example.com")

    assert request.url == f"https://git.example.com/api/v1/repos/acme/config/statuses/{COMMIT}"
    assert request.headers["Authorization"] == "token t0k"
    assert document(request) == {"state": "failure", "context": "gitops-agent/ops/shop", "description": "the text"}
