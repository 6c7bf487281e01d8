from __future__ import annotations

import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gitops_agent.api.source_options import ChartSpec
from gitops_agent.errors import AgentError, NotFound, SourceError
from gitops_agent.httpclient.allowed_hosts import AllowedHosts, HostRefused
from gitops_agent.oci.cosign.identity import SignerIdentity
from gitops_agent.oci.cosign.keys import keys_of
from gitops_agent.oci.cosign.policy import CosignPolicy
from gitops_agent.oci.registry import Registries
from gitops_agent.render.binaries import find
from gitops_agent.revision.chart_dependency import ChartDependency
from gitops_agent.source.chart.archive import unpack
from gitops_agent.source.chart.chart_ref import ChartLock, ChartRef, ChartSource, SignerDemand
from gitops_agent.source.chart.charts import Charts
from gitops_agent.source.chart.credentials import ChartCredentials
from gitops_agent.source.chart.dependency import DependencyAccess
from gitops_agent.source.chart.oci_repository import CONFIG, LAYERS, PROVENANCE, OciRepository, RegistryState
from gitops_agent.source.chart.repository import ChartAccess, ChartVersion
from gitops_agent.source.chart.signers import policies
from gitops_agent.source.following import followed_chart
from tests.oci.artifacts import Artifact, artifact, digest_of
from tests.oci.cosign.signing import public, signer, simple
from tests.oci.cosign.sigstore_instance import ACTIONS, RELEASE, Instance
from tests.oci.fake_registry import FakeRegistry
from tests.oci.real_registry import real_registry
from tests.source.chart.archives import member, packed
from tests.source.chart.server import serving

USER = ChartCredentials(username="u", password="hidden")
CREATED = {"org.opencontainers.image.created": "2026-11-03T10:00:00Z"}


@pytest.fixture
def fake() -> Iterator[FakeRegistry]:
    with FakeRegistry() as registry:
        yield registry


def chart(archive: bytes = b"chart", layer: str = LAYERS[0]) -> Artifact:
    return artifact((archive, layer), config=b'{"name":"web"}', config_type=CONFIG, annotations=CREATED)


def opened(fake: FakeRegistry, state: RegistryState | None = None, **access: object) -> OciRepository:
    url = f"oci://127.0.0.1:{fake.port}/charts"
    state = state or RegistryState(Registries(timeout_seconds=5))
    return OciRepository(ChartAccess(url=url, **access), state)  # type: ignore[arg-type]


def test_tags_are_versions(fake: FakeRegistry) -> None:
    fake.push("charts/web", chart(), "1.0.0", "1.1.0_build.5", "latest", "v2.0.0", "sha256-" + "0" * 64)

    assert opened(fake).versions("web") == tuple(ChartVersion(version=text) for text in ("1.0.0", "1.1.0+build.5", "v2.0.0"))


def test_a_version_has_the_digest_of_its_archive(fake: FakeRegistry) -> None:
    fake.push("charts/web", chart(), "1.1.0_build.5")

    version = opened(fake).version("web", "1.1.0+build.5")
    assert version == ChartVersion(
        version="1.1.0+build.5", digest=digest_of(b"chart"), created=datetime(2026, 11, 3, 10, tzinfo=UTC)
    )
    assert opened(fake).archive("web", version) == b"chart"
    assert opened(fake).archive("web", ChartVersion(version="1.1.0+build.5")) == b"chart"


def test_a_tag_that_stays_costs_one_request_without_a_body(fake: FakeRegistry) -> None:
    fake.push("charts/web", chart(), "1.0.0")
    state = RegistryState(Registries(timeout_seconds=5))
    opened(fake, state).version("web", "1.0.0")
    fake.seen.clear()

    opened(fake, state).version("web", "1.0.0")
    assert [method for method, _, _ in fake.seen] == ["HEAD"]


def test_a_tag_that_moved_has_another_digest(fake: FakeRegistry) -> None:
    state = RegistryState(Registries(timeout_seconds=5))
    fake.push("charts/web", chart(), "1.0.0")
    before = opened(fake, state).version("web", "1.0.0")
    fake.push("charts/web", chart(b"other"), "1.0.0")

    assert opened(fake, state).version("web", "1.0.0").digest == digest_of(b"other")
    with pytest.raises(SourceError) as caught:
        opened(fake, state).archive("web", before)
    assert caught.value.reason == "ChartDigestMismatch"


