from __future__ import annotations

import base64
import json

import pytest

from gitops_agent.cluster.account_tokens import AccountTokens
from gitops_agent.cluster.transport import Transport
from gitops_agent.errors import NotFound

pytestmark = pytest.mark.cluster


def test_a_token_is_for_one_audience(transport: Transport, namespace: str) -> None:
    metadata = {"name": "sops", "annotations": {"eks.amazonaws.com/role-arn": "arn"}}
    body = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}
    transport.request("POST", f"/api/v1/namespaces/{namespace}/serviceaccounts", body=body)
    account = AccountTokens(transport=transport, namespace=namespace, name="sops")

    part = account.token("sts.amazonaws.com").split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))

    assert account.annotations() == {"eks.amazonaws.com/role-arn": "arn"}
    assert (claims["aud"], claims["sub"]) == (["sts.amazonaws.com"], f"system:serviceaccount:{namespace}:sops")
    assert claims["exp"] - claims["iat"] == 600


def test_an_account_that_is_not_there_has_no_token(transport: Transport, namespace: str) -> None:
    with pytest.raises(NotFound):
        AccountTokens(transport=transport, namespace=namespace, name="none").token("sts.amazonaws.com")
