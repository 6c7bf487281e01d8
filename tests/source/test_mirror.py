from __future__ import annotations

import os
import shutil
import subprocess
import sys
import textwrap
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gitops_agent.errors import SourceError
from gitops_agent.source.mirror import Mirror, Tip
from gitops_agent.source.sources import Move, Ref, Sources
from tests.source.author import Author
from tests.source.conftest import MAIN

pytestmark = pytest.mark.slow


def _mirror(sources: Sources, author: Author) -> Mirror:
    return sources._mirror(author.repository)


def test_what_was_seen_is_read_back_and_nonsense_is_nothing(tmp_path: Path, author: Author) -> None:
    mirror = Mirror(tmp_path / "cache", author.repository)
    with mirror.locked(5):
        mirror.prepare()
        mirror.record({"branch:main": Tip(name="refs/heads/main", commit="0" * 40)})
    assert Mirror(tmp_path / "cache", author.repository).tips() == {"branch:main": Tip(name="refs/heads/main", commit="0" * 40)}

    for nonsense in ("", "{", "[]", '{"branch:main": 1}', '{"branch:main": {"name": "x"}}'):
        (mirror.directory / "tips.json").write_text(nonsense)
        assert Mirror(tmp_path / "cache", author.repository).tips() == {}


def test_other_users_of_the_machine_cannot_read_a_mirror(tmp_path: Path, author: Author) -> None:
    cache = tmp_path / "cache"
    cache.mkdir(mode=0o755)
    mirror = Mirror(cache, author.repository)

    with mirror.locked(5):
        mirror.prepare()

    assert cache.stat().st_mode & 0o777 == 0o700


def test_a_mirror_that_is_being_written_is_waited_for_only_so_long(tmp_path: Path, author: Author) -> None:
    mirror = Mirror(tmp_path / "cache", author.repository)
    other = Mirror(tmp_path / "cache", author.repository)
    with mirror.locked(5):
        with pytest.raises(SourceError) as caught, other.locked(0.2):
            pass
        assert caught.value.transient
    with other.locked(5):
        pass


@pytest.mark.slow
def test_two_processes_do_not_write_one_mirror_at_a_time(tmp_path: Path, author: Author) -> None:
    commit = author.commit({"a": "1" * 1000})
    script = textwrap.dedent(f"""
        import sys
        from pathlib import Path
        from gitops_agent.source.sources import Ref, Repository, Sources
        found = Sources(Path({str(tmp_path / "cache")!r}), allow_file=True).poll(
            Repository(url={author.repository.url!r}), frozenset({{Ref(kind="branch", value="main")}}))
        print(*found.tips.values())
    """)
    processes = [subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) for _ in range(3)]

    outputs = [process.communicate(timeout=60)[0].split()[-1] for process in processes]

    assert outputs == [commit] * 3
    assert [path.name for path in (tmp_path / "cache").glob("*.git")] == [f"{author.repository.id}.git"]


def test_threads_may_poll_and_read_at_once(sources: Sources, author: Author) -> None:
    commits = [author.commit({"a": f"{number}"}) for number in range(3)]
    sources.poll(author.repository, frozenset({MAIN}))

    def work(number: int) -> bytes:
        if number % 4 == 0:
            sources.poll(author.repository, frozenset({MAIN}))
        return sources.tree(author.repository, commits[number % 3]).read("a", limit=10)

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(work, range(40))) == [str(number % 3).encode() for number in range(40)]


