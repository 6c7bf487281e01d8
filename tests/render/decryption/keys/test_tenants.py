"""What one Application's keys opened stays closed to those of another."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import pyrage
import pytest

from gitops_agent.render.decryption.errors import DecryptionFailed
from gitops_agent.render.decryption.keyring import Keyring
from gitops_agent.render.decryption.keys.age import Age
from gitops_agent.render.decryption.keys.aws_kms import AwsKms
from gitops_agent.render.decryption.keys.azure_kv import AzureKeyVault
from gitops_agent.render.decryption.keys.gcp_kms import GcpKms
from gitops_agent.render.decryption.keys.kind import KeyKind, KeyMaterial
from gitops_agent.render.decryption.keys.table import KEY_KINDS
from gitops_agent.render.decryption.keys.vault import Vault
from gitops_agent.render.decryption.metadata import KeySlot
from tests.notify.receiver import Handler, Receiver, Script, Told
from tests.render.decryption.keys import test_aws_kms, test_azure_kv, test_gcp_kms, test_identities, test_vault
from tests.render.decryption.keys.cloud import Detour

OWNER, STRANGER = "the Secret keys", "the Secret copied"


@dataclass(frozen=True, kw_only=True)
class Sample:
    """A kind of keys with its service, and credentials of two tenants."""

    kind: Callable[[Detour], KeyKind]
    slot: Callable[[str], KeySlot]
    service: Script
    key: str
    credentials: Callable[[], tuple[bytes, bytes]]
    notes: Mapping[str, str] = field(default_factory=dict)


SERVICES = {
    "kms": Sample(
        kind=AwsKms,
        slot=lambda _: test_aws_kms.slot(),
        service=test_identities.aws,
        key="sops.aws-kms",
        credentials=lambda: (test_aws_kms.CREDENTIALS, test_aws_kms.CREDENTIALS.replace(b"AKIDEXAMPLE", b"AKIDSTRANGE")),
        notes={"eks.amazonaws.com/role-arn": test_identities.ROLE},
    ),
    "gcp_kms": Sample(
        kind=GcpKms,
        slot=lambda _: test_gcp_kms.slot(),
        service=lambda request, handler: (test_gcp_kms.google if request.path == "/token" else test_identities.google)(
            request, handler
        ),
        key="sops.gcp-kms",
        credentials=lambda: (test_gcp_kms.account(), test_gcp_kms.account(client_email="eve@shop-1.iam.gserviceaccount.com")),
    ),
    "azure_kv": Sample(
        kind=AzureKeyVault,
        slot=lambda _: test_azure_kv.slot(),
        service=test_azure_kv.azure,
        key="sops.azure-kv",
        credentials=lambda: (test_azure_kv.PRINCIPAL, test_azure_kv.PRINCIPAL.replace(b"2222-bbbb", b"3333-cccc")),
        notes={"azure.workload.identity/client-id": "2222", "azure.workload.identity/tenant-id": "1111"},
    ),
    "hc_vault": Sample(
        kind=lambda _: Vault(),
        slot=lambda address: test_vault.slot(address, "vault:v1:q"),
        service=test_vault.answering(),
        key="sops.vault-token",
        credentials=lambda: (b"t0ken", b"of-eve"),
    ),
}
WITH_ACCOUNTS = {name: sample for name, sample in SERVICES.items() if name != "hc_vault"}


class Closing:
    """A service that refuses everything once its owner has been served."""

    def __init__(self, service: Script) -> None:
        self._service = service
        self.closed = threading.Event()

    def __call__(self, request: Told, handler: Handler) -> None:
        if self.closed.is_set():
            handler.answer(403, b"{}")
        else:
            self._service(request, handler)


def opened_by_one(sample: Sample, *materials: Callable[[str], KeyMaterial]) -> int:
    """The requests for the second material, which opens nothing.

    The kind is the same for both, as in a process that serves several tenants.
    """
    service = Closing(sample.service)
    with Receiver(service) as receiver:
        address = test_vault.address(receiver)
        kind, slot = sample.kind(Detour(receiver)), sample.slot(address)
        own, other = (Keyring(material(address), kinds=[kind]) for material in materials)
        for _ in range(2):
            assert len(own.data_key([slot], file="a.yaml")) == 32
        service.closed.set()
        before = len(receiver.told)
        assert len(own.data_key([slot], file="a.yaml")) == 32, "the owner's data key is kept"
        assert len(receiver.told) == before
        with pytest.raises(DecryptionFailed, match=r"a\.yaml cannot be decrypted"):
            other.data_key([slot], file="a.yaml")
        return len(receiver.told) - before


def held(sample: Sample, source: str, *credentials: bytes) -> Callable[[str], KeyMaterial]:
    data = dict.fromkeys((sample.key,), *credentials) if credentials else {}
    return lambda address: KeyMaterial(source=source, data=data, endpoints=(address,))


def account(sample: Sample, namespace: str) -> Callable[[str], KeyMaterial]:
    """A ServiceAccount of a namespace; all have one name and annotations."""
    service_account = test_identities.Account(sample.notes, namespace=namespace)
    if sample.kind is GcpKms:
        service_account = test_identities.Account(issuer=test_identities.GKE, namespace=namespace)
    return lambda _: KeyMaterial(source="no Secret", data={}, account=service_account)


def test_every_kind_is_tried() -> None:
    local = {"age", "pgp"}
    assert {kind.name for kind in KEY_KINDS} == SERVICES.keys() | local


@pytest.mark.parametrize("name", SERVICES)
def test_credentials_of_another_tenant_open_nothing_and_are_judged_by_the_service(name: str) -> None:
    sample = SERVICES[name]
    own, other = sample.credentials()

    assert opened_by_one(sample, held(sample, OWNER, own), held(sample, STRANGER, other)) > 0


@pytest.mark.parametrize("name", SERVICES)
def test_a_tenant_without_credentials_opens_nothing_that_another_opened(name: str) -> None:
    sample = SERVICES[name]

    assert opened_by_one(sample, held(sample, OWNER, sample.credentials()[0]), held(sample, STRANGER)) == 0


@pytest.mark.parametrize("name", WITH_ACCOUNTS)
def test_an_account_of_the_same_name_in_another_namespace_opens_nothing(name: str) -> None:
    sample = WITH_ACCOUNTS[name]

    assert opened_by_one(sample, account(sample, "team-a"), account(sample, "team-b")) > 0


def test_a_copied_file_needs_the_identity_of_its_owner() -> None:
    own, other = pyrage.x25519.Identity.generate(), pyrage.x25519.Identity.generate()
    enc = pyrage.encrypt(bytes(range(32)), [own.to_public()], armored=True).decode()
    slot = KeySlot(kind="age", enc=enc, fields={"recipient": str(own.to_public()), "enc": enc})
    kind = Age()
    rings = [
        Keyring(KeyMaterial(source=source, data={"a.agekey": str(identity).encode()}), kinds=[kind])
        for source, identity in ((OWNER, own), (STRANGER, other))
    ]

    assert rings[0].data_key([slot], file="a.yaml") == bytes(range(32))
    with pytest.raises(DecryptionFailed, match=f"none of its keys .* is in {STRANGER}"):
        rings[1].data_key([slot], file="a.yaml")