@pytest.mark.parametrize(("name", "version"), [("web", "2.0.0"), ("other", "1.0.0"), ("web", "../1.0.0")])
def test_what_is_not_there_is_said(fake: FakeRegistry, name: str, version: str) -> None:
    fake.push("charts/web", chart(), "1.0.0")

    with pytest.raises(SourceError) as caught:
        opened(fake).version(name, version)
    assert caught.value.reason == "ChartNotFound"


def test_a_repository_that_is_not_there_has_no_chart(fake: FakeRegistry) -> None:
    with pytest.raises(SourceError, match="has no chart web") as caught:
        opened(fake).versions("web")

    assert caught.value.reason == "ChartNotFound"


@pytest.mark.parametrize(
    "other",
    [
        artifact(
            (b"image", "application/vnd.oci.image.layer.v1.tar+gzip"), config_type="application/vnd.oci.image.config.v1+json"
        ),
        artifact((b"chart", LAYERS[0])),
        artifact((b"chart", LAYERS[0]), (b"more", LAYERS[0]), config_type=CONFIG),
        artifact((b"prov", "application/vnd.cncf.helm.chart.provenance.v1.prov"), config_type=CONFIG),
    ],
)
def test_what_is_no_chart_is_refused(fake: FakeRegistry, other: Artifact) -> None:
    fake.push("charts/web", other, "1.0.0")

    with pytest.raises(SourceError, match="is no Helm chart") as caught:
        opened(fake).version("web", "1.0.0")
    assert caught.value.reason == "ChartInvalid"


def test_a_huge_archive_is_not_read(fake: FakeRegistry) -> None:
    fake.push("charts/web", chart(b"x" * (10 * 1024 * 1024 + 1)), "1.0.0")
    fake.seen.clear()

    with pytest.raises(SourceError, match="more than 10 MiB"):
        opened(fake).archive("web", ChartVersion(version="1.0.0"))
    assert not [path for path in fake.seen.paths if "/blobs/" in path]


def test_credentials_come_from_every_layout_of_the_secret(fake: FakeRegistry) -> None:
    fake.push("charts/web", chart(), "1.0.0")
    fake.basic = ("u", "hidden")
    docker = f'{{"auths": {{"127.0.0.1:{fake.port}/charts": {{"username": "u", "password": "hidden"}}}}}}'

    for credentials in (USER, ChartCredentials(docker_config=docker)):
        assert opened(fake, credentials=credentials).version("web", "1.0.0").digest == digest_of(b"chart")


def test_hosts_of_the_spec_may_make_tokens(fake: FakeRegistry) -> None:
    fake.push("charts/web", chart(), "1.0.0")
    with FakeRegistry() as service:
        fake.bearer = service.bearer = "abc"
        fake.realm = f"http://localhost:{service.port}/token"

        with pytest.raises(SourceError, match="in `hosts`"):
            opened(fake, credentials=USER).version("web", "1.0.0")
        assert service.seen == []
        hosts = (f"localhost:{service.port}",)
        assert opened(fake, credentials=USER, hosts=hosts).version("web", "1.0.0").digest


def test_the_owner_of_the_secret_has_the_last_word(fake: FakeRegistry) -> None:
    fake.push("charts/web", chart(), "1.0.0")
    fake.basic = ("u", "hidden")
    allowed = AllowedHosts(patterns=("ghcr.io",), subject="Secret shop/pull", rule="its annotation")

    with pytest.raises(HostRefused):
        opened(fake, credentials=USER, secret=allowed).version("web", "1.0.0")
    assert fake.seen.credentials == []


def test_client_certificates_are_refused_in_words(fake: FakeRegistry) -> None:
    with pytest.raises(SourceError, match="client certificates"):
        opened(fake, credentials=ChartCredentials(cert="PEM", key="PEM")).versions("web")


