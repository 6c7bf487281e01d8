from __future__ import annotations

import os
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gitops_agent.source.signature.judgement import Verified
from gitops_agent.source.sources import Sources
from tests.source.author import Author
from tests.source.signature.keys import SshKey, allowed
from tests.source.signature.repository import SignedRepository

pytestmark = pytest.mark.slow


@pytest.fixture
def shop(author: Author, sources: Sources, ada: SshKey) -> SignedRepository:
    return SignedRepository(author, sources, {"allowed_signers": allowed({"ada@example.com": ada})})


def test_a_signed_tip_is_followed(shop: SignedRepository, ada: SshKey) -> None:
    shop.commit({"a": "1"})
    tip = shop.commit({"a": "2"}, by=ada)

    judgement = shop.decide()

    assert (judgement.commit, judgement.reason, judgement.count) == (tip, "", 0)
    assert judgement.verified is not None
    assert (judgement.verified.revision, judgement.verified.ref) == (tip, "branch main")
    assert (judgement.verified.signer, judgement.verified.key) == ("ada@example.com", ada.fingerprint)


def test_an_unsigned_tip_leaves_the_last_verified_commit_in_force(shop: SignedRepository, ada: SshKey) -> None:
    good = shop.commit({"a": "1"}, by=ada)
    shop.decide()
    tip = shop.commit({"a": "2"})

    judgement = shop.decide()

    assert (judgement.commit, judgement.reason, judgement.count) == (good, "Unverified", 1)
    assert judgement.message == (
        f'{tip[:12]} "Change" by Ada is not signed; main stays at {good[:12]} '
        "(next: sign it and push it again, or push a signed commit on top)"
    )
    assert [(each.commit, each.reason) for each in judgement.unverified] == [(tip, "is not signed")]
    assert judgement.stop is not None
    assert (judgement.stop.commit, judgement.stop.ref, judgement.stop.repository) == (tip, "main", shop.author.repository.url)


def test_without_a_verified_commit_nothing_is_followed(shop: SignedRepository, eve: SshKey) -> None:
    shop.commit({"a": "1"}, by=eve)

    judgement = shop.decide()

    assert (judgement.commit, judgement.verified) == ("", None)
    assert "which is not a trusted signer; nothing of main is applied (next:" in judgement.message


def test_what_was_applied_before_signatures_were_demanded_stays(shop: SignedRepository) -> None:
    shop.applied = shop.commit({"a": "1"})

    judgement = shop.decide()

    assert (judgement.commit, judgement.verified, judgement.reason) == (shop.applied, None, "Unverified")
    assert "what runs stays, because it was applied before signatures were demanded" in judgement.message


@pytest.mark.parametrize("policy", ["hold", "refuse", "follow"])
@pytest.mark.parametrize("to", ["an older commit", "another branch", "a rewritten commit"])
def test_a_branch_that_leaves_its_last_verified_commit(shop: SignedRepository, ada: SshKey, policy: str, to: str) -> None:
    shop.verify = {"mode": "head", "onRewrite": policy}
    older = shop.commit({"a": "1"}, by=ada)
    good = shop.commit({"a": "2"}, by=ada)
    shop.decide()
    moved = {
        "an older commit": lambda: older,
        "another branch": lambda: shop.commit({"b": "1"}, by=ada, branch="other", parents=()),
        "a rewritten commit": lambda: shop.commit({"a": "3"}, by=ada, branch="other", parents=(older,)),
    }[to]()
    shop.author.git("update-ref", "refs/heads/main", moved)

    judgement = shop.decide()

    where = f"back to {moved[:12]}" if to == "an older commit" else f"to {moved[:12]}, which does not contain it"
    if policy == "follow":
        assert (judgement.commit, judgement.reason) == (moved, "")
        return
    assert (judgement.commit, judgement.reason) == (good, "HistoryRewritten")
    end = f"held (plan {judgement.approval[:12]})" if policy == "hold" else "refused (onRewrite: refuse)"
    assert judgement.message == f"main moved from verified {good[:12]} {where}; {end}"
    shop.approved = judgement.approval[:12] if judgement.approval else "0" * 12
    assert shop.decide().commit == (moved if policy == "hold" else good)


def test_an_approved_move_still_needs_a_signature(shop: SignedRepository, ada: SshKey) -> None:
    good = shop.commit({"a": "1"}, by=ada)
    shop.decide()
    shop.commit({"b": "1"}, parents=())
    shop.approved = shop.decide().approval

    judgement = shop.decide()

    assert (judgement.commit, judgement.reason) == (good, "Unverified")


def test_another_branch_that_the_spec_names_is_no_rewrite(shop: SignedRepository, ada: SshKey) -> None:
    shop.commit({"a": "1"}, by=ada)
    shop.decide()
    other = shop.commit({"b": "1"}, by=ada, branch="other", parents=())

    assert shop.decide("other").commit == other


def test_a_key_that_left_the_secret_takes_nothing_down(shop: SignedRepository, ada: SshKey, eve: SshKey) -> None:
    good = shop.commit({"a": "1"}, by=ada)
    shop.decide()
    shop.trust = {"allowed_signers": allowed({"eve@example.com": eve})}

    running = shop.decide()

    assert (running.commit, running.reason) == (good, "")
    assert running.removed.startswith(f"what runs ({good[:12]}) is signed by SSH key {ada.fingerprint}, which is not a trusted")
    newer = shop.commit({"a": "2"}, by=ada)
    assert (shop.decide().commit, shop.decide().reason) == (good, "Unverified")
    assert newer != good


def test_a_status_outlives_the_cache(shop: SignedRepository, ada: SshKey) -> None:
    good = shop.commit({"a": "1"}, by=ada)
    shop.trust = {"allowed_signers": allowed({"ada@example.com": ada}, 'namespaces="git",valid-before="20260101"')}
    at = datetime(2025, 12, 1, tzinfo=UTC)
    shop.before = Verified(revision=good, ref="branch main", signer="ada@example.com", key=ada.fingerprint, kind="SSH", at=at)

    judgement = shop.decide()

    assert (judgement.commit, judgement.reason, judgement.removed) == (good, "", "")
    newer = shop.commit({"a": "2"}, by=ada)
    assert f"{newer[:12]}" in shop.decide().message
    assert "only until 2026-01-01; main stays at" in shop.decide().message


def test_git_verifies_no_signature_itself(
    shop: SignedRepository, ada: SshKey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = tmp_path / "record"
    for name in ("git", "ssh-keygen"):
        program = tmp_path / "bin" / name
        program.parent.mkdir(exist_ok=True)
        program.write_text(f'#!/bin/sh\necho "{name} $*" >> {record}\nexec {shutil.which(name)} "$@"\n')
        program.chmod(0o755)
    shop.commit({"a": "1"}, by=ada)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")

    assert shop.decide().reason == ""

    calls = record.read_text()
    assert "ssh-keygen -Y verify -s " in calls
    assert "cat-file --batch" in calls
    assert not any(word in calls for word in ("verify-commit", "verify-tag", "%G", "show-signature ", "gpg.program"))
