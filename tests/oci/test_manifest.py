from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gitops_agent.errors import SourceError
from gitops_agent.oci import blob, manifest
from gitops_agent.oci.login import Login
from gitops_agent.oci.reference import Reference
from gitops_agent.oci.registry import Registries, Registry
from gitops_agent.oci.tags import TagLists
from tests.oci.artifacts import INDEX, MANIFEST, Artifact, artifact, descriptor, digest_of, index
from tests.oci.fake_registry import FakeRegistry
from tests.oci.real_registry import real_registry
from tests.source.certificates import Certificates

WEB = Reference.parse("oci://ghcr.io/acme/web")
LAYER = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"


def reader(fake: FakeRegistry) -> Registry:
    return Registry(fake.reference("acme/web"), shared=Registries(timeout_seconds=5))


def parsed(value: Any, content_type: str = MANIFEST) -> manifest.Manifest:
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    return manifest.parse(body, digest=digest_of(body), content_type=content_type, reference=WEB)


def test_a_tag_leads_to_a_manifest_and_its_blobs(fake: FakeRegistry) -> None:
    digest = fake.push("acme/web", artifact((b"chart", LAYER, {"a": "b"}), annotations={"x": "y"}), "1.0.0")

    assert manifest.resolve(reader(fake), "1.0.0") == digest
    assert manifest.resolve(reader(fake), "2.0.0") is None
    read = manifest.fetch(reader(fake), digest)
    assert (read.digest, read.media_type, read.annotations) == (digest, MANIFEST, {"x": "y"})
    assert [(layer.media_type, layer.annotations) for layer in read.layers] == [(LAYER, {"a": "b"})]
    assert blob.fetch(reader(fake), read.layers[0]) == b"chart"
    assert [method for method, _, _ in fake.seen] == ["HEAD", "HEAD", "GET", "GET"]


def test_a_registry_that_names_no_digest_is_read_for_it(fake: FakeRegistry) -> None:
    pushed = artifact((b"chart", LAYER))
    path = "/v2/acme/web/manifests/1.0.0"
    fake.overrides[path] = lambda handler: handler.say(200, pushed.manifest, Content_Type=MANIFEST)

    assert manifest.resolve(reader(fake), "1.0.0") == pushed.digest


def test_a_real_registry_gives_what_was_pushed(tmp_path: Path) -> None:
    pushed = artifact((b"chart" * 100_000, LAYER))
    with real_registry(tmp_path) as real:
        digest = real.push("acme/web", pushed, "1.0.0_build.1", "v2")
        registry = Registry(real.reference("acme/web"), shared=Registries())

        assert TagLists().read(registry) == ("1.0.0_build.1", "v2")
        assert manifest.resolve(registry, "v2") == digest
        assert manifest.resolve(registry, "v3") is None
        layer = manifest.fetch(registry, digest).layers[0]
        assert blob.fetch(registry, layer) == b"chart" * 100_000


def test_a_real_registry_asks_for_a_password(tmp_path: Path) -> None:
    with real_registry(tmp_path, user="u:p") as real:
        digest = real.push("acme/web", artifact((b"chart", LAYER)), "1")
        shared = Registries()

        login = Login(username="u", password="p")
        assert manifest.resolve(Registry(real.reference("acme/web"), login, shared=shared), "1") == digest
        for other in (Login(), Login(username="u", password="wrong")):
            with pytest.raises(SourceError) as caught:
                manifest.resolve(Registry(real.reference("acme/web"), other, shared=shared), "1")
            assert caught.value.reason == "AuthenticationFailed"


