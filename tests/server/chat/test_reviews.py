from __future__ import annotations

import pytest

from gitops_agent.cluster.client import Actor, ClusterClient
from gitops_agent.errors import Forbidden
from gitops_agent.manifest.key import AppKey
from gitops_agent.manifest.kinds import APPLICATION
from gitops_agent.server.chat.identities import Person
from gitops_agent.server.chat.reviews import Reviews
from tests.cli.cluster_env import ClusterEnv

pytestmark = [pytest.mark.cluster, pytest.mark.slow]


def test_a_refusal_has_the_words_of_the_api_server(stage: ClusterEnv, access: ClusterClient) -> None:
    account = ClusterClient.open(str(stage.plane.service_account_kubeconfig(stage.namespace, "default")), None, stage.namespace)
    user = f"system:serviceaccount:{stage.namespace}:default"
    reviews = Reviews(access, Person(actor=Actor(user=user, via="slack/T1/U1"), groups=(), authors=()))
    stage.application("shop")

    with pytest.raises(Forbidden) as theirs:
        account.objects.merge_patch(APPLICATION.named(stage.namespace, "shop"), {"spec": {"suspend": {"reason": "x"}}})
    with pytest.raises(Forbidden) as ours:
        reviews.demand("patch", "applications", AppKey(stage.namespace, "shop"))
    assert str(ours.value) in str(theirs.value)