def test_what_helm_pushes_to_a_real_registry_is_read(tmp_path: Path) -> None:
    helm = find("helm", None).path
    folder = tmp_path / "web"
    (folder / "templates").mkdir(parents=True)
    (folder / "Chart.yaml").write_text("apiVersion: v2\nname: web\nversion: 1.2.3+build.4\n")
    (folder / "templates" / "map.yaml").write_text("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\n")
    environment = {"HOME": str(tmp_path / "home"), "PATH": "/usr/bin:/bin"}
    subprocess.run([helm, "package", folder, "-d", tmp_path], check=True, capture_output=True, env=environment)
    with real_registry(tmp_path) as real:
        url = f"oci://127.0.0.1:{real.port}/acme/charts"
        push: list[str | Path] = [helm, "push", tmp_path / "web-1.2.3+build.4.tgz", url, "--plain-http"]
        subprocess.run(push, check=True, capture_output=True, env=environment)
        repository = OciRepository(ChartAccess(url=url), RegistryState())

        assert repository.versions("web") == (ChartVersion(version="1.2.3+build.4"),)
        version = repository.version("web", "1.2.3+build.4")
        assert version.created is not None
        archive = repository.archive("web", version)

    assert archive == (tmp_path / "web-1.2.3+build.4.tgz").read_bytes()
    assert sorted(unpack(archive, "web")) == ["Chart.yaml", "templates/map.yaml"]


def test_ranges_are_polled_resolved_and_never_moved_under_the_same_version(fake: FakeRegistry, tmp_path: Path) -> None:
    fake.push("charts/podinfo", chart(packed()), "6.5.4")
    source = ChartSource(url=f"oci://127.0.0.1:{fake.port}/charts")
    ref, charts = ChartRef(name="podinfo", version="~6.5"), Charts(tmp_path)

    assert charts.poll(source, [ref], ChartAccess(url=source.url)).errors == {}
    revision = charts.resolve(source, ref)
    assert revision.chart is not None
    assert (revision.chart.version, revision.chart.digest, revision.chart.warnings) == ("6.5.4", digest_of(packed()), ())
    fake.seen.clear()
    charts.poll(source, [ref], ChartAccess(url=source.url))
    assert [method for method, _, _ in fake.seen] == ["GET", "HEAD"]

    fake.push("charts/podinfo", chart(packed(member("podinfo/evil.yaml", b"x"))), "6.5.4")
    errors = charts.poll(source, [ref], ChartAccess(url=source.url)).errors
    assert [error.reason for error in errors.values()] == ["ChartRepublished"]
    assert charts.resolve(source, ref) == revision


def test_signatures_are_verified_once_for_each_policy(fake: FakeRegistry) -> None:
    key, other = signer(), signer()
    digest = fake.push("charts/web", chart(), "1.0.0")
    fake.push("charts/web", simple(key, digest), f"{digest.replace(':', '-')}.sig")
    state = RegistryState(Registries(timeout_seconds=5))
    version = opened(fake, state).version("web", "1.0.0")

    opened(fake, state).verify("web", version, CosignPolicy(keys=keys_of({"a.pub": public(key)})))
    fake.seen.clear()
    opened(fake, state).verify("web", version, CosignPolicy(keys=keys_of({"a.pub": public(key)})))
    assert [method for method, _, _ in fake.seen] == ["HEAD"]
    with pytest.raises(SourceError) as caught:
        opened(fake, state).verify("web", version, CosignPolicy(keys=keys_of({"a.pub": public(other)})))
    assert caught.value.reason == "Unverified"


def test_a_signature_speaks_of_the_archive_that_is_used(fake: FakeRegistry) -> None:
    key = signer()
    digest = fake.push("charts/web", chart(), "1.0.0")
    fake.push("charts/web", simple(key, digest), f"{digest.replace(':', '-')}.sig")
    policy = CosignPolicy(keys=keys_of({"a.pub": public(key)}))

    with pytest.raises(SourceError, match="no signature of that is known") as caught:
        opened(fake).verify("web", ChartVersion(version="1.0.0", digest=digest_of(b"evil")), policy)
    assert caught.value.reason == "Unverified"


