from __future__ import annotations

import resource

import pytest

from gitops_agent import process
from gitops_agent.api.source_options import ForgeMerges, Merged
from gitops_agent.source.signature import walk
from gitops_agent.source.signature.judge import Judge
from gitops_agent.source.signature.scopes import Scopes
from gitops_agent.source.signature.signers import Signers
from gitops_agent.source.signature.verifier import Verifier
from gitops_agent.source.sources import Ref, Sources
from tests.source.author import Author
from tests.source.signature.keys import SshKey, allowed
from tests.source.signature.repository import SignedRepository

pytestmark = pytest.mark.slow


@pytest.fixture
def shop(author: Author, sources: Sources, ada: SshKey) -> SignedRepository:
    """A history whose last commit is verified."""
    repository = SignedRepository(author, sources, {"allowed_signers": allowed({"ada@example.com": ada})})
    repository.verify = {"mode": "all"}
    repository.commit({"a": "0"}, by=ada)
    repository.decide()
    return repository


def test_the_first_commit_seen_has_to_be_signed(author: Author, sources: Sources, ada: SshKey, shop: SignedRepository) -> None:
    shop.before = None
    unsigned = shop.commit({"a": "1"})
    assert (shop.decide().commit, shop.decide().reason) == ("", "Unverified")

    tip = shop.commit({"a": "2"}, by=ada)

    assert shop.decide().commit == tip
    assert unsigned != tip


def test_an_unsigned_commit_in_the_middle_stops_the_line_before_it(shop: SignedRepository, ada: SshKey) -> None:
    good = shop.commit({"a": "1"}, by=ada)
    bad = shop.commit({"a": "2"})
    later = [shop.commit({"a": str(number)}, by=ada) for number in (3, 4, 5)]

    judgement = shop.decide()

    assert (judgement.commit, judgement.reason, judgement.count) == (good, "Unverified", 4)
    assert judgement.message == (
        f'{bad[:12]} "Change" by Ada is not signed; main stays at {good[:12]}, 3 commits wait behind it '
        "(next: have it signed, or merge it with a signed merge and merged: vouched)"
    )
    reasons = [(each.commit, each.reason) for each in judgement.unverified]
    assert reasons == [(bad, "is not signed"), *((commit, f"waits behind {bad[:12]}") for commit in later)]
    assert judgement.verified is not None
    assert judgement.verified.revision == good


def test_a_signed_merge_that_vouches_releases_it(shop: SignedRepository, ada: SshKey) -> None:
    good = shop.commit({"a": "1"}, by=ada)
    bad = shop.commit({"a": "2"})
    assert shop.decide().commit == good
    merge = shop.commit({"a": "2"}, by=ada, parents=(good, bad))

    assert f"merges {bad[:12]}, which is not signed" in shop.decide().message
    shop.verify = {"mode": "all", "merged": "vouched"}

    assert (shop.decide().commit, shop.decide().reason) == (merge, "")


def test_a_merge_of_a_signed_branch_counts(shop: SignedRepository, ada: SshKey) -> None:
    base = shop.author.git("rev-parse", "main")
    main = shop.commit({"a": "0", "b": "1"}, by=ada)
    topic = shop.commit({"a": "1"}, by=ada, branch="topic", parents=(base,))
    merge = shop.merge(main, topic, by=ada)

    assert shop.decide().commit == merge


def test_trust_begins_where_the_spec_says(shop: SignedRepository, ada: SshKey) -> None:
    since = shop.commit({"a": "1"})
    tip = shop.commit({"a": "2"}, by=ada)
    assert shop.decide().reason == "Unverified"
    shop.verify = {"mode": "all", "since": since}

    assert shop.decide().commit == tip
    shop.verify = {"mode": "all", "since": "0" * 40}
    assert shop.decide().commit == tip


def test_trust_does_not_begin_outside_of_the_branch(shop: SignedRepository) -> None:
    shop.before = None
    shop.verify = {"mode": "all", "since": "0" * 40}

    assert shop.decide().message == "verify.since 000000000000 is not an ancestor of main; nothing of main is applied"


