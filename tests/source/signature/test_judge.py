from __future__ import annotations

from datetime import UTC, datetime

import pytest

from gitops_agent.source.signature.judge import Judge
from gitops_agent.source.signature.signers import Signers
from gitops_agent.source.signature.verdict import Flaw
from gitops_agent.source.signature.verdict_cache import VerdictCache
from gitops_agent.source.signature.verifier import Verifier
from gitops_agent.source.sources import Ref, Sources
from tests.source.author import Author
from tests.source.signature.keys import SshKey, allowed
from tests.source.signature.repository import SignedRepository

pytestmark = pytest.mark.slow
RETIRED = 'namespaces="git",valid-before="20260101"'


class Bench:
    """Judges that share a cache, like those of one Secret."""

    def __init__(self, repository: SignedRepository) -> None:
        self.repository, self.cache = repository, VerdictCache()

    def judge(self, trust: bytes, *, now: datetime, scope: str = "one") -> Judge:
        signers = Signers.read({"allowed_signers": trust}, name="signers")
        place = self.repository.author.repository
        self.repository.sources.poll(place, frozenset({Ref(kind="branch", value="main")}))
        verifier = Verifier(signers, now=lambda: now)
        return Judge(self.repository.sources.graph(place), verifier, self.cache, scope)


@pytest.fixture
def bench(author: Author, sources: Sources) -> Bench:
    return Bench(SignedRepository(author, sources, {}))


def test_a_commit_that_was_seen_in_time_counts_when_its_key_expires(bench: Bench, ada: SshKey) -> None:
    trust = allowed({"ada": ada}, RETIRED)
    early, late = datetime(2025, 12, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)
    first = bench.repository.commit({"a": "1"}, by=ada)
    verdict = bench.judge(trust, now=early).commit(first)
    second = bench.repository.commit({"a": "2"}, by=ada)

    later = bench.judge(trust + b"# reworded\n", now=late)

    assert verdict.good
    assert later.commit(first) == verdict
    assert later.commit(second).flaw is Flaw.EXPIRED


def test_what_one_secret_saw_in_time_counts_for_no_other(bench: Bench, ada: SshKey) -> None:
    trust = allowed({"ada": ada}, RETIRED)
    commit = bench.repository.commit({"a": "1"}, by=ada)
    assert bench.judge(trust, now=datetime(2025, 12, 1, tzinfo=UTC)).commit(commit).good

    other = bench.judge(trust, now=datetime(2026, 2, 1, tzinfo=UTC), scope="two")

    assert other.commit(commit).flaw is Flaw.EXPIRED


def test_a_key_that_was_taken_out_voids_its_verdicts(bench: Bench, ada: SshKey, eve: SshKey) -> None:
    now = datetime(2026, 2, 1, tzinfo=UTC)
    commit = bench.repository.commit({"a": "1"}, by=ada)
    assert bench.judge(allowed({"ada": ada}), now=now).commit(commit).good

    assert bench.judge(allowed({"eve": eve}), now=now).commit(commit).flaw is Flaw.UNKNOWN_SIGNER
    assert bench.judge(allowed({"ada": ada}), now=now).commit(commit).good


def test_many_commits_are_judged_at_once(bench: Bench, ada: SshKey) -> None:
    commits = [bench.repository.commit({"a": str(number)}, by=ada) for number in range(5)]
    judge = bench.judge(allowed({"ada": ada}), now=datetime.now(UTC))

    judge.commits(commits)

    assert all((kept := bench.cache.get("one", commit)) is not None and kept[0].good for commit in commits)
