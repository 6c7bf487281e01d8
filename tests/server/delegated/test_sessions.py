from __future__ import annotations

from pathlib import Path

import pytest

from gitops_agent.cluster.transport import Transport
from gitops_agent.sandbox.kubeconfig import write_kubeconfig
from gitops_agent.server.delegated.sessions import GuestSessions, ProxySessions
from gitops_agent.server.delegated.viewers import DelegatedViewers
from gitops_agent.server.http.problems import RequestProblem


@pytest.fixture
def viewers(tmp_path: Path) -> DelegatedViewers:
    """Viewers of an API server that does not answer."""
    kubeconfig = write_kubeconfig(tmp_path / "away", server="http://127.0.0.1:1", authority=b"", user="u", token="t")
    return DelegatedViewers(Transport.from_kubeconfig(kubeconfig), "gitops", "proxy", None)


def test_the_headers_of_the_proxy_name_the_viewer(viewers: DelegatedViewers) -> None:
    sessions = ProxySessions(viewers)
    headers = {"x-remote-user": "dana@acme", "x-remote-group": "dev\nops,on call\nCN=a\xc3\xa4,DC=x"}

    viewer = sessions.viewer(headers)

    assert (viewer.user, viewer.mode, viewer.delegated) == ("dana@acme", "proxy", True)
    assert viewer.groups == ("CN=aä,DC=x", "dev", "ops,on call", "system:authenticated")
    assert sessions.viewer(headers) is viewer


@pytest.mark.parametrize(
    "user",
    ["", "system:admin", "system:serviceaccount:a:b", "a\nb", "a\x00", "x" * 300, "\xff\xfe"],
    ids=lambda user: repr(user[:8]),
)
def test_a_user_of_the_cluster_or_none_or_two_is_no_viewer(viewers: DelegatedViewers, user: str) -> None:
    with pytest.raises(RequestProblem) as caught:
        ProxySessions(viewers).viewer({"x-remote-user": user})

    assert caught.value.status == 401


def test_groups_of_the_cluster_are_not_claimed(viewers: DelegatedViewers) -> None:
    headers = {"x-remote-user": "dana", "x-remote-group": "system:masters\nsystem:nodes\ndev"}

    assert ProxySessions(viewers).viewer(headers).groups == ("dev", "system:authenticated")


def test_a_guest_is_one_user_with_limits_of_the_own_browser(viewers: DelegatedViewers) -> None:
    sessions = GuestSessions(viewers, "guest", ("guests",))
    viewer, other = sessions.viewer({"user-agent": "a"}), sessions.viewer({"user-agent": "b", "x-remote-user": "root"})

    assert (viewer.user, viewer.groups, other.user) == ("guest", ("guests",), "guest")
    assert viewer.digest != other.digest


@pytest.mark.parametrize("kind", ["proxy", "guest"])
def test_nothing_can_be_pasted(viewers: DelegatedViewers, kind: str) -> None:
    sessions = ProxySessions(viewers) if kind == "proxy" else GuestSessions(viewers, "guest", ())

    with pytest.raises(RequestProblem):
        sessions.sign_in("token")
    assert sessions.sign_out() == []
