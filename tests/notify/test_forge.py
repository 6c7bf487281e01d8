from __future__ import annotations

from dataclasses import replace

import pytest

from gitops_agent.api.notifier import Provider
from gitops_agent.notify.forge import Deployment
from gitops_agent.notify.providers import DEPLOYMENTS
from tests.notify.builders import COMMIT, spec
from tests.notify.senders import commit_status

SECRET = {"token": b"t"}


@pytest.mark.parametrize("name", sorted(DEPLOYMENTS))
def test_a_deployment_is_of_one_commit_to_one_environment(name: Provider) -> None:
    forge, wanted = DEPLOYMENTS[name], spec(name, repository="acme/config")
    deployment = Deployment(status=commit_status(), ref="main", environment="prod-eu")
    made = forge.create_deployment(deployment, SECRET, wanted)
    assert COMMIT in made.body.decode()
    assert '"environment":"prod-eu"' in made.body.decode()

    updated = forge.deployment_status(replace(deployment, id="4711"), SECRET, wanted)
    assert "deployments/4711" in updated.url
