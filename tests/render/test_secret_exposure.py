"""Secret values stay inside Secrets."""

from __future__ import annotations

import base64
import gzip

import pytest

from gitops_agent.manifest.key import Object
from gitops_agent.manifest.manifest import Manifest
from gitops_agent.render.secret_exposure import RenderSecrets, SecretExposed

PASSWORD = "hunter22-of-the-shop"


def remembered(*values: str) -> RenderSecrets:
    secrets = RenderSecrets()
    for value in values or (PASSWORD,):
        secrets.add(value, "secrets/db.enc.yaml /stringData/password")
    return secrets


def manifest(kind: str, **fields: object) -> Manifest:
    version = "v1" if kind in ("Secret", "ConfigMap", "Pod") else "apps/v1"
    obj: Object = {"apiVersion": version, "kind": kind, "metadata": {"name": "db", "namespace": "shop"}, **fields}
    return Manifest.of(obj, file="shop/db.yaml")


def test_a_secret_may_hold_it_as_text_and_in_base64() -> None:
    encoded = base64.b64encode(PASSWORD.encode()).decode()
    remembered().check([manifest("Secret", data={"a": encoded}), manifest("Secret", stringData={"a": PASSWORD})])


@pytest.mark.parametrize(
    "value",
    [PASSWORD, f"postgres://web:{PASSWORD}@db", base64.b64encode(PASSWORD.encode()).decode(), f"-----\n{PASSWORD}\n-----"],
    ids=["whole", "within a text", "in base64", "a line of a text"],
)
def test_another_object_may_not(value: str) -> None:
    with pytest.raises(SecretExposed) as caught:
        remembered().check([manifest("ConfigMap", data={"url": value})])
    error = caught.value
    assert error.reason == "SecretExposed"
    assert error.facts["file"] == "shop/db.yaml"
    assert error.facts["object"] == "ConfigMap:shop/db"
    assert error.facts["path"] == "data.url"
    assert "secretGenerator" in error.message
    assert PASSWORD not in f"{error.message} {error.facts}"


def test_nor_may_the_labels_and_names_of_a_secret() -> None:
    labelled = manifest("Secret", metadata={"name": "db", "namespace": "shop", "labels": {"owner": PASSWORD}})
    with pytest.raises(SecretExposed, match=r"metadata\.labels\.owner"):
        remembered().check([labelled])
    keyed = manifest("ConfigMap", data={PASSWORD: "x"})
    with pytest.raises(SecretExposed) as caught:
        remembered().check([keyed])
    assert PASSWORD not in caught.value.message


def test_one_line_of_a_text_of_several_lines_is_secret_too() -> None:
    secrets = remembered("-----BEGIN KEY-----\nc2VjcmV0LXNlY3JldA\n-----END KEY-----\n")
    with pytest.raises(SecretExposed):
        secrets.check([manifest("Pod", spec={"containers": [{"args": ["c2VjcmV0LXNlY3JldA"]}]})])


def test_a_number_is_looked_for_as_well() -> None:
    with pytest.raises(SecretExposed, match=r"spec\.containers\[0\]\.pin"):
        remembered("4711471147").check([manifest("Pod", spec={"containers": [{"pin": 4711471147}]})])


@pytest.mark.parametrize("value", ["short", "default", "production", "true", "     "])
def test_short_and_meaningless_values_are_left_out(value: str) -> None:
    secrets = remembered(value)
    assert not secrets
    secrets.check([manifest("ConfigMap", data={"a": value})])


def test_what_the_files_say_in_the_clear_is_no_secret() -> None:
    object_ = manifest("Pod", spec={"containers": [{"image": "postgres:16"}]})
    secrets = remembered("postgres")
    with pytest.raises(SecretExposed):
        secrets.check([object_], public=lambda: [b"kind: Pod"])
    secrets.check([object_], public=lambda: [b"kind: Pod", b"image: postgres:16"])
    secrets.check([object_], public=lambda: [gzip.compress(b"image: postgres:16")])


def test_the_files_are_read_only_when_something_was_found() -> None:
    def unread() -> list[bytes]:
        raise AssertionError("the files were read")

    remembered().check([manifest("Secret", stringData={"a": PASSWORD}), manifest("ConfigMap", data={"a": "b"})], public=unread)


def test_texts_lose_every_form_of_it() -> None:
    encoded = base64.b64encode(PASSWORD.encode()).decode()
    assert remembered().without(f"a {PASSWORD} b {encoded} c") == "a *** b *** c"