DEMAND = SignerDemand(secret="shop/cosign")


def test_an_unsigned_version_is_not_followed_and_the_signed_one_stays(fake: FakeRegistry, tmp_path: Path) -> None:
    key = signer()
    source = ChartSource(url=f"oci://127.0.0.1:{fake.port}/charts")
    ref, charts = ChartRef(name="podinfo", version="~6.5", signers=DEMAND), Charts(tmp_path)
    keys: dict[SignerDemand, CosignPolicy | AgentError] = {DEMAND: CosignPolicy(keys=keys_of({"a.pub": public(key)}))}
    access = ChartAccess(url=source.url, signers=keys)
    digest = fake.push("charts/podinfo", chart(packed()), "6.5.4")

    assert [error.reason for error in charts.poll(source, [ref], access).errors.values()] == ["Unverified"]
    with pytest.raises(SourceError):
        charts.resolve(source, ref)
    fake.push("charts/podinfo", simple(key, digest), f"{digest.replace(':', '-')}.sig")
    assert charts.poll(source, [ref], access).errors == {}
    revision = charts.resolve(source, ref)

    newer = packed(chart=b"apiVersion: v2\nname: podinfo\nversion: 6.5.5\n")
    fake.push("charts/podinfo", chart(newer), "6.5.5")
    assert [error.reason for error in charts.poll(source, [ref], access).errors.values()] == ["Unverified"]
    assert charts.resolve(source, ref) == revision


def test_a_dependency_needs_the_signature_that_its_chart_demands(fake: FakeRegistry, tmp_path: Path) -> None:
    key, charts = signer(), Charts(tmp_path)
    url = f"oci://127.0.0.1:{fake.port}/charts"
    dependency = ChartDependency(url, "podinfo", "6.5.4")
    demanding = DependencyAccess(namespace="shop", chart="shop", signers=DEMAND)
    source, ref = demanding.located(dependency)
    access = ChartAccess(url=source.url, signers={DEMAND: CosignPolicy(keys=keys_of({"a.pub": public(key)}))})
    digest = fake.push("charts/podinfo", chart(packed()), "6.5.4")

    problem = demanding.explained(dependency, charts.poll(source, [ref], access).errors[ref])
    assert (problem.reason, problem.facts["dependency"]) == ("ChartDependencyUnverified", "podinfo")
    fake.push("charts/podinfo", simple(key, digest), f"{digest.replace(':', '-')}.sig")
    assert charts.poll(source, [ref], access).errors == {}
    assert charts.resolve(source, ref).subject == "podinfo 6.5.4"


def test_a_dependency_outside_of_registries_has_no_cosign_signature(tmp_path: Path) -> None:
    with serving() as server:
        server.publish("podinfo", "6.5.4")
        dependency = ChartDependency(server.url, "podinfo", "6.5.4")
        demanding = DependencyAccess(namespace="shop", chart="shop", signers=DEMAND)
        source, ref = demanding.located(dependency)
        access = ChartAccess(url=source.url, signers={DEMAND: CosignPolicy(keys=keys_of({"a.pub": public(signer())}))})

        problem = demanding.explained(dependency, Charts(tmp_path).poll(source, [ref], access).errors[ref])

    assert (problem.reason, problem.facts["repository"]) == ("ChartDependencyUnverified", server.url)
    assert "cosign" in problem.message


def test_a_version_is_followed_once_a_demanded_identity_signed_it(fake: FakeRegistry, tmp_path: Path) -> None:
    sigstore = Instance()
    cosign = {"identities": [{"issuer": ACTIONS, "subject": RELEASE}], "trustedRoot": {"secretRef": {"name": "root"}}}
    base = {"repository": f"oci://127.0.0.1:{fake.port}/charts", "name": "podinfo", "version": "~6.5"}
    source, ref = followed_chart("shop", ChartSpec.model_validate({**base, "verify": {"cosign": cosign}}))
    secrets = {("shop", "root"): {"trusted_root.json": sigstore.trusted_root()}}
    access = ChartAccess(url=source.url, signers=policies([ref], lambda namespace, name: secrets[namespace, name]))
    charts = Charts(tmp_path)
    pushed = chart(packed())
    fake.push("charts/podinfo", pushed, "6.5.4")

    assert [error.reason for error in charts.poll(source, [ref], access).errors.values()] == ["Unverified"]
    fake.push("charts/podinfo", sigstore.attached(pushed))
    assert charts.poll(source, [ref], access).errors == {}
    assert charts.resolve(source, ref).subject == "podinfo 6.5.4"


