from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from gitops_agent.errors import SourceError
from gitops_agent.oci import cosign
from gitops_agent.oci.cosign.identity import SignerIdentity
from gitops_agent.oci.cosign.keyless import ROOT_KEY, KeylessSigners
from gitops_agent.oci.cosign.policy import CosignPolicy
from tests.oci.artifacts import artifact
from tests.oci.cosign.signing import CHART, refused, signer, simple, verified
from tests.oci.cosign.sigstore_instance import ACTIONS, RELEASE, Instance
from tests.oci.fake_registry import FakeRegistry

SIGSTORE = Instance()
MAIL = "https://accounts.google.com"
ADA = SignerIdentity(subject="ada@example.com", issuer=MAIL)
FLOW = SignerIdentity(subject=RELEASE, issuer=ACTIONS)
ANY_FLOW = SignerIdentity(subject="https://github.com/acme/**", issuer=ACTIONS, pattern=True)
OTHER = artifact((b"other", "x/y"))
SIG = f"{CHART.digest.replace(':', '-')}.sig"


@pytest.fixture
def fake() -> Iterator[FakeRegistry]:
    with FakeRegistry() as registry:
        registry.push("web", CHART, "1")
        yield registry


def trusted(*identities: SignerIdentity, minimum: int = 1, instance: Instance = SIGSTORE) -> CosignPolicy:
    keyless = KeylessSigners.read(identities, {ROOT_KEY: instance.trusted_root()})
    return CosignPolicy(keyless=keyless, minimum=minimum)


def test_both_forms_by_a_demanded_identity_count(fake: FakeRegistry) -> None:
    fake.push("web", SIGSTORE.simple(CHART.digest), SIG)
    fake.push("web", SIGSTORE.attached(CHART, SIGSTORE.credential(ADA.subject, MAIL)))

    assert verified(fake, trusted(FLOW)) == {f"{RELEASE} (issuer {ACTIONS})"}
    assert verified(fake, trusted(ADA)) == {f"ada@example.com (issuer {MAIL})"}
    assert len(verified(fake, trusted(ADA, ANY_FLOW, minimum=2))) == 2


def test_one_of_two_identities_is_not_enough(fake: FakeRegistry) -> None:
    fake.push("web", SIGSTORE.simple(CHART.digest), SIG)
    fake.push("web", SIGSTORE.attached(CHART))

    message = refused(fake, trusted(FLOW, ADA, minimum=2))
    assert "has 2 signatures that cosign would read, by 1 of the 2 demanded identities, and 2 are needed" in message
    assert "by 1 of the 2 demanded identities" in refused(fake, trusted(FLOW, ANY_FLOW, minimum=2))


def test_a_refusal_names_artifact_signer_and_demand(fake: FakeRegistry) -> None:
    fork = "https://github.com/fork/charts/.github/workflows/release.yaml@refs/heads/main"
    fake.push("web", SIGSTORE.simple(CHART.digest, SIGSTORE.credential(fork)), SIG)

    assert refused(fake, trusted(FLOW)) == (
        f"{fake.reference('web')}@{CHART.digest[:19]}… has 1 signature that cosign would read, by 0 of the demanded identity, "
        f"and 1 is needed; one with a certificate of {fork} (issuer {ACTIONS}) does not count: "
        f"its signer is not among verify.cosign.identities; demanded: {RELEASE} (issuer {ACTIONS})"
    )


def test_a_signature_that_was_tagged_again_does_not_count(fake: FakeRegistry) -> None:
    fake.push("web", SIGSTORE.simple(OTHER.digest), SIG)

    assert "one belongs to another artifact" in refused(fake, trusted(FLOW))


def test_a_signature_with_a_key_is_no_identity(fake: FakeRegistry) -> None:
    fake.push("web", simple(signer(), CHART.digest), SIG)

    assert "has no certificate with the entry of a log, so it was made with a key" in refused(fake, trusted(FLOW))


def test_signatures_of_others_hide_none(fake: FakeRegistry) -> None:
    for _ in range(5):
        fake.push("web", SIGSTORE.attached(CHART, SIGSTORE.credential("eve@example.com", MAIL)))
    message = refused(fake, trusted(FLOW))
    assert message.count("eve@example.com") == 3
    assert "; and 2 more; demanded: " in message

    fake.push("web", SIGSTORE.simple(CHART.digest), SIG)
    assert verified(fake, trusted(FLOW))


def test_another_root_is_another_policy() -> None:
    policy, same, other = trusted(FLOW), trusted(FLOW), trusted(FLOW, instance=Instance())

    assert policy == same
    assert len({policy, same, other, trusted(ADA)}) == 3


@pytest.mark.parametrize("minimum", [0, 2])
def test_a_policy_that_is_always_or_never_met_is_refused(minimum: int) -> None:
    with pytest.raises(SourceError, match="1 identities"):
        trusted(FLOW, minimum=minimum)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ({}, r"its Secret has no trusted_root\.json"),
        ({ROOT_KEY: b""}, r"its Secret has no trusted_root\.json"),
        ({ROOT_KEY: b"x" * 2**21}, r"2097152 bytes under trusted_root\.json"),
        ({ROOT_KEY: b"{}"}, "the trusted root cannot be used: "),
    ],
)
def test_a_root_that_cannot_be_used_is_refused(data: dict[str, bytes], text: str) -> None:
    with pytest.raises(SourceError, match=text) as caught:
        KeylessSigners.read((FLOW,), data)
    assert caught.value.reason == "InvalidSpec"


def test_identities_are_demanded() -> None:
    with pytest.raises(SourceError, match="0 identities, and 1 to 16 are needed"):
        KeylessSigners.read((), None)


def test_without_a_secret_the_root_is_that_of_the_public_instance(fake: FakeRegistry) -> None:
    fake.push("web", SIGSTORE.simple(CHART.digest), SIG)

    policy = CosignPolicy(keyless=KeylessSigners.read((FLOW,)))
    assert "failed to build timestamp certificate chain" in refused(fake, policy)


def test_without_the_extra_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sigstore.errors", None)
    monkeypatch.delitem(sys.modules, "gitops_agent.oci.cosign.certificates", raising=False)
    monkeypatch.delattr(cosign, "certificates", raising=False)

    with pytest.raises(SourceError, match=r"install gitops-agent\[sigstore\]"):
        KeylessSigners.read((FLOW,))
