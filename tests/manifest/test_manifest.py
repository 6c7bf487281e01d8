from __future__ import annotations

from gitops_agent.manifest.key import ObjectKey
from gitops_agent.manifest.manifest import Manifest


def config(**data: str) -> dict[str, object]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"namespace": "shop", "name": "web"}, "data": data}


def test_a_manifest_knows_its_identity_and_place() -> None:
    manifest = Manifest.of(config(), file="apps/web.yaml", document=1)
    assert manifest.key == ObjectKey("", "ConfigMap", "shop", "web")
    assert manifest.place == "apps/web.yaml (document 2)"


def test_without_a_file_the_place_is_the_render() -> None:
    assert Manifest.of(config()).place == "the render (document 1)"


def test_other_content_has_another_digest() -> None:
    assert Manifest.of(config(a="1")).digest != Manifest.of(config(a="2")).digest


def test_a_changed_object_keeps_its_provenance() -> None:
    before = Manifest.of(config(a="1"), file="web.yaml", document=3)
    after = before.with_object(config(a="2"))
    assert (after.file, after.document, after.digest) == ("web.yaml", 3, Manifest.of(config(a="2")).digest)


def test_the_object_is_not_printed_with_the_manifest() -> None:
    assert "hunter2" not in repr(Manifest.of(config(password="hunter2")))
