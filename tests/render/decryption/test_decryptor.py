"""Files that sops encrypted are decrypted, or refused with what to do."""

from __future__ import annotations

import base64
import json
import re

import pytest

from gitops_agent.manifest.yaml import load_all
from gitops_agent.render.decryption.decryptor import Plaintext, decrypt, is_encrypted
from gitops_agent.render.decryption.errors import DecryptionFailed
from gitops_agent.render.decryption.keyring import Keyring
from gitops_agent.render.decryption.keys.kind import KeyMaterial
from tests.render.decryption.sops import Sops

PASSWORD = "hunter22-of-the-shop"
SECRET = f"""apiVersion: v1
kind: Secret
metadata:
  name: db
  namespace: shop
type: Opaque
stringData:
  password: {PASSWORD}
  user: web
"""
DATA_ONLY = ("--encrypted-regex", "^(data|stringData)$")


def opened(path: str, data: bytes, sops: Sops) -> Plaintext:
    plaintext = decrypt(path, data, sops.keyring())
    assert plaintext is not None
    return plaintext


def refusal(path: str, data: bytes, keys: Keyring) -> str:
    with pytest.raises(DecryptionFailed) as caught:
        decrypt(path, data, keys)
    assert caught.value.reason == "DecryptionFailed"
    assert PASSWORD not in f"{caught.value.message} {caught.value.facts}"
    return caught.value.message


@pytest.mark.parametrize("options", [(), DATA_ONLY, (*DATA_ONLY, "--mac-only-encrypted")], ids=["whole", "data", "mac"])
def test_an_object_is_what_it_was_before(sops: Sops, options: tuple[str, ...]) -> None:
    encrypted = sops.encrypt("db.yaml", SECRET, *options)
    assert PASSWORD.encode() not in encrypted
    plaintext = opened("apps/db.yaml", encrypted, sops)
    assert load_all(plaintext.data) == load_all(SECRET.encode())
    assert dict(plaintext.secrets) == {"/stringData/password": PASSWORD, "/stringData/user": "web"}
    assert PASSWORD not in repr(plaintext)


def test_documents_of_one_file_share_their_mac(sops: Sops) -> None:
    text = f"{SECRET}---\n{SECRET.replace('name: db', 'name: other')}"
    assert load_all(opened("db.yaml", sops.encrypt("db.yaml", text), sops).data) == load_all(text.encode())


def test_files_that_were_joined_after_encryption_are_decrypted_one_by_one(sops: Sops) -> None:
    plain = "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n"
    other = sops.encrypt("other.yaml", SECRET.replace("name: db", "name: other"), *DATA_ONLY)
    joined = b"---\n".join([plain.encode(), sops.encrypt("db.yaml", SECRET, *DATA_ONLY), other])
    names = [document["metadata"]["name"] for document in load_all(opened("all.yaml", joined, sops).data)]
    assert names == ["shop", "db", "other"]


def test_json(sops: Sops) -> None:
    text = json.dumps({"a": {"password": PASSWORD, "n": 1.5, "list": [1, True, None, ""]}, "plain_unencrypted": 7})
    plaintext = opened("values.json", sops.encrypt("values.json", text), sops)
    assert json.loads(plaintext.data) == json.loads(text)
    assert ("/a/password", PASSWORD) in plaintext.secrets


def test_dotenv(sops: Sops) -> None:
    text = f"# a comment\nPASSWORD={PASSWORD}\nEMPTY=\nLINES=one\\ntwo\n"
    encrypted = sops.encrypt("db.env", text)
    plaintext = opened("db.env", encrypted, sops)
    assert plaintext.data == sops.decrypt("db.env", encrypted).replace(b"# a comment\n", b"")
    assert opened("settings", encrypted, sops).data == plaintext.data


@pytest.mark.parametrize("content", [b"\x00\xff\xfe binary", b"plain text\n", b'{"json": 1}'])
def test_a_binary_file_comes_out_byte_by_byte(sops: Sops, content: bytes) -> None:
    assert opened("tls.key", sops.encrypt("tls.key", content), sops).data == content


def test_a_file_that_is_not_encrypted_is_left_alone(sops: Sops) -> None:
    for text in (SECRET, "", "sops: text about sops\n", "a: ENC[AES256_GCM,data:x]\n", "{"):
        assert decrypt("a.yaml", text.encode(), sops.keyring()) is None
        assert not is_encrypted(text.encode())


@pytest.mark.parametrize("name", ["gitops-agent.dev/decrypt", "kustomize.toolkit.fluxcd.io/decrypt"])
def test_an_object_that_opts_out_stays_encrypted(sops: Sops, name: str) -> None:
    text = SECRET.replace("  namespace: shop\n", f"  annotations: {{{name}: disabled}}\n")
    assert decrypt("db.yaml", sops.encrypt("db.yaml", text, *DATA_ONLY), sops.keyring()) is None


def test_an_object_that_a_controller_decrypts_stays_encrypted(sops: Sops) -> None:
    text = SECRET.replace("apiVersion: v1", "apiVersion: isindir.github.com/v1alpha3").replace(
        "kind: Secret", "kind: SopsSecret"
    )
    assert decrypt("db.yaml", sops.encrypt("db.yaml", text, *DATA_ONLY), sops.keyring()) is None


