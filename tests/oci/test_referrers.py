from __future__ import annotations

import pytest

from gitops_agent.oci.referrers import referrers
from gitops_agent.oci.registry import Registries, Registry
from tests.oci.artifacts import artifact, index
from tests.oci.fake_registry import FakeRegistry

KIND = "application/vnd.dev.sigstore.bundle.v0.3+json"


def reader(fake: FakeRegistry) -> Registry:
    return Registry(fake.reference("acme/web"), shared=Registries(timeout_seconds=5))


@pytest.mark.parametrize("api", [True, False])
def test_what_is_attached_is_listed_by_the_api_or_a_tag(fake: FakeRegistry, *, api: bool) -> None:
    subject = artifact((b"chart", "x/y"))
    fake.push("acme/web", subject, "1.0.0")
    attached = artifact((b"signature", KIND), artifactType=KIND, subject=subject.descriptor)
    fake.push("acme/web", attached)
    fake.push("acme/web", artifact((b"sbom", "x/z"), artifactType="x/z", subject=subject.descriptor))
    fake.referrers = api
    if not api:
        listing = index({**attached.descriptor, "artifactType": KIND}, {**subject.descriptor, "artifactType": "x/z"})
        fake.push("acme/web", listing, subject.digest.replace(":", "-"))

    assert [each.digest for each in referrers(reader(fake), subject.digest, artifact_types=(KIND,))] == [attached.digest]


@pytest.mark.parametrize("api", [True, False])
def test_nothing_attached_is_an_empty_list(fake: FakeRegistry, *, api: bool) -> None:
    fake.referrers = api

    assert referrers(reader(fake), "sha256:" + "0" * 64, artifact_types=(KIND,)) == ()
