"""Only listed Vaults are asked, and once for each file."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from gitops_agent.render.decryption.errors import DecryptionFailed, KeyUnavailable
from gitops_agent.render.decryption.keyring import Keyring
from gitops_agent.render.decryption.keys.kind import KeyMaterial
from gitops_agent.render.decryption.keys.service import DataKeyCache
from gitops_agent.render.decryption.metadata import KeySlot
from tests.notify.receiver import Handler, Receiver, Told

KEY = bytes(range(32))


def answering(status: int = 200, body: bytes | None = None) -> Callable[[Told, Handler], None]:
    content = json.dumps({"data": {"plaintext": base64.b64encode(KEY).decode()}}).encode() if body is None else body
    return lambda _, handler: handler.answer(status, content)


def slot(address: str, enc: str, *, engine: str = "sops", name: str = "shop") -> KeySlot:
    fields = {"vault_address": address, "engine_path": engine, "key_name": name, "enc": enc}
    return KeySlot(kind="hc_vault", enc=enc, fields=fields)


def keyring(address: str, token: bytes = b"t0ken\n") -> Keyring:
    data = {"sops.vault-token": token} if token else {}
    return Keyring(KeyMaterial(source="the Secret keys", data=data, endpoints=(f"{address}/",)))


def address(receiver: Receiver) -> str:
    return f"http://127.0.0.1:{receiver.port}"


def test_a_listed_vault_is_asked_once_for_a_file(tmp_path: Path) -> None:
    with Receiver(answering()) as receiver:
        enc = f"vault:v1:{tmp_path}"
        for _ in range(3):
            assert keyring(address(receiver)).data_key([slot(address(receiver), enc)], file="a.yaml") == KEY
        requests = receiver.told
    assert len(requests) == 1
    assert (requests[0].method, requests[0].path) == ("POST", "/v1/sops/decrypt/shop")
    assert requests[0].headers["x-vault-token"] == "t0ken"
    assert json.loads(requests[0].body) == {"ciphertext": enc}


def test_a_data_key_is_kept_for_its_token_only(tmp_path: Path) -> None:
    with Receiver(answering()) as receiver:
        for token in (b"one", b"two"):
            keyring(address(receiver), token).data_key([slot(address(receiver), f"vault:v1:{tmp_path}")], file="a.yaml")
        assert len(receiver.told) == 2


def test_another_vault_never_gets_a_byte(tmp_path: Path) -> None:
    with Receiver(answering()) as receiver:
        with pytest.raises(DecryptionFailed, match=r"is in a Vault that spec\.render\.decryption\.endpoints does not list"):
            keyring("https://vault.example.com").data_key([slot(address(receiver), f"v:{tmp_path}")], file="a.yaml")
        assert not receiver.told


@pytest.mark.parametrize(("engine", "name"), [("../sys", "x"), ("sops", "../../sys/seal"), ("sops", "a?b"), ("", "x")])
def test_a_name_that_leads_elsewhere_is_refused(engine: str, name: str, tmp_path: Path) -> None:
    with Receiver(answering()) as receiver:
        wrong = slot(address(receiver), f"v:{tmp_path}", engine=engine, name=name)
        with pytest.raises(DecryptionFailed, match="is no path of a Vault"):
            keyring(address(receiver)).data_key([wrong], file="a.yaml")
        assert not receiver.told


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_vault_that_is_busy_may_answer_later(status: int, tmp_path: Path) -> None:
    with Receiver(answering(status, b"{}")) as receiver, pytest.raises(KeyUnavailable) as caught:
        keyring(address(receiver)).data_key([slot(address(receiver), f"v:{tmp_path}")], file="a.yaml")
    assert caught.value.transient
    assert str(caught.value) == f"a.yaml: the Vault {address(receiver)} answers with {status}"


def test_a_vault_that_is_down_is_named_and_may_answer_later(tmp_path: Path) -> None:
    with Receiver(answering()) as receiver:
        closed = address(receiver)
    words = rf"a\.yaml: the Vault {closed} gives no answer: 127\.0\.0\.1 cannot be reached: .*refused"
    with pytest.raises(KeyUnavailable, match=words):
        keyring(closed).data_key([slot(closed, f"v:{tmp_path}")], file="a.yaml")


@pytest.mark.parametrize(("status", "body", "text"), [(403, b"{}", "is refused by its Vault"), (200, b"{}", "no data key")])
def test_a_vault_that_refuses_is_named(status: int, body: bytes, text: str, tmp_path: Path) -> None:
    with Receiver(answering(status, body)) as receiver, pytest.raises(DecryptionFailed, match=text) as caught:
        keyring(address(receiver)).data_key([slot(address(receiver), f"v:{tmp_path}")], file="a.yaml")
    assert "t0ken" not in str(caught.value)


def test_without_a_token_it_is_not_asked(tmp_path: Path) -> None:
    with pytest.raises(DecryptionFailed, match=r"the Secret keys has no key sops\.vault-token"):
        keyring("https://vault.example.com", b"").data_key([slot("https://vault.example.com", f"v:{tmp_path}")], file="a.yaml")


def test_a_data_key_is_forgotten_after_an_hour() -> None:
    now = [0.0]
    cache = DataKeyCache(clock=lambda: now[0])
    cache.put(b"a", KEY)
    now[0] = 3599
    assert cache.get(b"a") == KEY
    now[0] = 3601
    assert cache.get(b"a") is None
