from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gitops_agent.errors import SourceError
from gitops_agent.oci.cosign.keys import keys_of
from gitops_agent.oci.cosign.policy import CosignPolicy, verify
from gitops_agent.oci.cosign.statement import ATTACHED, BUNDLE, SIMPLE_SIGNING
from gitops_agent.oci.registry import Registries, Registry
from tests.oci.artifacts import Artifact, artifact, index
from tests.oci.cosign.signing import CHART, attached, envelope, public, refused, signer, sigstore_bundle, simple, verified
from tests.oci.fake_registry import FakeRegistry
from tests.oci.real_registry import real_registry

ADA, BOB, EVE = signer(), signer(), signer()
OTHER = artifact((b"other", "x/y"))
TAG = CHART.digest.replace(":", "-")


@pytest.fixture
def fake() -> Iterator[FakeRegistry]:
    with FakeRegistry() as registry:
        registry.push("web", CHART, "1")
        yield registry


def trusted(minimum: int = 1, **keys: object) -> CosignPolicy:
    return CosignPolicy(keys=keys_of({f"{name}.pub": public(key) for name, key in keys.items()}), minimum=minimum)


def test_simple_signing_by_a_trusted_key_counts(fake: FakeRegistry) -> None:
    fake.push("web", simple(ADA, CHART.digest), f"{TAG}.sig")

    assert verified(fake, trusted(ada=ADA, bob=BOB)) == {"ada.pub"}


@pytest.mark.parametrize("api", [True, False])
def test_a_bundle_by_a_trusted_key_counts(fake: FakeRegistry, *, api: bool) -> None:
    signature = attached(sigstore_bundle(envelope(ADA, CHART.digest)), CHART)
    fake.push("web", signature)
    fake.referrers = api
    if not api:
        fake.push("web", index({**signature.descriptor, "artifactType": BUNDLE}), TAG)

    assert verified(fake, trusted(ada=ADA)) == {"ada.pub"}


@pytest.mark.parametrize("api", [True, False])
def test_simple_signing_that_is_attached_counts(fake: FakeRegistry, *, api: bool) -> None:
    signature = simple(ADA, CHART.digest, artifactType=ATTACHED, subject=CHART.descriptor)
    fake.push("web", signature)
    fake.referrers = api
    if not api:
        fake.push("web", index({**signature.descriptor, "artifactType": ATTACHED}), TAG)

    assert verified(fake, trusted(ada=ADA)) == {"ada.pub"}


def test_an_unsigned_artifact_is_refused(fake: FakeRegistry) -> None:
    assert "has no signature" in refused(fake, trusted(ada=ADA))


def test_a_signature_by_another_key_is_refused(fake: FakeRegistry) -> None:
    fake.push("web", simple(EVE, CHART.digest), f"{TAG}.sig")

    assert "has 1 signature that cosign would read, by 0 of the 2 trusted keys" in refused(fake, trusted(ada=ADA, bob=BOB))


@pytest.mark.parametrize(
    "signature",
    [simple(ADA, OTHER.digest), attached(sigstore_bundle(envelope(ADA, OTHER.digest)), CHART)],
    ids=["simple", "bundle"],
)
def test_a_signature_of_another_artifact_does_not_count_here(fake: FakeRegistry, signature: Artifact) -> None:
    fake.push("web", signature, f"{TAG}.sig")

    refused(fake, trusted(ada=ADA))


def test_an_attestation_by_a_trusted_key_is_no_signature(fake: FakeRegistry) -> None:
    fake.push("web", attached(sigstore_bundle(envelope(ADA, CHART.digest, predicate="https://spdx.dev/Document")), CHART))

    assert "has no signature" in refused(fake, trusted(ada=ADA))


def test_attestations_crowd_out_no_signature(fake: FakeRegistry) -> None:
    for number in range(25):
        predicate = f"https://example.com/{number}"
        fake.push("web", attached(sigstore_bundle(envelope(ADA, CHART.digest, predicate=predicate)), CHART, predicate))
    fake.push("web", attached(sigstore_bundle(envelope(ADA, CHART.digest)), CHART))

    assert verified(fake, trusted(ada=ADA)) == {"ada.pub"}


def test_so_many_keys_have_to_sign_as_demanded(fake: FakeRegistry) -> None:
    fake.push("web", simple(ADA, CHART.digest), f"{TAG}.sig")
    fake.push("web", attached(sigstore_bundle(envelope(ADA, CHART.digest)), CHART))
    both = trusted(2, ada=ADA, bob=BOB)

    assert "by 1 of the 2 trusted keys, and 2 are needed" in refused(fake, both)
    fake.push("web", attached(sigstore_bundle(envelope(BOB, CHART.digest)), CHART))
    assert verified(fake, both) == {"ada.pub", "bob.pub"}


def test_a_policy_that_is_always_or_never_met_is_refused() -> None:
    for minimum in (0, -1, 2):
        with pytest.raises(SourceError) as caught:
            trusted(minimum, ada=ADA)
        assert caught.value.reason == "InvalidSpec"
    with pytest.raises(SourceError):
        CosignPolicy(keys=())


def test_damaged_attachments_hide_no_signature(fake: FakeRegistry) -> None:
    broken = attached(b"nonsense", CHART)
    fake.push("web", broken)
    gone = attached(sigstore_bundle(envelope(ADA, CHART.digest)), CHART)
    gone_digest = fake.push("web", gone)
    fake.manifests["web", gone_digest] = Artifact(gone.manifest + b" ")
    fake.push("web", simple(ADA, CHART.digest), f"{TAG}.sig")

    assert verified(fake, trusted(ada=ADA)) == {"ada.pub"}


def test_huge_and_endless_signatures_are_not_read(fake: FakeRegistry) -> None:
    fake.push("web", artifact((b"x" * 100_000, SIMPLE_SIGNING), *[(b"{}", SIMPLE_SIGNING)] * 100), f"{TAG}.sig")

    refused(fake, trusted(ada=ADA))
    assert len([path for path in fake.seen.paths if "/blobs/" in path]) <= 20


def test_a_registry_that_is_down_is_no_verdict(fake: FakeRegistry) -> None:
    fake.overrides[f"/v2/web/referrers/{CHART.digest}"] = lambda handler: handler.say(503)

    with pytest.raises(SourceError) as caught:
        verified(fake, trusted(ada=ADA))
    assert (caught.value.reason, caught.value.transient) == ("SourceUnavailable", True)


def test_signatures_in_a_real_registry_are_verified(tmp_path: Path) -> None:
    with real_registry(tmp_path) as real:
        real.push("web", CHART, "1")
        signature = attached(sigstore_bundle(envelope(ADA, CHART.digest)), CHART)
        real.push("web", signature)
        real.push("web", index({**signature.descriptor, "artifactType": BUNDLE}), TAG)
        real.push("web", simple(BOB, CHART.digest), f"{TAG}.sig")
        registry = Registry(real.reference("web"), shared=Registries())

        assert verify(registry, CHART.digest, trusted(2, ada=ADA, bob=BOB)) == {"ada.pub", "bob.pub"}
        with pytest.raises(SourceError):
            verify(registry, CHART.digest, trusted(eve=EVE))
