from __future__ import annotations

from pathlib import Path

from gitops_agent.preview.kept_repository import KeptRepository
from gitops_agent.source.ref import Ref
from gitops_agent.source.sources import Sources
from tests.source.author import Author

MAIN = Ref(kind="branch", value="main")


def test_only_the_history_of_what_is_followed_is_known(tmp_path: Path) -> None:
    author = Author(tmp_path / "repository")
    first = author.commit({"a": "1"})
    tip = author.commit({"a": "2"})
    other = author.commit({"a": "3"}, branch="other", parent=tip)
    sources = Sources(tmp_path / "mirrors", allow_file=True)
    sources.poll(author.repository, frozenset({MAIN, Ref(kind="branch", value="other")}))
    kept = KeptRepository(
        sources=sources, repository=author.repository, tip=sources.resolve(author.repository, MAIN), paths=frozenset()
    )

    commits = {
        name: commit.commit if (commit := kept.find(name)) else "" for name in ("", "HEAD", tip, first, first[:7], other)
    }
    sources.close()

    assert commits == {"": tip, "HEAD": tip, tip: tip, first: first, first[:7]: first, other: ""}
    assert [kept.find(name) for name in ("main", "HEAD~1", first[:6], "--all", "f" * 40)] == [None] * 5
