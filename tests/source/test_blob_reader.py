from __future__ import annotations

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gitops_agent.errors import SourceError
from gitops_agent.source.blob_reader import Reader
from tests.source.author import Author


def test_contents_of_every_size_and_kind_are_read_exactly(author: Author) -> None:
    reader = Reader(author.directory)
    contents = [b"", b"\n", b"a\nb\n", os.urandom(5_000_000), bytes(range(256))]

    assert [reader.read(author.blob(content), limit=5_000_000) for content in contents] == contents
    reader.close()


def test_one_process_answers_many_questions_from_many_threads(author: Author) -> None:
    reader = Reader(author.directory)
    blobs = {author.blob(f"content {number}" * number): f"content {number}" * number for number in range(20)}

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda oid: reader.read(oid, limit=10_000), list(blobs) * 10))

    assert answers == [text.encode() for text in blobs.values()] * 10
    reader.close()


def test_more_than_the_limit_is_refused_and_the_next_question_answered(author: Author) -> None:
    reader = Reader(author.directory)
    large, small = author.blob(b"x" * 200_000), author.blob(b"small")

    with pytest.raises(SourceError) as caught:
        reader.read(large, limit=1000)
    assert caught.value.reason == "FileTooLarge"
    assert reader.read(small, limit=1000) == b"small"
    reader.close()


def test_a_dead_process_is_replaced(author: Author) -> None:
    reader = Reader(author.directory)
    blob = author.blob(b"content")
    reader.read(blob, limit=10)
    assert reader._process is not None
    os.kill(reader._process.pid, signal.SIGKILL)
    reader._process.wait()

    assert reader.read(blob, limit=10) == b"content"
    reader.close()


def test_a_process_that_does_not_answer_is_replaced(author: Author, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = Reader(author.directory)
    blob = author.blob(b"content")
    reader.read(blob, limit=10)
    assert reader._process is not None
    stuck = reader._process.pid
    os.kill(stuck, signal.SIGSTOP)
    monkeypatch.setattr("gitops_agent.source.blob_reader._ANSWER_SECONDS", 0.5)

    assert reader.read(blob, limit=10) == b"content"
    assert not Path(f"/proc/{stuck}").exists()
    reader.close()


@pytest.mark.parametrize("oid", ["0" * 40, "nonsense"])
def test_what_is_not_there_is_torn(author: Author, oid: str) -> None:
    reader = Reader(author.directory)
    with pytest.raises(SourceError) as caught:
        reader.read(oid, limit=10)
    assert caught.value.facts["failure"] == "torn"
    reader.close()


def test_another_kind_of_object_is_no_content(author: Author) -> None:
    reader = Reader(author.directory)
    with pytest.raises(SourceError):
        reader.read(author.commit({"a": "1"}), limit=1000)
    reader.close()


def test_a_closed_reader_answers_nothing_and_leaves_no_process(author: Author) -> None:
    reader = Reader(author.directory)
    blob = author.blob(b"content")
    reader.read(blob, limit=10)
    assert reader._process is not None
    pid = reader._process.pid

    reader.close()

    assert reader.read(blob, limit=10) is None
    assert not Path(f"/proc/{pid}").exists()