def test_trust_begins_at_what_was_applied(shop: SignedRepository, ada: SshKey) -> None:
    shop.before, shop.applied = None, shop.commit({"a": "1"})

    start = shop.decide()
    tip = shop.commit({"a": "2"}, by=ada)

    assert (start.commit, start.reason) == (shop.applied, "")
    assert start.verified is not None
    assert start.verified.signer == ""
    assert shop.decide().commit == tip


@pytest.mark.parametrize("to", ["an older commit", "another branch", "a rewritten commit"])
def test_an_accepted_move_is_walked_from_the_common_commit(shop: SignedRepository, ada: SshKey, to: str) -> None:
    older = shop.author.git("rev-parse", "main")
    good = shop.commit({"a": "1"}, by=ada)
    shop.decide()
    unsigned = shop.commit({"a": "2"}, branch="side", parents=(older,))
    moved = {
        "an older commit": lambda: older,
        "another branch": lambda: shop.commit({"b": "1"}, by=ada, branch="other", parents=()),
        "a rewritten commit": lambda: shop.commit({"a": "3"}, by=ada, branch="side", parents=(unsigned,)),
    }[to]()
    shop.author.git("update-ref", "refs/heads/main", moved)
    held = shop.decide()
    assert (held.commit, held.reason) == (good, "HistoryRewritten")
    shop.approved = held.approval

    judgement = shop.decide()

    if to == "a rewritten commit":
        assert (judgement.commit, judgement.reason) == (older, "Unverified")
        assert unsigned[:12] in judgement.message
    else:
        assert (judgement.commit, judgement.reason) == (moved, "")


def test_a_key_with_a_scope_changes_nothing_else(shop: SignedRepository, ada: SshKey, eve: SshKey) -> None:
    people = {"ada@example.com": ada, "bot@example.com": eve}
    scope = f"- {{key: '{eve.fingerprint}', paths: [apps/*/kustomization.yaml]}}\n".encode()
    shop.trust = {"allowed_signers": allowed(people), "scopes.yaml": scope}
    good = shop.commit({"a": "0", "apps/web/kustomization.yaml": "1"}, by=eve)
    shop.commit({"a": "1", "apps/web/kustomization.yaml": "1"}, by=eve)

    judgement = shop.decide()

    assert judgement.commit == good
    assert f"is signed by {eve.fingerprint}, which scopes.yaml does not allow to change a;" in judgement.message


def test_a_walk_that_ran_out_of_time_goes_on_from_where_it_was(
    shop: SignedRepository, ada: SshKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(walk, "MOST_COMMITS", 2)
    monkeypatch.setattr(walk, "_BATCH", 1)
    base = shop.author.git("rev-parse", "main")
    commits = [shop.commit({"a": str(number)}, by=ada) for number in range(1, 6)]

    assert (shop.decide().unfinished, shop.decide().unfinished) == (True, True)
    assert shop.before is not None
    assert shop.before.revision == base

    assert shop.decide().commit == commits[-1]


def cpu_seconds() -> float:
    """What this process and its children have used so far."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN), resource.getrusage(resource.RUSAGE_SELF)
    return sum(each.ru_utime + each.ru_stime for each in used)


def test_a_hundred_commits_in_one_fetch_cost_little_more_than_their_verification(shop: SignedRepository, ada: SshKey) -> None:
    base = shop.author.git("rev-parse", "main")
    tip = base
    for number in range(100):
        tip = shop.commit({"a": str(number)}, by=ada)
    repository = shop.author.repository
    shop.sources.poll(repository, frozenset({Ref(kind="branch", value="main")}))
    judge = Judge(
        shop.sources.graph(repository), Verifier(Signers.read(shop.trust, name="signers")), shop.cache, scope="measured"
    )
    before = cpu_seconds()
    reached = walk.Walk(judge, Merged.SIGNED, ForgeMerges.CONTENT, Scopes()).towards(tip, base)

    spent, before = cpu_seconds() - before, cpu_seconds()
    for _ in range(20):
        process.run(("ssh-keygen", "-l", "-f", "-"), stdin=ada.public.encode())
    program = (cpu_seconds() - before) / 20
    assert reached.commit == tip
    assert spent < 5 * 100 * program, "one start of ssh-keygen for each commit, and little beside"
