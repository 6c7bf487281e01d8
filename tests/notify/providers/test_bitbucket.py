from __future__ import annotations

import pytest

from gitops_agent.notify.commit_status import CommitState
from gitops_agent.notify.providers import bitbucket
from tests.notify.builders import COMMIT, spec
from tests.notify.senders import document, shown

OWN = "https://bb.example.com"


@pytest.mark.parametrize(
    ("url", "address", "sent_to"),
    [
        (
            "https://bitbucket.org/acme/config.git",
            None,
            f"https://api.bitbucket.org/2.0/repositories/acme/config/commit/{COMMIT}/statuses/build",
        ),
        (f"{OWN}/scm/PRJ/config.git", OWN, f"{OWN}/rest/api/latest/projects/PRJ/repos/config/commits/{COMMIT}/builds"),
        (
            "ssh://git@bb.example.com:7999/PRJ/config.git",
            OWN,
            f"{OWN}/rest/api/latest/projects/PRJ/repos/config/commits/{COMMIT}/builds",
        ),
    ],
)
def test_a_commit_gets_its_state_in_its_repository(url: str, address: str | None, sent_to: str) -> None:
    assert shown(bitbucket, {"token": b"t"}, url, address=address).url == sent_to


def test_data_centers_addresses_begin_with_scm() -> None:
    assert not bitbucket.serves(f"{OWN}/other/PRJ/config", spec("bitbucket", address=OWN))


def test_a_build_has_a_short_key_and_the_page_of_the_commit() -> None:
    content = document(shown(bitbucket, {"token": b"t"}, "https://bitbucket.org/acme/config"))

    assert len(content.pop("key")) == 40
    assert content == {
        "state": "FAILED",
        "name": "gitops-agent/prod-eu",
        "description": "2 degraded: pay, shop",
        "url": f"https://bitbucket.org/acme/config/commits/{COMMIT}",
    }


def test_a_token_or_a_password_is_sent() -> None:
    def authorization(secret: dict[str, bytes]) -> str:
        return shown(bitbucket, secret, "https://bitbucket.org/a/b").headers["Authorization"]

    assert authorization({"token": b"t"}) == "Bearer t"
    assert authorization({"username": b"ada", "password": b"pw"}) == "Basic YWRhOnB3"


def test_a_superseded_build_is_neither_good_nor_bad() -> None:
    superseded, secret = CommitState.SUPERSEDED, {"token": b"t"}

    assert document(shown(bitbucket, secret, "https://bitbucket.org/a/b", superseded))["state"] == "STOPPED"
    assert document(shown(bitbucket, secret, f"{OWN}/scm/P/c", superseded, address=OWN))["state"] == "UNKNOWN"
