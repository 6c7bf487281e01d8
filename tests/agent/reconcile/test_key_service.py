"""A key service that goes away, on a real API server."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.agent.cluster_env import ClusterEnv
from tests.agent.samples import config_map
from tests.notify.receiver import Handler, Receiver, Told
from tests.render.decryption.sops import Sops

pytestmark = pytest.mark.cluster

SECRET = "apiVersion: v1\nkind: Secret\nmetadata: {name: token}\nstringData: {password: %s}\n"
PREFIX = "vault:v1:"


class TransitEngine:
    """A Vault that hangs up while it is away.

    Its ciphertext is the plaintext.
    """

    def __init__(self) -> None:
        self.away = threading.Event()
        self.opened = 0

    def __call__(self, request: Told, handler: Handler) -> None:
        if self.away.is_set():
            return
        if "/encrypt/" in request.path:
            data = {"ciphertext": PREFIX + request.json["plaintext"]}
        else:
            self.opened += 1
            data = {"plaintext": request.json["ciphertext"].removeprefix(PREFIX)}
        handler.answer(200, json.dumps({"data": data}).encode(), content_type="application/json")


@pytest.fixture
def engine() -> TransitEngine:
    return TransitEngine()


@pytest.fixture
def vault(engine: TransitEngine) -> Iterator[str]:
    """The address of a Vault."""
    with Receiver(engine) as receiver:
        yield f"http://127.0.0.1:{receiver.port}"


def encrypted(folder: Path, vault: str, password: str) -> str:
    """A Secret that sops encrypted with a key of the Vault."""
    return Sops(folder=folder).by_vault(f"{vault}/v1/sops/keys/shop", "db.yaml", SECRET % password).decode()


def password(world: ClusterEnv) -> str:
    live = world.live("token", "Secret")
    return str(live["data"]["password"]) if live is not None else ""


def test_a_key_service_that_is_away_leaves_the_last_good_state_and_is_waited_for(
    world: ClusterEnv, engine: TransitEngine, vault: str, tmp_path: Path
) -> None:
    keys = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "keys", "namespace": world.home}}
    world.objects.apply({**keys, "stringData": {"sops.vault-token": "t0ken"}})
    files = {"shop/db.yaml": encrypted(tmp_path, vault, "one"), "shop/one.yaml": config_map("one", colour="red")}
    good = world.commit(files)
    decryption = {"provider": "sops", "secretRef": {"name": "keys"}, "endpoints": [vault]}
    world.create("shop", render={"decryption": decryption}, sync={"prune": True})
    world.await_synced("shop", good)
    before, opened = password(world), engine.opened

    next_file = encrypted(tmp_path, vault, "two")
    engine.away.set()
    newer = world.commit({"shop/db.yaml": next_file})
    message = world.await_reason("shop", "KeyUnavailable")

    assert message.startswith(f"shop/db.yaml: the Vault {vault} gives no answer: ")
    world.edit("one", {"data": {"colour": "by hand"}})
    world.until(lambda: world.data("one") == {"colour": "red"}, "drift is repaired from the last good commit")
    assert (password(world), world.status("shop")["sync"]["revision"]) == (before, good)

    engine.away.clear()
    world.await_synced("shop", newer)
    assert engine.opened == opened + 1
    assert password(world) != before
    assert world.data("one") is None