def test_a_present_version_that_new_signers_did_not_sign_gives_way_to_a_newer_one(fake: FakeRegistry, tmp_path: Path) -> None:
    old, new = signer(), signer()
    source = ChartSource(url=f"oci://127.0.0.1:{fake.port}/charts")
    before, after = (ChartRef(name="podinfo", version="~6.5", signers=SignerDemand(secret=name)) for name in ("a/old", "a/new"))
    keys = {ref.signers: CosignPolicy(keys=keys_of({"a.pub": public(key)})) for ref, key in ((before, old), (after, new))}
    access = ChartAccess(url=source.url, signers={demand: policy for demand, policy in keys.items() if demand})
    charts, digest = Charts(tmp_path), fake.push("charts/podinfo", chart(packed()), "6.5.4")
    fake.push("charts/podinfo", simple(old, digest), f"{digest.replace(':', '-')}.sig")
    charts.poll(source, [before], access)
    newer = fake.push("charts/podinfo", chart(packed(chart=b"apiVersion: v2\nname: podinfo\nversion: 6.5.5\n")), "6.5.5")
    fake.push("charts/podinfo", simple(new, newer), f"{newer.replace(':', '-')}.sig")
    lock = ChartLock(name="podinfo", range="~6.5", version="6.5.4", digest=digest_of(packed()), resolved_at=datetime.now(UTC))

    assert [error.reason for error in charts.poll(source, [after], access, [lock]).errors.values()] == ["Unverified"]
    assert charts.poll(source, [after], access, [lock]).errors == {}
    assert charts.resolve(source, after).subject == "podinfo 6.5.5"


def test_who_has_to_sign_decides_what_was_resolved() -> None:
    def named(*subjects: str, root: str = "shop/root") -> str:
        identities = tuple(SignerIdentity(subject=subject, issuer=ACTIONS) for subject in subjects)
        return str(SignerDemand(secret=root, identities=identities))

    assert len({named("a"), named("b"), named("a", "b"), named("a", root=""), str(SignerDemand(secret="shop/root"))}) == 5
    assert named("a for b") == named("a for b")
    assert " for " not in named("a for b")


def test_keys_that_are_not_known_are_no_success(fake: FakeRegistry, tmp_path: Path) -> None:
    source = ChartSource(url=f"oci://127.0.0.1:{fake.port}/charts")
    ref = ChartRef(name="podinfo", version="6.5.4", signers=DEMAND)
    fake.push("charts/podinfo", chart(packed()), "6.5.4")
    missing = NotFound("there is no Secret shop/cosign")

    for signers in ({}, {DEMAND: missing}, policies([ref], lambda *_: {"a.pub": b"nonsense"})):
        access = ChartAccess(url=source.url, signers=signers)
        errors = Charts(tmp_path).poll(source, [ref], access).errors
        assert [error.reason for error in errors.values()] == ["Unverified"]


def test_a_provenance_file_is_a_layer_beside_the_archive(fake: FakeRegistry) -> None:
    layers = ((b"chart", LAYERS[0]), (b"signed", PROVENANCE))
    fake.push("charts/web", artifact(*layers, config=b'{"name":"web"}', config_type=CONFIG), "1.0.0")
    fake.push("charts/web", chart(b"unsigned"), "1.1.0")

    repository = opened(fake)

    assert repository.provenance("web", ChartVersion(version="1.0.0", digest=digest_of(b"chart"))) == b"signed"
    for version, content in (("1.1.0", b"unsigned"), ("1.0.0", b"other")):
        with pytest.raises(SourceError, match="provenance file") as caught:
            repository.provenance("web", ChartVersion(version=version, digest=digest_of(content)))
        assert caught.value.reason == "Unverified"
