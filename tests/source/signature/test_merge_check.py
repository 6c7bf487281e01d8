from __future__ import annotations

import pytest

from gitops_agent.source.sources import Sources
from tests.source.author import Author
from tests.source.signature.keys import SshKey, allowed
from tests.source.signature.repository import SignedRepository

pytestmark = pytest.mark.slow
FILES = {"apps/web.yaml": "a: 1\nb: 2\nc: 3\n", "readme": "one\n"}


@pytest.fixture
def shop(author: Author, sources: Sources, ada: SshKey, eve: SshKey) -> SignedRepository:
    """A verified main; the other key is the forge's."""
    trust = {"allowed_signers": allowed({"ada@example.com": ada}), "forge_signers": allowed({"forge@example.com": eve})}
    repository = SignedRepository(author, sources, trust)
    repository.commit(FILES, by=ada)
    repository.decide()
    return repository


def branch(shop: SignedRepository, ada: SshKey | None) -> tuple[str, str]:
    """A main that went on, and a branch beside it."""
    base = shop.author.git("rev-parse", "main")
    main = shop.commit(FILES | {"readme": "two\n"}, by=ada)
    return main, shop.commit(FILES | {"apps/web.yaml": "a: 2\nb: 2\nc: 3\n"}, by=ada, branch="topic", parents=(base,))


def test_a_clean_merge_of_verified_parents_by_the_forge_counts(shop: SignedRepository, ada: SshKey, eve: SshKey) -> None:
    merge = shop.merge(*branch(shop, ada), by=eve)
    again = shop.merge(merge, shop.commit({**FILES, "more": "1"}, by=ada, branch="next", parents=(merge,)), by=eve)

    assert (shop.decide().commit, shop.decide().reason) == (again, "")


def test_a_merge_with_a_smuggled_line_is_refused_with_its_file(shop: SignedRepository, ada: SshKey, eve: SshKey) -> None:
    main, topic = branch(shop, ada)
    smuggled = {"apps/web.yaml": "a: 2\nb: 2\nc: 3\nd: 4\n", "readme": "two\n"}
    shop.commit(smuggled, by=eve, parents=(main, topic))

    judgement = shop.decide()

    assert judgement.reason == "Unverified"
    text = "is signed by the forge and differs from the automatic merge of its parents in apps/web.yaml (+1 line)"
    assert [each.reason for each in judgement.unverified] == [text]


def test_a_merge_of_an_unsigned_branch_names_it(shop: SignedRepository, eve: SshKey, ada: SshKey) -> None:
    base = shop.author.git("rev-parse", "main")
    topic = shop.commit(FILES | {"readme": "two\n"}, branch="topic", parents=(base,))
    shop.merge(base, topic, by=eve)

    assert f"is a merge by the forge of {topic[:12]}, which is not signed" in shop.decide().message


def test_a_squash_by_the_forge_is_vouched_for_by_no_person(shop: SignedRepository, eve: SshKey) -> None:
    shop.commit(FILES | {"readme": "two\n"}, by=eve)

    assert "is signed by the forge alone and is no merge of two commits" in shop.decide().message


def test_a_merge_of_three_by_the_forge_is_refused(shop: SignedRepository, ada: SshKey, eve: SshKey) -> None:
    main, topic = branch(shop, ada)
    third = shop.commit(FILES | {"more": "1"}, by=ada, branch="third", parents=(main,))
    shop.commit(FILES, by=eve, parents=(main, topic, third))

    assert "is no merge of two commits" in shop.decide().message


def test_a_conflict_that_the_forge_resolved_is_refused(shop: SignedRepository, ada: SshKey, eve: SshKey) -> None:
    base = shop.author.git("rev-parse", "main")
    main = shop.commit(FILES | {"readme": "two\n"}, by=ada)
    topic = shop.commit(FILES | {"readme": "three\n"}, by=ada, branch="topic", parents=(base,))
    shop.commit(FILES | {"readme": "three\n"}, by=eve, parents=(main, topic))

    assert "resolves a conflict" in shop.decide().message


MOVED = {"base/web.yaml": FILES["apps/web.yaml"], "readme": "one\n"}
"""`FILES` after a rename of the folder."""


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (MOVED, {"overlays/web.yaml": FILES["apps/web.yaml"]}),
        (MOVED, {"readme": "one\n"}),
        (MOVED, {**FILES, "apps/new.yaml": "a: 1\n"}),
    ],
    ids=["renamed-twice", "renamed-and-deleted", "added-to-a-renamed-folder"],
)
def test_a_rename_conflict_is_refused_however_it_is_resolved(
    shop: SignedRepository, ada: SshKey, eve: SshKey, ours: dict[str, str], theirs: dict[str, str]
) -> None:
    base = shop.author.git("rev-parse", "main")
    main = shop.commit(ours, by=ada)
    topic = shop.commit(theirs, by=ada, branch="topic", parents=(base,))
    # Conflicts of names leave no markers: what git writes for one looks like a merge.
    written = shop.author.git("merge-tree", "--write-tree", "--no-messages", main, topic, check=False).split()[0]
    for tree in (written, shop.author.files(ours)):
        shop.place(tree, by=eve, parents=(main, topic))

        judgement = shop.decide()

        assert judgement.commit != shop.author.git("rev-parse", "main")
        assert "resolves a conflict, for which no other signature vouches" in judgement.message


def test_a_file_that_one_side_renamed_and_the_other_changed_is_merged_cleanly(
    shop: SignedRepository, ada: SshKey, eve: SshKey
) -> None:
    base = shop.author.git("rev-parse", "main")
    long = {"apps/web.yaml": "".join(f"line {number}\n" for number in range(9))}
    first = shop.commit(long, by=ada, parents=(base,))
    main = shop.commit({"base/web.yaml": long["apps/web.yaml"]}, by=ada)
    topic = shop.commit({"apps/web.yaml": f"{long['apps/web.yaml']}more\n"}, by=ada, branch="topic", parents=(first,))

    shop.commit({"base/web.yaml": f"{long['apps/web.yaml']}other\n"}, by=eve, parents=(main, topic))
    assert "differs from the automatic merge of its parents in base/web.yaml" in shop.decide().message

    merge = shop.merge(main, topic, by=eve)
    assert shop.decide().commit == merge


@pytest.mark.parametrize(("policy", "accepted"), [("trust", True), ("refuse", False)])
def test_the_forge_is_trusted_or_refused_where_that_is_chosen(
    shop: SignedRepository, eve: SshKey, policy: str, *, accepted: bool
) -> None:
    shop.verify = {"mode": "head", "forgeMerges": policy}
    tip = shop.commit(FILES | {"readme": "two\n"}, by=eve)

    judgement = shop.decide()

    assert (judgement.commit == tip) == accepted
    assert accepted or "forgeMerges: refuse" in judgement.message