@pytest.mark.slow
@pytest.mark.parametrize(
    "damage",
    [
        *("gone", "no-objects", "no-head", "other-head", "empty-pack", "half-pack", "flipped-pack", "no-index", "bad-config"),
        "whole-cache",
    ],
)
def test_a_torn_mirror_is_built_anew_by_itself(sources: Sources, author: Author, tmp_path: Path, damage: str) -> None:
    author.commit({"a": "1"})
    sources.poll(author.repository, frozenset({MAIN}))
    directory = _mirror(sources, author).directory
    if damage == "gone":
        shutil.rmtree(directory)
    elif damage == "whole-cache":
        shutil.rmtree(tmp_path / "cache")
    elif damage == "no-objects":
        shutil.rmtree(directory / "objects")
    elif damage == "no-head":
        (directory / "HEAD").unlink()
    elif damage == "other-head":
        (directory / "HEAD").write_text("no reference\n")
    elif damage == "bad-config":
        (directory / "config").write_text("[core\n")
    elif damage == "no-index":
        for index in directory.glob("objects/pack/*.idx"):
            index.unlink()
    else:
        for pack in directory.glob("objects/pack/*" if damage == "empty-pack" else "objects/pack/*.pack"):
            content = bytearray(pack.read_bytes())
            pack.chmod(0o600)
            if damage == "flipped-pack":
                content[12:-20] = bytes(byte ^ 255 for byte in content[12:-20])
                pack.write_bytes(content)
            else:
                pack.write_bytes(content[: len(content) // 2] if damage == "half-pack" else b"")
    commit = author.commit({"a": "2"})

    assert sources.poll(author.repository, frozenset({MAIN})).tips == {MAIN: commit}
    assert sources.tree(author.repository, commit).read("a", limit=10) == b"2"


def test_damage_met_while_reading_is_repaired_by_the_next_poll_though_nothing_moved(sources: Sources, author: Author) -> None:
    commit = author.commit({"a": "1"})
    sources.poll(author.repository, frozenset({MAIN}))
    for pack in _mirror(sources, author).directory.glob("objects/pack/*"):
        pack.chmod(0o600)
        pack.write_bytes(b"")

    with pytest.raises(SourceError) as caught:
        sources.tree(author.repository, commit).read("a", limit=10)
    assert caught.value.transient
    poll = sources.poll(author.repository, frozenset({MAIN}))

    assert poll.tips == {MAIN: commit}
    assert poll.moved == ()
    assert sources.tree(author.repository, commit).read("a", limit=10) == b"1"


def test_a_rewrite_seen_after_the_objects_were_lost_has_no_count(sources: Sources, author: Author) -> None:
    old = author.commit({"a": "1"})
    sources.poll(author.repository, frozenset({MAIN}))
    _mirror(sources, author).suspect.set()
    new = author.commit({"a": "2"}, orphan=True)

    poll = sources.poll(author.repository, frozenset({MAIN}))

    assert poll.moved == (Move(ref=MAIN, old=old, new=new, rewritten=True, lost=-1),)


def test_the_lock_of_a_killed_git_does_not_stop_the_next_poll(sources: Sources, author: Author) -> None:
    author.commit({"a": "1"})
    sources.poll(author.repository, frozenset({MAIN}))
    directory = _mirror(sources, author).directory
    for file in directory.glob("refs/fetched/*"):
        file.with_name(f"{file.name}.lock").write_bytes(b"")
    (directory / "packed-refs.lock").write_bytes(b"")
    commit = author.commit({"a": "2"})

    assert sources.poll(author.repository, frozenset({MAIN})).tips == {MAIN: commit}


def test_many_small_packs_become_few_and_lost_commits_stay_readable(
    sources: Sources, author: Author, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gitops_agent.source.mirror._MANY_PACKS", 5)
    first = author.commit({"a": "first"})
    sources.poll(author.repository, frozenset({MAIN}))
    for number in range(8):
        last = author.commit({"a": str(number)}, orphan=True)
        sources.poll(author.repository, frozenset({MAIN}))

    assert len(list(_mirror(sources, author).directory.glob("objects/pack/*.pack"))) <= 5
    assert sources.tree(author.repository, first).read("a", limit=10) == b"first"
    assert sources.tree(author.repository, last).read("a", limit=10) == b"7"


def test_packs_that_were_folded_are_given_back_by_the_process_that_read_them(
    sources: Sources, author: Author, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gitops_agent.source.mirror._MANY_PACKS", 2)
    for number in range(8):
        commit = author.commit({"a": str(number)})
        sources.poll(author.repository, frozenset({MAIN}))
        sources.tree(author.repository, commit).read("a", limit=10)

    (reader,) = sources._readers.values()
    assert reader._process is not None
    mapped = Path(f"/proc/{reader._process.pid}/maps").read_text()
    assert ".pack" in mapped
    assert "(deleted)" not in mapped


def test_a_poll_waiting_for_the_mirror_can_be_cancelled(tmp_path: Path, author: Author) -> None:
    mirror, other = Mirror(tmp_path / "cache", author.repository), Mirror(tmp_path / "cache", author.repository)
    cancel = threading.Event()
    cancel.set()
    with mirror.locked(5), pytest.raises(SourceError), other.locked(60, cancel):
        pass


def test_other_references_are_kept_when_one_is_polled(sources: Sources, author: Author) -> None:
    first = author.commit({"a": "1"})
    second = author.commit({"a": "2"}, branch="other")
    other = Ref(kind="branch", value="other")
    sources.poll(author.repository, frozenset({MAIN}))
    sources.poll(author.repository, frozenset({other}))

    assert sources.resolve(author.repository, MAIN).commit == first
    assert sources.resolve(author.repository, other).commit == second


def test_a_torn_mirror_is_kept_while_the_server_does_not_answer(sources: Sources, author: Author) -> None:
    commit = author.commit({"a": "1"})
    sources.poll(author.repository, frozenset({MAIN}))
    repository = author.repository
    _mirror(sources, author).suspect.set()
    author.directory.rename(author.directory.with_name("gone"))

    with pytest.raises(SourceError):
        sources.poll(repository, frozenset({MAIN}))

    assert sources.tree(repository, commit).read("a", limit=10) == b"1"
    author.directory.with_name("gone").rename(author.directory)
    assert sources.poll(repository, frozenset({MAIN})).tips == {MAIN: commit}


def test_a_server_that_talks_like_a_torn_mirror_does_not_cost_the_mirror(sources: Sources, author: Author) -> None:
    old = author.commit({"a": "1"})
    sources.poll(author.repository, frozenset({MAIN}))
    author.commit({"a": "2"})
    for file in author.directory.glob("objects/??/*"):
        file.chmod(0o600)
        file.write_bytes(b"")

    with pytest.raises(SourceError):
        sources.poll(author.repository, frozenset({MAIN}))

    assert sources.resolve(author.repository, MAIN).commit == old
    assert sources.tree(author.repository, old).read("a", limit=10) == b"1"


def test_a_full_disk_is_reported_and_does_no_harm(tmp_path: Path, author: Author) -> None:
    cache = tmp_path / "small"
    cache.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", cache], capture_output=True, check=False)
    if mounted.returncode != 0:
        pytest.skip("no right to mount a small file system here: a full disk is not tried")
    sources = Sources(cache, allow_file=True)
    try:
        good = author.commit({"a": "1"})
        sources.poll(author.repository, frozenset({MAIN}))
        author.commit({"a": os.urandom(2_000_000)})

        with pytest.raises(SourceError, match="disk") as caught:
            sources.poll(author.repository, frozenset({MAIN}))

        assert caught.value.facts["failure"] == "disk-full"
        assert sources.resolve(author.repository, MAIN).commit == good
        assert sources.tree(author.repository, good).read("a", limit=10) == b"1"
    finally:
        sources.close()
        subprocess.run(["umount", cache], check=True)


def test_packs_that_cannot_be_folded_are_reported_with_the_repository(
    sources: Sources, author: Author, monkeypatch: pytest.MonkeyPatch
) -> None:
    author.commit({"a": "x" * 100 + "1"})
    sources.poll(author.repository, frozenset({MAIN}))
    (pack,) = _mirror(sources, author).directory.glob("objects/pack/*.pack")
    content = bytearray(pack.read_bytes())
    content[-30:-20] = bytes(10)
    pack.chmod(0o600)
    pack.write_bytes(content)
    monkeypatch.setattr("gitops_agent.source.mirror._MANY_PACKS", 0)
    author.commit({"b": "2"})

    with pytest.raises(SourceError, match="bad packed object") as caught:
        sources.poll(author.repository, frozenset({MAIN}))
    assert str(author.repository) in caught.value.message
