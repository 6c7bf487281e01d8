"""Tokens of a ServiceAccount take the place of credentials."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

import pytest

from gitops_agent.errors import AgentError, Forbidden, Unavailable
from gitops_agent.httpclient.aws_sigv4 import AwsKeys
from gitops_agent.render.decryption.errors import DecryptionFailed, KeyUnavailable
from gitops_agent.render.decryption.keyring import Keyring
from gitops_agent.render.decryption.keys.aws_kms import AwsKms
from gitops_agent.render.decryption.keys.azure_kv import AzureKeyVault
from gitops_agent.render.decryption.keys.gcp_kms import GcpKms
from gitops_agent.render.decryption.keys.kind import KeyKind, KeyMaterial
from gitops_agent.render.decryption.metadata import KeySlot
from tests.notify.receiver import Handler, Receiver, Told
from tests.render.decryption.keys import test_aws_kms, test_azure_kv, test_gcp_kms
from tests.render.decryption.keys.cloud import Detour

ROLE = "arn:aws:iam::111122223333:role/sops"
OTHER_ROLE = "arn:aws:iam::111122223333:role/team/files"
KEYS = "<{0}Response><{0}Result><Credentials><AccessKeyId>ASIAROLE</AccessKeyId><SecretAccessKey>temp/0+=</SecretAccessKey>"
KEYS += "<SessionToken>FwoG/+=</SessionToken></Credentials></{0}Result></{0}Response>"
GKE = "https://container.googleapis.com/v1/projects/shop-1/locations/europe-west3/clusters/prod"
PROVIDER = "projects/1234567890/locations/global/workloadIdentityPools/clusters/providers/prod"
EMAIL = "sops@shop-1.iam.gserviceaccount.com"


@dataclass(frozen=True)
class Account:
    """A ServiceAccount of the cluster, whose tokens say what they are for."""

    notes: Mapping[str, str] = field(default_factory=dict, hash=False)
    issuer: str = "https://kubernetes.default.svc"
    error: AgentError | None = field(default=None, hash=False)
    namespace: str = "flux"

    def annotations(self) -> Mapping[str, str]:
        return self.notes

    def token(self, audience: str) -> str:
        if self.error is not None:
            raise self.error
        claims = json.dumps({"iss": self.issuer, "aud": [audience]}).encode()
        return f"e30.{base64.urlsafe_b64encode(claims).decode().rstrip('=')}.c2ln"

    def __str__(self) -> str:
        return f"ServiceAccount {self.namespace}/sops"


def audience(token: str) -> str:
    part = token.split(".")[1]
    (name,) = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))["aud"]
    return str(name)


def keyring(kind: KeyKind, account: Account | None, *endpoints: str, **data: bytes) -> Keyring:
    named = {name.replace("_", "-").replace("sops-", "sops."): value for name, value in data.items()}
    material = KeyMaterial(source="the Secret keys", data=named, endpoints=endpoints, account=account)
    return Keyring(material, kinds=[kind])


def form(request: Told) -> dict[str, str]:
    return {name: value for name, (value,) in parse_qs(request.body.decode()).items()}


# AWS


def aws(request: Told, handler: Handler) -> None:
    if request.body.startswith(b"Action="):
        handler.answer(200, KEYS.format(form(request)["Action"]).encode())
    else:
        test_aws_kms.kms(request, handler)


def test_a_role_is_assumed_by_the_token_of_a_service_account() -> None:
    account = Account({"eks.amazonaws.com/role-arn": ROLE})
    with Receiver(aws) as receiver:
        way = Detour(receiver)
        kind = AwsKms(way)
        for _ in range(2):
            assert keyring(kind, account).data_key([test_aws_kms.slot()], file="a.yaml") == test_aws_kms.KEY
        for_keys, for_key = receiver.told
    assert way.addresses == ["https://sts.eu-central-1.amazonaws.com", "https://kms.eu-central-1.amazonaws.com"]
    sent = form(for_keys)
    assert audience(sent.pop("WebIdentityToken")) == "sts.amazonaws.com"
    assert sent == {
        "Action": "AssumeRoleWithWebIdentity",
        "Version": "2011-06-15",
        "RoleArn": ROLE,
        "RoleSessionName": "gitops-agent-sops",
    }
    assert "authorization" not in for_keys.headers
    keys = AwsKeys(key_id="ASIAROLE", secret="temp/0+=", token="FwoG/+=")
    assert for_key.headers["x-amz-security-token"] == keys.token
    assert for_key.headers["authorization"] == test_aws_kms.signature_of(for_key, keys, "eu-central-1")


def test_a_role_of_a_file_is_assumed_where_it_is_listed() -> None:
    with Receiver(aws) as receiver:
        slot = test_aws_kms.slot(more={"role": OTHER_ROLE})
        ring = keyring(AwsKms(Detour(receiver)), None, OTHER_ROLE, sops_aws_kms=test_aws_kms.CREDENTIALS)
        assert ring.data_key([slot], file="a.yaml") == test_aws_kms.KEY
        for_keys, for_key = receiver.told
    assert (form(for_keys)["Action"], form(for_keys)["RoleArn"]) == ("AssumeRole", OTHER_ROLE)
    assert "/eu-central-1/sts/aws4_request" in for_keys.headers["authorization"]
    assert "Credential=ASIAROLE/" in for_key.headers["authorization"]


def test_a_role_of_a_file_that_is_not_listed_is_refused() -> None:
    with Receiver(aws) as receiver:
        way = Detour(receiver)
        ring = keyring(AwsKms(way), None, ROLE, sops_aws_kms=test_aws_kms.CREDENTIALS)
        with pytest.raises(DecryptionFailed, match=r"list the ARN of the role in spec\.render\.decryption\.endpoints"):
            ring.data_key([test_aws_kms.slot(more={"role": OTHER_ROLE})], file="a.yaml")
    assert not way.addresses


@pytest.mark.parametrize(
    ("status", "body", "error", "text"),
    [
        (
            403,
            b"<Error><Code>AccessDenied</Code></Error>",
            DecryptionFailed,
            r"\(AccessDenied\): let its trust policy name",
        ),
        (400, b"<Error><Code>IDPCommunicationError</Code></Error>", KeyUnavailable, "answers with IDPCommunicationError"),
        (503, b"", KeyUnavailable, "AWS STS in eu-central-1 answers with 503"),
        (200, b"<html>", DecryptionFailed, "holds no keys"),
    ],
)
def test_a_token_service_that_gives_no_keys_is_named(status: int, body: bytes, error: type[Exception], text: str) -> None:
    account = Account({"eks.amazonaws.com/role-arn": ROLE})
    refusing = Receiver(lambda _, handler: handler.answer(status, body))
    with refusing as receiver, pytest.raises(error, match=text):
        keyring(AwsKms(Detour(receiver)), account).data_key([test_aws_kms.slot()], file="a.yaml")


# Azure


def test_an_application_of_azure_trusts_the_token_of_a_service_account() -> None:
    notes = {"azure.workload.identity/client-id": "2222-bbbb", "azure.workload.identity/tenant-id": "1111-aaaa"}
    with Receiver(test_azure_kv.azure) as receiver:
        way = Detour(receiver)
        ring = keyring(AzureKeyVault(way), Account(notes))
        assert ring.data_key([test_azure_kv.slot()], file="a.yaml") == test_azure_kv.KEY
        for_token, _ = receiver.told
    assert way.addresses == ["https://login.microsoftonline.com", test_azure_kv.VAULT]
    assert for_token.path == "/1111-aaaa/oauth2/v2.0/token"
    sent = form(for_token)
    assert audience(sent.pop("client_assertion")) == "api://AzureADTokenExchange"
    assert sent == {
        "grant_type": "client_credentials",
        "client_id": "2222-bbbb",
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "scope": "https://vault.azure.net/.default",
    }


# Google


def google(request: Told, handler: Handler) -> None:
    if request.path == "/v1/token":
        handler.answer(200, b'{"access_token":"ya29.federated","token_type":"Bearer"}')
    elif request.path.endswith(":generateAccessToken"):
        handler.answer(200, b'{"accessToken":"ya29.impersonated"}')
    else:
        test_gcp_kms.google(request, handler)


@pytest.mark.parametrize(
    ("account", "of_google", "of_cluster"),
    [
        (
            Account({"gcp.auth.fluxcd.io/workload-identity-provider": PROVIDER}),
            f"//iam.googleapis.com/{PROVIDER}",
            f"https://iam.googleapis.com/{PROVIDER}",
        ),
        (Account(issuer=GKE), f"identitynamespace:shop-1.svc.id.goog:{GKE}", "shop-1.svc.id.goog"),
    ],
    ids=["provider", "GKE"],
)
def test_google_exchanges_the_token_of_a_service_account(account: Account, of_google: str, of_cluster: str) -> None:
    with Receiver(google) as receiver:
        way = Detour(receiver)
        assert keyring(GcpKms(way), account).data_key([test_gcp_kms.slot()], file="a.yaml") == test_gcp_kms.KEY
        for_token, for_key = receiver.told
    assert way.addresses == ["https://sts.googleapis.com", "https://cloudkms.googleapis.com"]
    assert (for_token.json["audience"], audience(for_token.json["subjectToken"])) == (of_google, of_cluster)
    assert for_token.json["grantType"] == "urn:ietf:params:oauth:grant-type:token-exchange"
    assert for_key.headers["authorization"] == "Bearer ya29.federated"


def test_an_account_of_google_is_impersonated() -> None:
    account = Account({"iam.gke.io/gcp-service-account": EMAIL}, issuer=GKE)
    with Receiver(google) as receiver:
        way = Detour(receiver)
        keyring(GcpKms(way), account).data_key([test_gcp_kms.slot()], file="a.yaml")
        _, for_account, for_key = receiver.told
    assert way.addresses[1] == "https://iamcredentials.googleapis.com"
    assert for_account.path == f"/v1/projects/-/serviceAccounts/{EMAIL}:generateAccessToken"
    assert for_account.headers["authorization"] == "Bearer ya29.federated"
    assert for_key.headers["authorization"] == "Bearer ya29.impersonated"


# What all have in common


Sample = tuple[Callable[[Detour], KeyKind], KeySlot, Mapping[str, str]]
SAMPLES: dict[str, Sample] = {
    "aws": (AwsKms, test_aws_kms.slot(), {"eks.amazonaws.com/role-arn": ROLE}),
    "azure": (
        AzureKeyVault,
        test_azure_kv.slot(),
        {"azure.workload.identity/client-id": "2222", "azure.workload.identity/tenant-id": "1111"},
    ),
    "google": (GcpKms, test_gcp_kms.slot(), {}),
}


@pytest.mark.parametrize("sample", SAMPLES.values(), ids=SAMPLES)
@pytest.mark.parametrize(
    ("error", "kind", "text"),
    [
        (
            Forbidden("may not create serviceaccounts/token"),
            DecryptionFailed,
            "a token of ServiceAccount flux/sops: may not",
        ),
        (Unavailable("the API server is away"), KeyUnavailable, "ServiceAccount flux/sops: the API server is away"),
    ],
    ids=["forbidden", "away"],
)
def test_a_token_that_the_cluster_does_not_give_is_said(
    sample: Sample, error: AgentError, kind: type[Exception], text: str
) -> None:
    made, slot, notes = sample
    with Receiver(google) as receiver:
        way = Detour(receiver)
        with pytest.raises(kind, match=text):
            keyring(made(way), Account(notes, error=error)).data_key([slot], file="a.yaml")
    assert not way.addresses


@pytest.mark.parametrize("sample", SAMPLES.values(), ids=SAMPLES)
def test_without_credentials_and_account_both_are_named(sample: Sample) -> None:
    made, slot, _ = sample
    with Receiver(google) as receiver:
        way = Detour(receiver)
        with pytest.raises(DecryptionFailed, match=r"has no key sops\.\S+, and \S+ names no serviceAccountName"):
            keyring(made(way), None).data_key([slot], file="a.yaml")
    assert not way.addresses


@pytest.mark.parametrize(
    ("name", "notes", "text"),
    [
        ("aws", {}, "has no annotation eks.amazonaws.com/role-arn"),
        ("aws", {"eks.amazonaws.com/role-arn": "arn:aws:iam::1:role/x"}, "has no annotation eks.amazonaws.com/role-arn"),
        ("azure", {"azure.workload.identity/client-id": "2222"}, "has no annotations azure.workload.identity/client-id and"),
        ("google", {}, "this cluster is not on GKE, so ServiceAccount flux/sops needs the annotation"),
        ("google", {"iam.gke.io/gcp-service-account": "a/../b"}, "is not well-formed"),
    ],
)
def test_an_account_without_its_annotations_is_named(name: str, notes: Mapping[str, str], text: str) -> None:
    made, slot, _ = SAMPLES[name]
    with Receiver(google) as receiver:
        way = Detour(receiver)
        with pytest.raises(DecryptionFailed, match=text):
            keyring(made(way), Account(notes)).data_key([slot], file="a.yaml")
    assert not [address for address in way.addresses if "169.254" in str(urlsplit(address).hostname)]
    assert not way.addresses
