"""Messages that arrive although receivers hang and agents die."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gitops_agent.manifest.key import Object
from tests.acceptance.installed_agent import InstalledAgent, apply
from tests.acceptance.objects import config_map, files
from tests.acceptance.tenant import Tenant
from tests.acceptance.webhook_receiver import WebhookReceiver

pytestmark = [pytest.mark.cluster, pytest.mark.faults]

SINGLE = {"leader__enabled": "false"}


@pytest.fixture
def hooks() -> Iterator[WebhookReceiver]:
    webhook_receiver = WebhookReceiver()
    yield webhook_receiver
    webhook_receiver.stop()


def notifier(installed: InstalledAgent, name: str, url: str, **spec: object) -> Object:
    """Creates a Notifier for a webhook."""
    return apply(
        installed.plane,
        {
            "apiVersion": "gitops-agent.dev/v1alpha1",
            "kind": "Notifier",
            "metadata": {"name": name, "namespace": installed.namespace},
            "spec": {"provider": "webhook", "address": url, **spec},
        },
    )


def test_a_message_survives_the_death_of_the_agent_that_was_delivering_it(own: Tenant, hooks: WebhookReceiver) -> None:
    hooks.hang = True
    notifier(own.installed, "hooks", hooks.url, events=["Synced"])
    agent = own.agent = own.installed.start(settings=SINGLE)
    commit = own.commit(files(config_map("good")))
    own.declare()
    own.settled(commit)
    own.until(hooks.begun.is_set, "the message is under way")
    agent.kill()

    hooks.hang = False
    own.agent = own.installed.start("again", settings=SINGLE)

    own.until(lambda: [message for message in hooks.of("Synced") if message["revision"]["commit"] == commit], "it arrives")


def test_a_receiver_that_hangs_slows_nothing_else(own: Tenant, hooks: WebhookReceiver) -> None:
    deaf = WebhookReceiver()
    deaf.hang = True
    try:
        notifier(own.installed, "deaf", deaf.url)
        notifier(own.installed, "hooks", hooks.url)
        own.agent = own.installed.start(settings=SINGLE)
        for number in range(3):
            commit = own.commit(files(config_map("good", key=str(number))))
            own.declare()
            own.settled(commit)

        own.until(lambda: len(hooks.of("Synced")) == 3, "the other receiver hears of everything")
        own.until(deaf.begun.is_set, "the one that hangs was asked as well")
        assert deaf.messages == []
        assert own.agent.stop() == 0
    finally:
        deaf.stop()


def test_edges_are_sent_once_and_levels_never(own: Tenant, hooks: WebhookReceiver) -> None:
    notifier(own.installed, "hooks", hooks.url)
    own.agent = own.installed.start(settings=SINGLE)
    first = own.commit(files(config_map("good")))
    own.declare()
    own.settled(first)
    own.repository.vanish()
    own.ask()
    own.until(lambda: hooks.of("SourceUnavailable"), "the repository is told to be away")
    own.looked(times=3)
    own.repository.come_back()
    own.ask()
    own.until(lambda: hooks.of("SourceRecovered"), "the repository is told to be back")

    assert len(hooks.of("SourceUnavailable")) == 1
    assert len(hooks.of("SourceRecovered")) == 1
    assert len(hooks.of("Synced")) == 1