def test_without_a_key_the_recipients_are_named(sops: Sops) -> None:
    message = refusal("apps/db.yaml", sops.encrypt("db.yaml", SECRET), Keyring(KeyMaterial(source="the Secret keys", data={})))
    assert message == (
        f"apps/db.yaml cannot be decrypted: none of its keys (age recipient {sops.recipient[:9]}…) is in the Secret keys"
    )


def test_another_identity_opens_nothing(sops: Sops) -> None:
    other = Sops(folder=sops.folder)
    assert "none of its keys" in refusal("db.yaml", sops.encrypt("db.yaml", SECRET), other.keyring())


@pytest.mark.parametrize("part", ["password", "name", "type", "mac", "lastmodified"])
def test_every_change_of_a_value_is_noticed(sops: Sops, part: str) -> None:
    text = sops.encrypt("db.yaml", SECRET, *DATA_ONLY).decode()
    replaced = {
        "password": re.sub(r"(password: ENC\[AES256_GCM,data:)(.)", lambda m: m[1] + ("A" if m[2] != "A" else "B"), text),
        "name": text.replace("name: db", "name: da"),
        "type": text.replace("type: Opaque", "type: Opaquf"),
        "mac": re.sub(r"(mac: ENC\[AES256_GCM,data:)(.)", lambda m: m[1] + ("A" if m[2] != "A" else "B"), text),
        "lastmodified": re.sub(r'(lastmodified: ")\d', r"\g<1>3", text),
    }[part]
    assert replaced != text
    assert "sops" in refusal("db.yaml", replaced.encode(), sops.keyring())


def test_a_value_decrypts_in_its_own_place_only(sops: Sops) -> None:
    text = sops.encrypt("db.yaml", SECRET, *DATA_ONLY).decode()
    swapped = (
        text.replace("    password: ", "    SWAP: ").replace("    user: ", "    password: ").replace("    SWAP: ", "    user: ")
    )
    assert "was moved or changed" in refusal("db.yaml", swapped.encode(), sops.keyring())


def test_a_value_that_was_taken_away_is_noticed(sops: Sops) -> None:
    lines = sops.encrypt("db.yaml", SECRET, *DATA_ONLY).decode().splitlines(keepends=True)
    assert "MAC" in refusal("db.yaml", "".join(line for line in lines if "user:" not in line).encode(), sops.keyring())


def test_a_changed_kind_is_noticed(sops: Sops) -> None:
    flipped = sops.encrypt("db.yaml", SECRET, *DATA_ONLY).replace(b"kind: Secret", b"kind: ConfigMap")
    assert "MAC" in refusal("db.yaml", flipped, sops.keyring())


def test_what_the_mac_does_not_cover(sops: Sops) -> None:
    """Names of plain fields, comments and spaces."""
    text = sops.encrypt("db.yaml", SECRET, *DATA_ONLY).decode()
    for changed in (text.replace("namespace: shop", "label: shop"), f"# a comment\n{text}", text.replace("\n", "\n\n", 1)):
        assert changed != text
        assert opened("db.yaml", changed.encode(), sops).secrets


@pytest.mark.parametrize("value", ['""', None], ids=["empty", "removed"])
def test_a_file_without_mac_is_refused(sops: Sops, value: str | None) -> None:
    text = sops.encrypt("db.yaml", SECRET).decode()
    without = re.sub(r"    mac: .*\n", f"    mac: {value}\n" if value else "", text)
    assert "has no MAC" in refusal("db.yaml", without.encode(), sops.keyring())


def test_two_blocks_of_metadata_in_one_document_are_refused(sops: Sops) -> None:
    text = sops.encrypt("db.yaml", SECRET).decode()
    assert "twice" in refusal("db.yaml", (text + text[text.index("sops:") :]).encode(), sops.keyring())


def test_a_plain_value_where_an_encrypted_one_belongs_is_refused(sops: Sops) -> None:
    text = re.sub(r"    user: .*\n", "    user: web\n", sops.encrypt("db.yaml", SECRET, *DATA_ONLY).decode())
    assert "/stringData/user is not encrypted" in refusal("db.yaml", text.encode(), sops.keyring())


def test_anchors_are_refused(sops: Sops) -> None:
    text = sops.encrypt("db.yaml", SECRET, *DATA_ONLY).decode().replace("type: Opaque", "type: &t Opaque")
    assert "anchor" in refusal("db.yaml", text.encode(), sops.keyring())


def test_values_that_are_no_text_cannot_be_in_an_object(sops: Sops) -> None:
    binary = base64.b64encode(bytes((255, 254, 0))).decode()
    text = f"a: !!binary {binary}\n"
    assert "is not UTF-8" in refusal("a.yaml", sops.encrypt("a.yaml", text), sops.keyring())


def test_keys_of_several_groups_are_refused(sops: Sops) -> None:
    text = sops.encrypt("db.yaml", SECRET).decode()
    block = text[text.index("    age:") : text.index("    lastmodified:")]
    groups = "    key_groups:\n" + 2 * ("        - " + block.strip().replace("\n", "\n      ") + "\n")
    assert "several groups" in refusal("db.yaml", text.replace(block, groups).encode(), sops.keyring())
