from __future__ import annotations

import pytest

from gitops_agent.errors import Forbidden, Invalid
from gitops_agent.sync.apply.missing_accounts import name_missing
from tests.sync.cluster_env import ClusterEnv
from tests.sync.samples import thing

pytestmark = pytest.mark.cluster
CONFIG = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "web"}, "data": {"a": "1"}}


def test_a_service_account_that_does_not_exist_is_named(stage: ClusterEnv) -> None:
    ghost = f"system:serviceaccount:{stage.namespace}:ghost"
    refusals = (
        stage.executor.execute(stage.plan(CONFIG), as_user=ghost).errors,
        stage.executor.preflight(stage.plan(CONFIG), as_user=ghost),
    )

    missing = f"ServiceAccount {stage.namespace}/ghost, which spec.serviceAccountName names, does not exist: create it"
    for errors in refusals:
        assert [(error.reason, str(error).startswith(missing)) for error in errors.values()] == [("Forbidden", True)]

    stage.objects.create(thing("ServiceAccount", "ghost", namespace=stage.namespace))
    assert 'User "system:' in str(stage.executor.preflight(stage.plan(CONFIG), as_user=ghost))


def test_only_refusals_of_the_account_are_rewritten(stage: ClusterEnv) -> None:
    def said(as_user: str | None, *errors: Forbidden | Invalid) -> list[str]:
        name_missing(stage.objects, errors, as_user)
        return [str(error) for error in errors]

    ghost = f"system:serviceaccount:{stage.namespace}:ghost"
    assert said(ghost, Invalid("bad")) == ["bad"]
    assert said(None, Forbidden("no")) == ["no"]
    assert said("ada", Forbidden("no")) == ["no"]
    assert "does not exist" in said(ghost, Forbidden("no"))[0]
