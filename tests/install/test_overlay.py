"""The files of an overlay, rendered by the real kustomize."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitops_agent import __version__
from gitops_agent.api.parse import parse
from gitops_agent.config import load
from gitops_agent.errors import UsageError
from gitops_agent.install import bootstrap, bundle
from gitops_agent.install.overlay import Image, Overlay, copied_image, copied_version, following, lists_folder
from gitops_agent.manifest.canonical import copy
from gitops_agent.manifest.key import Object, ObjectKey

pytestmark = pytest.mark.slow
DIGEST = "sha256:" + "a" * 64


def overlay(url: str = "https://git.example.com/config.git", image: str = "registry.example.com/agent:0.1.0") -> Overlay:
    return Overlay(
        url=url,
        branch="main",
        path="clusters/a",
        name="root",
        secret="git",
        cluster_uid="a1",
        image=Image.parse(image),
    )


def written(root: Path, made: Overlay) -> list[Object]:
    """What kustomize makes of the files."""
    bootstrap.Layout.read(root, made.path).write(made, new_cluster=False)
    return bootstrap.rendered(root, made.path)


def one(objects: list[Object], kind: str) -> Object:
    (match,) = (obj for obj in objects if obj["kind"] == kind)
    return match


@pytest.mark.parametrize(
    ("text", "name", "tag", "digest"),
    [
        ("agent:1", "agent", "1", ""),
        ("registry.example.com:5000/team/agent:0.1.0", "registry.example.com:5000/team/agent", "0.1.0", ""),
        (f"registry.example.com/agent@{DIGEST}", "registry.example.com/agent", "", DIGEST),
        (f"agent:0.1.0@{DIGEST}", "agent", "0.1.0", DIGEST),
    ],
)
def test_an_image_is_read_into_its_parts(text: str, name: str, tag: str, digest: str) -> None:
    image = Image.parse(text)

    assert (image.name, image.tag, image.digest, str(image)) == (name, tag, digest, text)


@pytest.mark.parametrize("text", ["agent", "registry.example.com:5000/agent", "agent:", "a b:1", f"agent@{DIGEST[:-1]}"])
def test_an_image_without_a_version_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="name an image with its tag"):
        Image.parse(text)


def test_it_applies_what_install_applies_beside_the_image_and_the_settings(tmp_path: Path) -> None:
    def compared(objects: list[Object]) -> dict[ObjectKey, Object]:
        result = {}
        for obj in map(copy, objects):
            if obj["kind"] == "ConfigMap":
                obj["metadata"]["name"] = obj["data"] = "settings"
            if obj["kind"] == "Deployment":
                spec = obj["spec"]["template"]["spec"]
                spec["volumes"][0] = spec["containers"][0]["image"] = spec["containers"][1]["image"] = "changed"
            result[ObjectKey.of(obj)] = obj
        return result

    made = written(tmp_path, overlay())

    installed = compared(bundle.manifests(bundle.Flavour.FULL))
    assert compared([obj for obj in made if obj["kind"] != "Application"]) == installed


@pytest.mark.parametrize("image", ["registry.example.com/agent:0.1.0", f"registry.example.com/agent@{DIGEST}"])
def test_every_container_has_the_image(tmp_path: Path, image: str) -> None:
    containers = one(written(tmp_path, overlay(image=image)), "Deployment")["spec"]["template"]["spec"]["containers"]

    assert [container["image"] for container in containers] == [image, image]


def test_the_deployment_mounts_the_settings_that_name_the_cluster(tmp_path: Path) -> None:
    objects = written(tmp_path, overlay())
    config = one(objects, "ConfigMap")
    (tmp_path / "config.yaml").write_text(config["data"]["config.yaml"])
    volumes = one(objects, "Deployment")["spec"]["template"]["spec"]["volumes"]
    settings = load(tmp_path / "config.yaml", {}, {}).settings

    assert config["metadata"]["name"] in [volume.get("configMap", {}).get("name") for volume in volumes]
    assert config["metadata"]["labels"]["app.kubernetes.io/part-of"] == "gitops-agent"
    assert (settings.cluster.uid, settings.source.allow_file) == ("a1", False)


def test_a_repository_of_the_file_system_is_allowed_by_the_settings(tmp_path: Path) -> None:
    config = one(written(tmp_path, overlay(url="file:///srv/config.git")), "ConfigMap")
    (tmp_path / "config.yaml").write_text(config["data"]["config.yaml"])

    assert load(tmp_path / "config.yaml", {}, {}).settings.source.allow_file


def test_the_root_application_follows_the_path_and_keeps_the_agent_when_it_goes(tmp_path: Path) -> None:
    root = one(written(tmp_path, overlay()), "Application")
    spec = parse(root).spec

    assert spec.source.ref is not None
    assert (spec.source.path, spec.source.ref.branch, spec.source.secret_ref and spec.source.secret_ref.name) == (
        "clusters/a",
        "main",
        "git",
    )
    assert (spec.destination.cluster_uid, spec.deletion_policy.value) == ("a1", "orphan")


def test_components_lie_beside_the_manifests(tmp_path: Path) -> None:
    made = overlay()
    written(tmp_path, made)
    kustomization = tmp_path / "clusters/a/gitops-agent/kustomization.yaml"
    text = kustomization.read_text()
    kustomization.write_text(text.replace("components: []", "components: [deploy/components/network/prometheus]"))

    names = {obj["metadata"]["name"] for obj in written(tmp_path, made) if obj["kind"] == "NetworkPolicy"}

    assert names == {"gitops-agent", "gitops-agent-prometheus"}


def test_the_image_and_the_version_can_be_read_again() -> None:
    made = overlay().generated()

    assert copied_image(made["deploy/kustomization.yaml"]) == Image(name="registry.example.com/agent", tag="0.1.0")
    assert copied_version(made["deploy/base/kustomization.yaml"]) == __version__


def test_the_tag_follows_the_version_where_it_was_the_version() -> None:
    assert following(Image(name="a", tag="0.0.9"), "0.0.9") == Image(name="a", tag=__version__)
    assert following(Image(name="a", tag="mine"), __version__) == Image(name="a", tag="mine")
    with pytest.raises(UsageError, match=r"a:mine is the image of version 0\.0\.9: name that of"):
        following(Image(name="a", tag="mine"), "0.0.9")


@pytest.mark.parametrize(("entry", "listed"), [("gitops-agent", True), ("./gitops-agent/", True), ("gitops-agent-2", False)])
def test_a_kustomization_lists_the_folder_or_not(entry: str, *, listed: bool) -> None:
    assert lists_folder(f"resources: [{entry}, shop.yaml]\n".encode()) is listed