def test_an_authority_of_the_secret_is_believed_and_https_spoken(tmp_path: Path) -> None:
    certificates = Certificates(tmp_path)
    with real_registry(tmp_path, user="u:p", certificates=certificates) as real:
        digest = real.push("acme/web", artifact((b"chart", LAYER)), "1")
        login = Login(username="u", password="p", ca=certificates.text("ca.crt").encode())

        assert manifest.resolve(Registry(real.reference("acme/web"), login, shared=Registries()), "1") == digest
        (tmp_path / "other").mkdir()
        stranger = Login(username="u", password="p", ca=Certificates(tmp_path / "other").text("ca.crt").encode())
        with pytest.raises(SourceError, match="certificate"):
            manifest.resolve(Registry(real.reference("acme/web"), stranger, shared=Registries()), "1")


def test_other_bytes_than_those_of_the_digest_are_refused(fake: FakeRegistry) -> None:
    digest = fake.push("acme/web", artifact((b"good", LAYER)))
    evil = artifact((b"evil", LAYER))
    fake.manifests["acme/web", digest] = evil

    with pytest.raises(SourceError, match=f"arrived as {evil.digest[:19]}") as caught:
        manifest.fetch(reader(fake), digest)

    assert caught.value.reason == "BlobDamaged"


GOOD = json.loads(artifact((b"chart", LAYER)).manifest)
LIST = json.loads(index(descriptor(b"m", MANIFEST)).manifest)


@pytest.mark.parametrize(
    ("value", "content_type"),
    [
        (GOOD, INDEX),
        (LIST, MANIFEST),
        ({**GOOD, "mediaType": INDEX}, MANIFEST),
        ({**GOOD, "manifests": []}, MANIFEST),
        ({**LIST, "layers": []}, INDEX),
        ({key: value for key, value in GOOD.items() if key != "config"}, MANIFEST),
        ({**GOOD, "schemaVersion": 1}, MANIFEST),
        ({**GOOD, "fsLayers": []}, MANIFEST),
        (GOOD, "application/vnd.docker.distribution.manifest.v1+prettyjws"),
        (GOOD, "text/html"),
        (GOOD, ""),
        ({**GOOD, "layers": [{**GOOD["layers"][0], "urls": ["https://evil.example"]}]}, MANIFEST),
        (
            {**GOOD, "layers": [{**GOOD["layers"][0], "mediaType": "application/vnd.oci.image.layer.nondistributable.v1.tar"}]},
            MANIFEST,
        ),
        ({**GOOD, "layers": [{**GOOD["layers"][0], "digest": "sha512:00"}]}, MANIFEST),
        ({**GOOD, "layers": [{**GOOD["layers"][0], "size": -1}]}, MANIFEST),
        ({**GOOD, "layers": [GOOD["layers"][0]] * 1001}, MANIFEST),
        ({**GOOD, "annotations": {"a": 1}}, MANIFEST),
        (b'{"schemaVersion": 2, "schemaVersion": 2}', MANIFEST),
        (b"[" * 5000, MANIFEST),
        (b"", MANIFEST),
        (b"[]", MANIFEST),
    ],
)
def test_a_manifest_that_can_be_read_in_two_ways_is_refused(value: Any, content_type: str) -> None:
    with pytest.raises(SourceError) as caught:
        parsed(value, content_type)

    assert caught.value.reason == "BlobDamaged"


def test_a_manifest_may_leave_its_kind_to_the_header() -> None:
    value = {key: text for key, text in GOOD.items() if key != "mediaType"}

    assert parsed(value, f"{MANIFEST}; charset=utf-8").config is not None


def test_what_an_artifact_is_about_is_said_or_that_of_its_configuration() -> None:
    assert parsed({**GOOD, "artifactType": "x/y"}).artifact_type == "x/y"
    assert parsed(GOOD).artifact_type == GOOD["config"]["mediaType"]
    assert parsed({**GOOD, "subject": descriptor(b"s", MANIFEST)}).subject == digest_of(b"s")


def test_a_huge_manifest_is_cut_off(fake: FakeRegistry) -> None:
    huge = Artifact(b"x" * (4 * 1024 * 1024 + 1))
    fake.push("acme/web", huge)

    with pytest.raises(SourceError, match="larger than 4 MiB"):
        manifest.fetch(reader(fake), huge.digest)
