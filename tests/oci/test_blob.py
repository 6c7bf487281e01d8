from __future__ import annotations

import pytest

from gitops_agent.errors import SourceError
from gitops_agent.oci import blob
from gitops_agent.oci.manifest import Descriptor
from gitops_agent.oci.registry import Registries, Registry
from tests.oci.artifacts import digest_of
from tests.oci.fake_registry import FakeRegistry


def described(data: bytes, size: int | None = None) -> Descriptor:
    return Descriptor(media_type="x/y", digest=digest_of(data), size=len(data) if size is None else size)


def reader(fake: FakeRegistry) -> Registry:
    return Registry(fake.reference("acme/web"), shared=Registries(timeout_seconds=5))


def test_a_damaged_blob_is_refused(fake: FakeRegistry) -> None:
    fake.blobs[digest_of(b"good")] = b"evil"

    with pytest.raises(SourceError, match=r"arrived as sha256:\w{12}… \(4 of 4 bytes\)") as caught:
        blob.fetch(reader(fake), described(b"good"))

    assert caught.value.reason == "BlobDamaged"


def test_a_longer_blob_is_cut_off(fake: FakeRegistry) -> None:
    fake.blobs[digest_of(b"good")] = b"good" * 1_000_000

    with pytest.raises(SourceError, match="longer than the 4 bytes"):
        blob.fetch(reader(fake), described(b"good"))


def test_a_shorter_blob_is_damaged(fake: FakeRegistry) -> None:
    fake.blobs[digest_of(b"good")] = b"go"

    with pytest.raises(SourceError, match=r"2 of 4 bytes"):
        blob.fetch(reader(fake), described(b"good"))


def test_a_torn_blob_is_transient(fake: FakeRegistry) -> None:
    data = b"good" * 100
    path = f"/v2/acme/web/blobs/{digest_of(data)}"
    fake.overrides[path] = lambda handler: handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 400\r\n\r\nhalf")

    with pytest.raises(SourceError, match="torn") as caught:
        blob.fetch(reader(fake), described(data))

    assert caught.value.transient


def test_a_blob_that_is_announced_as_too_large_is_not_read(fake: FakeRegistry) -> None:
    with pytest.raises(SourceError, match="at most 10 are read"):
        blob.fetch(reader(fake), described(b"x" * 11), longest=10)

    assert fake.seen == []


def test_a_missing_blob_is_said(fake: FakeRegistry) -> None:
    with pytest.raises(SourceError) as caught:
        blob.fetch(reader(fake), described(b"good"))

    assert caught.value.reason == "RevisionNotFound"
