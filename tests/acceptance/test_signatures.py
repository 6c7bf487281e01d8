"""Commits that are followed for their signatures only."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest

from gitops_agent.errors import NotFound
from gitops_agent.manifest.key import Object
from tests.acceptance.installed_agent import apply
from tests.acceptance.objects import config_map, files
from tests.acceptance.tenant import Tenant
from tests.acceptance.test_notifications import SINGLE, notifier
from tests.acceptance.webhook_receiver import WebhookReceiver
from tests.source.signature.keys import SshKey, allowed

pytestmark = [pytest.mark.cluster, pytest.mark.faults]


@pytest.fixture
def hooks() -> Iterator[WebhookReceiver]:
    webhook_receiver = WebhookReceiver()
    yield webhook_receiver
    webhook_receiver.stop()


@pytest.fixture
def ada(tmp_path: Path) -> SshKey:
    return SshKey(tmp_path, "ada")


@pytest.fixture
def eve(tmp_path: Path) -> SshKey:
    return SshKey(tmp_path, "eve")


def trust(team: Tenant, **keys: SshKey) -> None:
    """Writes the Secret with the signers."""
    data = base64.b64encode(allowed({f"{name}@example.com": key for name, key in keys.items()})).decode()
    body: Object = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": f"signers-{team.namespace}", "namespace": team.installed.namespace},
        "data": {"allowed_signers": data},
    }
    apply(team.plane, body)


def demand(team: Tenant, mode: str = "head", **verify: object) -> None:
    """Declares an Application that demands signatures."""
    secret = {"name": f"signers-{team.namespace}"}
    team.declare(source={"verify": {"mode": mode, "secretRef": secret, **verify}}, sync={"interval": "1s"})


def signed(team: Tenant, key: SshKey | None, name: str = "one", value: str = "1") -> str:
    """Commits a ConfigMap, signed by a key or not."""
    team.repository.key = key.path if key else None
    return team.commit(files(config_map(name, key=value)))


def repaired(team: Tenant, value: str) -> None:
    """Waits until a manual change of the ConfigMap is undone."""
    team.edit("ConfigMap", "one", {"data": {"key": "changed manually"}})
    team.until(lambda: (team.config("one") or {})["data"] == {"key": value}, "drift is repaired")


def test_an_unverified_commit_changes_nothing_and_what_runs_is_repaired(
    own: Tenant, hooks: WebhookReceiver, ada: SshKey, eve: SshKey
) -> None:
    notifier(own.installed, "hooks", hooks.url, events=["Unverified", "Synced"])
    own.agent = own.installed.start(settings=SINGLE)
    trust(own, ada=ada)
    first = signed(own, None)
    demand(own)
    own.says("Unverified", f'{first[:12]} "Change something" by Ada Developer is not signed; nothing of main is applied')
    assert own.configs() == set()

    good = signed(own, ada, value="2")
    status = own.settled(good)["status"]
    assert status["source"]["verified"]["revision"] == good
    assert (status["source"]["verified"]["signer"], status["source"]["verified"]["key"]) == (
        "ada@example.com",
        ada.fingerprint,
    )

    bad = signed(own, eve, value="3")
    own.says("Unverified", f"is signed by SSH key {eve.fingerprint}, which is not a trusted signer; main stays at {good[:12]}")
    application = own.application()
    assert application["status"]["sync"]["revision"] == good
    assert application["status"]["source"]["unverified"]["count"] == 1
    assert application["status"]["source"]["unverified"]["commits"][0]["commit"] == bad
    repaired(own, "2")
    own.until(
        lambda: [message for message in hooks.of("Unverified") if message["revision"]["commit"] == bad],
        "the refused commit is named",
    )
    assert own.agent.metric("gitops_agent_unverified_commits", application=f"{own.installed.namespace}/{own.name('app')}") == 1

    own.agent.kill()
    own.agent = own.installed.start("again", settings=SINGLE)
    repaired(own, "2")
    assert own.application()["status"]["sync"]["revision"] == good

    trust(own, ada=ada, eve=eve)
    own.settled(bad)
    assert "unverified" not in own.application()["status"]["source"]


def test_a_secret_that_is_gone_accepts_nothing_new(team: Tenant, ada: SshKey, eve: SshKey) -> None:
    trust(team, ada=ada)
    good = signed(team, ada)
    demand(team)
    team.settled(good)

    place = f"/api/v1/namespaces/{team.installed.namespace}/secrets/signers-{team.namespace}"
    team.plane.request("DELETE", place)
    team.says("SecretNotFound", f"main stays at {good[:12]}")
    newer = signed(team, ada, value="2")
    team.looked()
    assert team.condition()["reason"] == "SecretNotFound"
    repaired(team, "1")

    trust(team, eve=eve)
    team.says("Unverified", f"{newer[:12]}")
    trust(team, ada=ada)
    team.settled(newer)
    team.plane.request("DELETE", place)
    with pytest.raises(NotFound):
        team.plane.request("GET", place)


def test_a_branch_that_moved_back_is_held_until_a_person_approves(team: Tenant, ada: SshKey) -> None:
    trust(team, ada=ada)
    older = signed(team, ada)
    newer = signed(team, ada, value="2")
    demand(team)
    team.settled(newer)

    team.repository._git(team.repository.work, "push", "--quiet", "--force", str(team.repository.bare), f"{older}:main")
    team.ask()
    message = team.says("HistoryRewritten", f"main moved from verified {newer[:12]} back to {older[:12]}; held (plan ")
    assert (team.config("one") or {})["data"] == {"key": "2"}
    approval = team.application()["status"]["source"]["unverified"]["approval"]
    assert approval[:12] in message

    team.approve(approval)
    team.settled(older)
    assert (team.config("one") or {})["data"] == {"key": "1"}


def test_every_new_commit_is_judged_and_the_last_trusted_one_is_applied(own: Tenant, ada: SshKey) -> None:
    own.agent = own.installed.start(settings=SINGLE)
    trust(own, ada=ada)
    first = signed(own, ada)
    demand(own, "all", merged="vouched")
    own.settled(first)

    good = signed(own, ada, value="2")
    bad = signed(own, None, value="3")
    for number in range(30):
        last = signed(own, ada, value=f"4.{number}")
    own.agent.kill()
    own.agent = own.installed.start("again", settings=SINGLE)
    own.says("Unverified", f"is not signed; main stays at {good[:12]}, 30 commits wait behind it")
    own.until(lambda: (own.config("one") or {})["data"] == {"key": "2"}, "the last trusted commit is applied")
    assert own.application()["status"]["source"]["unverified"]["commits"][0]["commit"] == bad

    git, work = own.repository._git, own.repository.work
    signing = ("-c", "gpg.format=ssh", "-c", f"user.signingKey={ada.path}", "-c", "commit.gpgSign=true")
    merge = git(work, *signing, "commit-tree", "-S", f"{last}^{{tree}}", "-p", good, "-p", last, "-m", "Vouch for all")
    git(work, "push", "--quiet", "--force", str(own.repository.bare), f"{merge}:main")
    own.ask()
    own.settled(merge)
    assert (own.config("one") or {})["data"] == {"key": "4.29"}


def test_a_signed_tag_is_followed_and_another_is_not(team: Tenant, ada: SshKey) -> None:
    trust(team, ada=ada)
    git, work, bare = team.repository._git, team.repository.work, str(team.repository.bare)
    signing = ("-c", "gpg.format=ssh", "-c", f"user.signingKey={ada.path}")
    first = signed(team, None)
    git(work, *signing, "tag", "--sign", "-m", "release", "v1.0.0", first)
    second = signed(team, None, value="2")
    git(work, "tag", "v1.1.0", second)
    git(work, "push", "--quiet", bare, "v1.0.0", "v1.1.0")
    secret = {"name": f"signers-{team.namespace}"}
    verify = {"mode": "tag", "secretRef": secret}
    team.declare(source={"ref": {"semver": "^1.0"}, "verify": verify}, sync={"interval": "1s"})

    warnings = team.settled(first)["status"]["warnings"]
    assert any("the tag v1.1.0 is a lightweight tag" in warning for warning in warnings)

    git(work, *signing, "tag", "--sign", "--force", "-m", "release", "v1.1.0", second)
    git(work, "push", "--quiet", "--force", bare, "v1.1.0")
    team.ask()
    team.settled(second)
