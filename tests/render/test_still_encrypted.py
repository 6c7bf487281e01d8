"""Objects whose values are ciphertext are recognised."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from gitops_agent.manifest.key import Object
from gitops_agent.manifest.yaml import load_all
from gitops_agent.render.still_encrypted import ciphertext
from tests.render.decryption.sops import Sops

SECRET = "apiVersion: v1\nkind: Secret\nmetadata: {name: db}\nstringData: {password: hunter22}\n"


@pytest.fixture
def encrypted(tmp_path: Path) -> Object:
    data = Sops(folder=tmp_path).encrypt("db.yaml", SECRET, "--encrypted-regex", "^stringData$")
    obj: Object = load_all(data)[0]
    return obj


def without_block(obj: Object) -> Object:
    return {name: value for name, value in obj.items() if name != "sops"}


def test_a_plain_object_is_none() -> None:
    assert ciphertext(load_all(SECRET.encode())[0]) == ""
    about: Object = {"kind": "ConfigMap", "data": {"a": "ENC[AES256_GCM, is how it begins", "sops": "a word"}}
    assert ciphertext(about) == ""


def test_the_block_of_sops_and_its_values(encrypted: Object) -> None:
    assert ciphertext(encrypted) == "sops"
    assert ciphertext(without_block(encrypted)) == "stringData.password"


def test_the_data_of_a_secret_is_decoded(encrypted: Object, tmp_path: Path) -> None:
    value = encrypted["stringData"]["password"]
    encoded = base64.b64encode(value.encode()).decode()
    assert ciphertext({"kind": "Secret", "data": {"password": encoded}}) == "data.password"
    env = Sops(folder=tmp_path).encrypt("db.env", "A=b\n")
    assert ciphertext({"kind": "Secret", "data": {"db.env": base64.b64encode(env).decode()}}) == "data.db.env"
    assert ciphertext({"kind": "Secret", "data": {"plain": "YWJj", "broken": "%", "number": 5}}) == ""


def test_what_is_to_stay_encrypted_does(encrypted: Object) -> None:
    kept = {**encrypted, "metadata": {"name": "db", "annotations": {"gitops-agent.dev/decrypt": "disabled"}}}
    assert ciphertext(kept) == ""
    by_design = {**encrypted, "apiVersion": "isindir.github.com/v1alpha3", "kind": "SopsSecret"}
    assert ciphertext(by_design) == ""
