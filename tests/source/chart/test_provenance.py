"""Provenance files, signed by the real gpg and the real helm."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from gitops_agent.errors import SourceError
from gitops_agent.manifest.revision_name import digest_of
from gitops_agent.revision.chart_dependency import ChartDependency
from gitops_agent.source.chart.chart_ref import ChartRef, ChartSource, SignerDemand
from gitops_agent.source.chart.charts import Charts
from gitops_agent.source.chart.dependency import DependencyAccess
from gitops_agent.source.chart.provenance import Proofs, prove
from gitops_agent.source.chart.provenance_policy import ProvenancePolicy
from gitops_agent.source.chart.repository import ChartAccess, ChartVersion
from gitops_agent.source.chart.signers import policies
from tests.acceptance.packaged_chart import helm
from tests.source.chart.archives import packed
from tests.source.chart.server import ChartServer
from tests.source.signature.keys import GpgHome

pytestmark = pytest.mark.slow

ARCHIVE = b"the archive"
DIGEST = f"sha256:{hashlib.sha256(ARCHIVE).hexdigest()}"
VERSION = ChartVersion(version="6.5.4", digest=DIGEST)
DEMAND = SignerDemand(secret="shop/signers", provenance=True)
ADA, EVE, OLD = "ada@example.com", "eve@example.com", "old@example.com"


def text(name: str = "podinfo", version: str = "6.5.4", digest: str = DIGEST, file: str = "podinfo-6.5.4.tgz") -> str:
    return f"apiVersion: v2\nname: {name}\nversion: {version}\n\n...\nfiles:\n  {file}: {digest}\n"


@pytest.fixture(scope="module")
def gpg() -> Iterator[GpgHome]:
    """Keys of Ada, of Eve, and one to revoke."""
    with GpgHome.temporary() as home:
        home.key(ADA, algorithm="rsa2048")
        home.key(EVE)
        home.key(OLD)
        yield home


@pytest.fixture(scope="module")
def signed(gpg: GpgHome) -> bytes:
    return clear(gpg, text())


@pytest.fixture(scope="module")
def secret(gpg: GpgHome) -> Mapping[str, bytes]:
    return {"ada.asc": gpg.export(ADA)}


@pytest.fixture(scope="module")
def policy(secret: Mapping[str, bytes]) -> ProvenancePolicy:
    return ProvenancePolicy.read(secret, name="signers")


def clear(gpg: GpgHome, content: str, user: str = ADA) -> bytes:
    return gpg.run("--armor", "--local-user", user, "--clearsign", stdin=content.encode())


def refused(data: bytes, policy: ProvenancePolicy) -> str:
    with pytest.raises(SourceError) as caught:
        prove(data, "podinfo", VERSION, policy)
    assert caught.value.reason == "Unverified"
    assert not caught.value.transient
    return caught.value.message


def test_a_signed_digest_of_the_archive_is_accepted(signed: bytes, policy: ProvenancePolicy) -> None:
    prove(signed, "podinfo", VERSION, policy)
    prove(signed.replace(b"\n", b"\r\n"), "podinfo", VERSION, policy)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"digest": "sha256:" + "0" * 64}, f"names podinfo-6.5.4.tgz with sha256:{'0' * 64}, the archive is {DIGEST}"),
        ({"file": "other-6.5.4.tgz"}, "the provenance file does not name podinfo-6.5.4.tgz"),
        ({"name": "other"}, "the provenance file is that of other 6.5.4"),
        ({"version": "6.5.3"}, "the provenance file is that of podinfo 6.5.3"),
    ],
    ids=["digest", "file", "name", "version"],
)
def test_a_file_of_another_archive_is_refused(
    gpg: GpgHome, policy: ProvenancePolicy, change: dict[str, str], message: str
) -> None:
    assert message in refused(clear(gpg, text(**change)), policy)


@pytest.mark.parametrize("content", ["", "hello\n", "a: b\n", "- a\n...\n- b\n", "{\n"])
def test_what_is_no_provenance_is_refused(gpg: GpgHome, policy: ProvenancePolicy, content: str) -> None:
    assert "is no provenance" in refused(clear(gpg, content), policy)


def test_text_outside_of_the_signature_is_refused(gpg: GpgHome, signed: bytes, policy: ProvenancePolicy) -> None:
    evil = text(digest="sha256:" + "0" * 64).encode()
    head, _, rest = signed.partition(b"\n")
    assert refused(evil + signed, policy) == "the provenance file holds text outside of its signature"
    assert refused(signed + evil, policy) == "the provenance file holds text outside of its signature"
    assert "in the header" in refused(head + b"\nname: podinfo\n" + rest, policy)
    assert "in the header" in refused(head + b"\nNotDashEscaped: yes\n" + rest, policy)
    assert "is not one text" in refused(signed + clear(gpg, text(digest="sha256:" + "0" * 64)), policy)
    assert "is not one text" in refused(evil, policy)
    assert refused(b"\xff\xfe", policy) == "the provenance file is not text"


def test_a_changed_text_is_refused(signed: bytes, policy: ProvenancePolicy) -> None:
    changed = signed.replace(b"version: 6.5.4", b"version: 6.5.5")
    assert refused(changed, policy) == "the provenance file carries an OpenPGP signature that does not fit its content"


def test_a_key_that_is_not_trusted_is_refused(gpg: GpgHome, policy: ProvenancePolicy) -> None:
    assert "which is not a trusted signer" in refused(clear(gpg, text(), EVE), policy)


def test_a_revoked_key_is_refused(gpg: GpgHome) -> None:
    signature = clear(gpg, text(), OLD)
    gpg.revoke(gpg.fingerprints(OLD)[0])
    revoked = ProvenancePolicy.read({"old.asc": gpg.export(OLD)}, name="signers")

    assert "the provenance file is signed by a revoked key" in refused(signature, revoked)


def test_a_proof_is_one_of_an_archive_and_of_keys(policy: ProvenancePolicy) -> None:
    proofs = Proofs()
    proofs.add("podinfo", VERSION, policy)

    assert proofs.has("podinfo", VERSION, policy)
    assert not proofs.has("podinfo", ChartVersion(version="6.5.4", digest="sha256:" + "0" * 64), policy)
    assert not proofs.has("podinfo", VERSION, ProvenancePolicy(ring=b"", digest="other"))


def test_a_chart_that_helm_signed_is_followed_and_an_unsigned_one_is_not(
    server: ChartServer, gpg: GpgHome, secret: Mapping[str, bytes], tmp_path: Path
) -> None:
    archive, provenance = packaged(gpg, tmp_path)
    server.publish("podinfo", "6.5.4", archive)
    source, charts = ChartSource(url=server.url), Charts(tmp_path / "charts")
    ref = ChartRef(name="podinfo", version="~6.5", signers=DEMAND)
    access = ChartAccess(url=server.url, signers=policies([ref], lambda *_: secret))

    (missing,) = charts.poll(source, [ref], access).errors.values()
    assert missing.reason == "Unverified"
    assert str(missing) == (
        f"podinfo 6.5.4 from {server.url} cannot be verified: it has no provenance file (.prov) beside its archive"
    )

    server.archives["/podinfo-6.5.4.tgz.prov"] = provenance
    assert charts.poll(source, [ref], access).errors == {}
    followed = charts.resolve(source, ref)
    asked = server.asked("/podinfo-6.5.4.tgz.prov")
    assert charts.poll(source, [ref], access).errors == {}
    assert server.asked("/podinfo-6.5.4.tgz.prov") == asked

    server.publish("podinfo", "6.5.5", packed(chart=b"apiVersion: v2\nname: podinfo\nversion: 6.5.5\n"))
    server.archives["/podinfo-6.5.5.tgz.prov"] = provenance
    (other,) = charts.poll(source, [ref], access).errors.values()
    assert str(other).endswith("the provenance file is that of podinfo 6.5.4")
    assert charts.resolve(source, ref) == followed


def test_a_dependency_has_to_be_signed_like_its_chart(
    server: ChartServer, gpg: GpgHome, secret: Mapping[str, bytes], tmp_path: Path
) -> None:
    digest = server.publish("podinfo", "6.5.4")
    dependency = ChartDependency(server.url, "podinfo", "6.5.4")
    charts, demanding = Charts(tmp_path), DependencyAccess(namespace="shop", chart="shop", signers=DEMAND)
    source, ref = demanding.located(dependency)
    _, unsigned = DependencyAccess(namespace="shop", chart="shop", signers=DEMAND, locked=True).located(dependency)
    access = ChartAccess(url=server.url, signers=policies([ref, unsigned], lambda *_: secret))

    result = charts.poll(source, [ref, unsigned], access)
    assert list(result.tips) == [unsigned]
    problem = demanding.explained(dependency, result.errors[ref])
    assert problem.reason == "ChartDependencyUnverified"
    assert problem.message.startswith(
        f"the chart shop demands signatures, also of podinfo 6.5.4 from {server.url}, which it does not hold in charts/: "
    )
    assert problem.facts.items() >= {"chart": "shop", "dependency": "podinfo", "version": "6.5.4"}.items()
    with pytest.raises(SourceError, match="has not been fetched yet"):
        charts.resolve(source, ref)

    server.archives["/podinfo-6.5.4.tgz.prov"] = clear(gpg, text(digest=digest), EVE)
    assert "which is not a trusted signer" in str(charts.poll(source, [ref], access).errors[ref])
    server.archives["/podinfo-6.5.4.tgz.prov"] = clear(gpg, text(digest=digest))
    assert charts.poll(source, [ref], access).errors == {}
    del server.archives["/podinfo-6.5.4.tgz.prov"]
    again = Charts(tmp_path)
    assert again.poll(source, [ref], access).errors.keys() == {ref}
    assert digest_of(again.resolve(source, ref).commit) == digest


def packaged(gpg: GpgHome, folder: Path) -> tuple[bytes, bytes]:
    """A chart and its provenance file, by the real helm."""
    chart = folder / "podinfo"
    chart.mkdir()
    (chart / "Chart.yaml").write_text("apiVersion: v2\nname: podinfo\nversion: 6.5.4\n")
    ring = folder / "secring.gpg"
    ring.write_bytes(gpg.run("--export-secret-keys", ADA))
    sign = ("--sign", "--key", ADA, "--keyring", str(ring))
    command = [str(helm()), "package", str(chart), *sign, "--destination", str(folder)]
    subprocess.run(command, check=True, capture_output=True, env={"HOME": str(folder)})
    return (folder / "podinfo-6.5.4.tgz").read_bytes(), (folder / "podinfo-6.5.4.tgz.prov").read_bytes()
