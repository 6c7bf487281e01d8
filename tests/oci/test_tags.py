from __future__ import annotations

import json
from typing import Any

import pytest

from gitops_agent.errors import SourceError
from gitops_agent.oci.registry import Registries, Registry
from gitops_agent.oci.tags import TagLists
from tests.oci.fake_registry import FakeRegistry


def reader(fake: FakeRegistry) -> Registry:
    return Registry(fake.reference("acme/web"), shared=Registries(timeout_seconds=5))


def push(fake: FakeRegistry, *tags: str) -> None:
    fake.tags["acme/web"] = dict.fromkeys(tags, "sha256:" + "0" * 64)


def test_tags_are_sorted_whatever_the_registry_does(fake: FakeRegistry) -> None:
    push(fake, "b", "c", "a")

    assert TagLists().read(reader(fake)) == ("a", "b", "c")


def test_pages_are_followed(fake: FakeRegistry) -> None:
    push(fake, *(f"v{number}" for number in range(10)))
    fake.page = 3

    assert len(TagLists().read(reader(fake))) == 10
    assert len(fake.seen) == 4


@pytest.mark.parametrize(
    "link",
    [
        "<https://evil.example/v2/acme/web/tags/list?n=1>",
        "<//evil.example/v2/acme/web/tags/list?n=1>",
        "</v2/acme/other/tags/list?n=1>",
        "</v2/acme/web/tags/../../other/tags/list?n=1>",
        "</v2/acme/web/tags/list>",
    ],
)
def test_a_next_page_elsewhere_is_refused(fake: FakeRegistry, link: str) -> None:
    push(fake, "a")
    fake.link = link

    with pytest.raises(SourceError) as caught:
        TagLists().read(reader(fake))

    assert caught.value.reason == "RegistryRefused"
    assert len(fake.seen) == 1


def test_pages_end(fake: FakeRegistry) -> None:
    push(fake, "a")
    fake.link = "</v2/acme/web/tags/list?last=a>"

    with pytest.raises(SourceError, match="more than 100 pages"):
        TagLists().read(reader(fake))


def test_half_a_list_is_believed_at_the_second_reading(fake: FakeRegistry) -> None:
    lists = TagLists()
    push(fake, *"abcdefgh")
    assert len(lists.read(reader(fake))) == 8

    push(fake, *"abc")
    with pytest.raises(SourceError, match="lists 3 tags after 8") as caught:
        lists.read(reader(fake))
    assert caught.value.transient
    assert lists.read(reader(fake)) == ("a", "b", "c")
    assert lists.read(reader(fake)) == ("a", "b", "c")


def test_half_a_list_that_was_missing_once_changes_nothing(fake: FakeRegistry) -> None:
    lists = TagLists()
    push(fake, *"abcdefgh")
    lists.read(reader(fake))
    push(fake, *"ab")
    with pytest.raises(SourceError):
        lists.read(reader(fake))

    push(fake, *"abcdefgh")
    assert len(lists.read(reader(fake))) == 8
    push(fake, *"abcdefg")
    assert len(lists.read(reader(fake))) == 7


def test_a_repository_without_tags_has_none(fake: FakeRegistry) -> None:
    fake.overrides["/v2/acme/web/tags/list"] = lambda handler: handler.say(200, b'{"name": "acme/web", "tags": null}')

    assert TagLists().read(reader(fake)) == ()


def test_a_missing_repository_is_not_empty(fake: FakeRegistry) -> None:
    with pytest.raises(SourceError) as caught:
        TagLists().read(reader(fake))

    assert caught.value.reason == "RevisionNotFound"


@pytest.mark.parametrize("body", [b"<html>", b"[]", b'{"tags": {}}', b'{"tags": "a"}', b'{"tags": [' + b"[" * 100])
def test_an_answer_that_is_no_list_is_transient(fake: FakeRegistry, body: bytes) -> None:
    fake.overrides["/v2/acme/web/tags/list"] = lambda handler: handler.say(200, body)

    with pytest.raises(SourceError) as caught:
        TagLists().read(reader(fake))

    assert caught.value.transient


def test_names_that_are_no_tags_are_left_out(fake: FakeRegistry) -> None:
    names: list[Any] = ["1.0.0", "../x", "a b", "", 5, "x" * 200]
    fake.overrides["/v2/acme/web/tags/list"] = lambda handler: handler.say(200, json.dumps({"tags": names}).encode())

    assert TagLists().read(reader(fake)) == ("1.0.0",)
