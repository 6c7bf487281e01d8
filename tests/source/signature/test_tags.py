"""Tags: their objects, their names, and ranges of versions."""

from __future__ import annotations

import pytest

from gitops_agent.errors import SourceError
from gitops_agent.source.sources import Sources
from tests.source.author import Author
from tests.source.signature.keys import SshKey, allowed
from tests.source.signature.repository import SignedRepository

pytestmark = pytest.mark.slow


@pytest.fixture
def shop(author: Author, sources: Sources, ada: SshKey) -> SignedRepository:
    repository = SignedRepository(author, sources, {"allowed_signers": allowed({"ada@example.com": ada})})
    repository.verify = {"mode": "tag"}
    return repository


def test_a_signed_tag_vouches_for_its_commit(shop: SignedRepository, ada: SshKey) -> None:
    commit = shop.commit({"a": "1"})
    shop.tag("v1.0.0", commit, by=ada)

    judgement = shop.decide("v1.0.0", kind="tag")

    assert (judgement.commit, judgement.reason) == (commit, "")
    assert judgement.verified is not None
    assert (judgement.verified.ref, judgement.verified.signer) == ("tag v1.0.0", "ada@example.com")


def test_a_lightweight_tag_cannot_be_signed(shop: SignedRepository, ada: SshKey) -> None:
    shop.author.tag("v1.0.0", shop.commit({"a": "1"}, by=ada))

    judgement = shop.decide("v1.0.0", kind="tag")

    assert (judgement.commit, judgement.reason) == ("", "Unverified")
    assert judgement.message.startswith("the tag v1.0.0 is a lightweight tag, which cannot be signed (TagNotSigned)")


def test_a_tag_under_another_name_is_refused(shop: SignedRepository, ada: SshKey) -> None:
    commit = shop.commit({"a": "1"})
    shop.author.git("update-ref", "refs/tags/v2.0.0", shop.tag("v1.0.0", commit, by=ada))

    judgement = shop.decide("v2.0.0", kind="tag")

    assert judgement.message.startswith(
        "the tag v2.0.0 points at an object that calls itself v1.0.0; nothing of v2.0.0 is applied"
    )


def test_a_tag_of_a_tag_is_refused(shop: SignedRepository, ada: SshKey) -> None:
    inner = shop.tag("inner", shop.commit({"a": "1"}), by=ada)
    shop.tag("v1.0.0", inner, by=ada, type_="tag")

    assert "the tag v1.0.0 is a tag of a tag, not of the commit" in shop.decide("v1.0.0", kind="tag").message


def test_a_signed_tag_of_a_tree_leads_to_no_commit(shop: SignedRepository, ada: SshKey) -> None:
    tree = shop.author.git("rev-parse", f"{shop.commit({'a': '1'}, by=ada)}^{{tree}}")
    shop.tag("v1.0.0", tree, by=ada, type_="tree")

    with pytest.raises(SourceError, match=r"v1\.0\.0"):
        shop.decide("v1.0.0", kind="tag")


def test_an_unsigned_tag_is_refused(shop: SignedRepository) -> None:
    shop.tag("v1.0.0", shop.commit({"a": "1"}))

    assert "the tag v1.0.0 is not signed" in shop.decide("v1.0.0", kind="tag").message


@pytest.mark.parametrize("signed", [True, False])
def test_tag_and_head_demand_both_signatures(shop: SignedRepository, ada: SshKey, *, signed: bool) -> None:
    shop.verify = {"mode": "tagAndHead"}
    commit = shop.commit({"a": "1"}, by=ada if signed else None)
    shop.tag("v1.0.0", commit, by=ada)

    judgement = shop.decide("v1.0.0", kind="tag")

    assert (judgement.commit == commit) == signed
    assert signed or f"the tag v1.0.0 leads to {commit[:12]}, which is not signed" in judgement.message


def test_a_tag_that_is_signed_later_is_noticed(shop: SignedRepository, ada: SshKey) -> None:
    commit = shop.commit({"a": "1"})
    shop.tag("v1.0.0", commit)
    assert shop.decide("v1.0.0", kind="tag").commit == ""

    shop.tag("v1.0.0", commit, by=ada)

    assert shop.decide("v1.0.0", kind="tag").commit == commit


def test_only_verified_tags_take_part_in_a_range(shop: SignedRepository, ada: SshKey) -> None:
    commits = [shop.commit({"a": str(number)}) for number in range(4)]
    shop.tag("v1.0.0", commits[0], by=ada)
    shop.tag("v1.1.0", commits[1], by=ada)
    shop.tag("v1.2.0", commits[2])
    shop.author.tag("v1.3.0", commits[3])

    judgement = shop.decide("^1.0", kind="semver")

    assert (judgement.commit, judgement.reason) == (commits[1], "")
    assert judgement.note.startswith("the tag v1.3.0 is a lightweight tag")
    assert judgement.note.endswith("it takes no part in ^1.0")
    shop.tag("v1.2.0", commits[2], by=ada)
    assert shop.decide("^1.0", kind="semver").commit == commits[2]


def test_a_range_without_a_verified_tag_leaves_all_as_it_is(shop: SignedRepository, ada: SshKey) -> None:
    first = shop.commit({"a": "1"})
    shop.tag("v1.0.0", first, by=ada)
    shop.decide("^1.0", kind="semver")
    shop.author.git("tag", "-d", "v1.0.0")
    shop.tag("v1.1.0", shop.commit({"a": "2"}))

    judgement = shop.decide("^1.0", kind="semver")

    assert (judgement.commit, judgement.reason, judgement.count) == (first, "Unverified", 1)
    assert f"the tag v1.1.0 is not signed; ^1.0 stays at {first[:12]}" in judgement.message


def test_a_tag_that_vanishes_does_not_move_a_range_back(shop: SignedRepository, ada: SshKey) -> None:
    older, newer = shop.commit({"a": "1"}), shop.commit({"a": "2"})
    shop.tag("v1.0.0", older, by=ada)
    shop.tag("v1.1.0", newer, by=ada)
    assert shop.decide("^1.0", kind="semver").commit == newer
    shop.author.git("tag", "-d", "v1.1.0")

    judgement = shop.decide("^1.0", kind="semver")

    assert (judgement.commit, judgement.reason) == (newer, "HistoryRewritten")
    shop.approved = judgement.approval
    assert shop.decide("^1.0", kind="semver").commit == older
