"""Webhooks of forges: a push is live without waiting for the interval."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time

import orjson
import pytest
import urllib3

from tests.acceptance.installed_agent import SECONDS, Agent, apply
from tests.acceptance.objects import config_map, files
from tests.acceptance.tenant import Tenant
from tests.waiting import eventually

pytestmark = pytest.mark.cluster
SECRET = b"s3cret"


def send(agent: Agent, document: object, *, secret: bytes = SECRET) -> int:
    """The status of a signed delivery."""
    port = eventually(lambda: agent.said("listening for webhooks"), seconds=SECONDS)[-1]["port"]
    body, stamp = orjson.dumps(document), str(int(time.time()))
    proof = hmac.new(secret, f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    headers = {"X-Gitops-Agent-Timestamp": stamp, "X-Gitops-Agent-Signature": f"sha256={proof}"}
    url = f"http://127.0.0.1:{port}/hooks/generic"
    return urllib3.request("POST", url, body=body, headers=headers, retries=False, timeout=SECONDS).status


def test_a_push_is_applied_when_its_webhook_comes(own: Tenant) -> None:
    secret = {"generic": base64.b64encode(b"old\n" + SECRET).decode()}
    metadata = {"name": "gitops-agent-webhooks", "namespace": own.installed.namespace}
    apply(own.installed.plane, {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": secret})
    own.agent = agent = own.installed.start(settings={"webhooks__enabled": "true", "webhooks__port": "0"})
    first = own.commit(files(config_map("good")))
    own.declare(sync={"interval": "1h"})
    own.settled(first)

    second = own.repository.commit(files(config_map("good", key="newer")))
    hint = {"repository": own.repository.url, "ref": "refs/heads/main", "commit": second}
    assert send(agent, hint, secret=b"wrong") == 401
    assert send(agent, hint) == 202

    own.settled(second)
    assert agent.metric("gitops_agent_webhooks_total", sender="generic", result="accepted") == 1.0
    assert agent.metric("gitops_agent_webhooks_total", sender="generic", result="refused") == 1.0
