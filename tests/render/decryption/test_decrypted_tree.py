"""Encrypted files in renders by kustomize, Helm and as they are."""

from __future__ import annotations

import base64
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gitops_agent.api.render_options import RenderOptions
from gitops_agent.manifest.key import Object
from gitops_agent.render.decryption.keys.kind import NO_KEYS, KeyMaterial
from gitops_agent.render.memory import memory_folder
from gitops_agent.render.request import Failure, Rendered, RenderLimits, RenderRequest
from gitops_agent.render.worker.client import RenderWorkers
from gitops_agent.render.worker.launch import ProcessDialer
from gitops_agent.render.worktree import WorkTree
from gitops_agent.revision.mounted_tree import MountedTree, values_folder
from tests.render.decryption.sops import Sops
from tests.render.samples import CHART, ask, config_map, deployment, put

PASSWORD = "hunter22-of-the-shop"
SECRET = f"""apiVersion: v1
kind: Secret
metadata: {{name: db}}
stringData: {{password: {PASSWORD}}}
"""
DATA_ONLY = ("--encrypted-regex", "^(data|stringData)$")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def workers(programs: Mapping[str, Path]) -> Iterator[RenderWorkers]:
    """Workers with their scratch folder in memory."""
    chosen: dict[str, Path | None] = {"helm": programs["helm"], "kustomize": programs["kustomize"]}
    with tempfile.TemporaryDirectory(dir=memory_folder()) as scratch:
        started = RenderWorkers(ProcessDialer(Path(scratch), chosen), limits=RenderLimits(), programs=chosen)
        yield started
        started.stop()


def request(path: str, sops: Sops, **options: Any) -> RenderRequest:
    material = KeyMaterial(source="the Secret sops-keys", data={"identity.agekey": sops.agekey})
    decryption = {"secretRef": {"name": "sops-keys"}, **options.pop("decryption", {})}
    return replace(ask(path), options=RenderOptions.model_validate({"decryption": decryption, **options}), keys=material)


def rendered(workers: RenderWorkers, repository: Path, wanted: RenderRequest) -> list[Object]:
    result = workers.attempt(WorkTree(repository), wanted)
    assert isinstance(result, Rendered), result
    return [manifest.obj for manifest in result.manifests]


def failure(workers: RenderWorkers, repository: Path, wanted: RenderRequest) -> Failure:
    result = workers.attempt(WorkTree(repository), wanted)
    assert isinstance(result, Failure), result
    assert PASSWORD not in f"{result.error.message} {result.error.facts}"
    return result


def password(objects: list[Object]) -> str:
    secret = next(obj for obj in objects if obj["kind"] == "Secret")
    if "stringData" in secret:
        return str(secret["stringData"]["password"])
    return base64.b64decode(secret["data"]["password"]).decode()


def test_plain_manifests(workers: RenderWorkers, repository: Path, sops: Sops) -> None:
    put(repository, {"app/db.yaml": sops.encrypt("db.yaml", SECRET), "app/web.yaml": deployment()})
    assert password(rendered(workers, repository, request("app", sops))) == PASSWORD


def test_resources_of_kustomize(workers: RenderWorkers, repository: Path, sops: Sops) -> None:
    put(
        repository,
        {
            "base/kustomization.yaml": "resources: [db.yaml]\nnamePrefix: a-\n",
            "base/db.yaml": sops.encrypt("db.yaml", SECRET, *DATA_ONLY),
            "app/kustomization.yaml": "resources: [../base]\nnamespace: shop\n",
        },
    )
    objects = rendered(workers, repository, request("app", sops))
    assert password(objects) == PASSWORD
    assert objects[0]["metadata"] == {"name": "a-db", "namespace": "shop"}


def test_patches_of_kustomize(workers: RenderWorkers, repository: Path, sops: Sops) -> None:
    plain = SECRET.replace(PASSWORD, "none")
    put(
        repository,
        {
            "app/kustomization.yaml": "resources: [db.yaml]\npatches: [{path: patch.yaml}]\n",
            "app/db.yaml": plain,
            "app/patch.yaml": sops.encrypt("patch.yaml", SECRET, *DATA_ONLY),
        },
    )
    assert password(rendered(workers, repository, request("app", sops))) == PASSWORD


def test_secret_generators(workers: RenderWorkers, repository: Path, sops: Sops) -> None:
    generator = "secretGenerator:\n- name: db\n  envs: [db.env]\n  files: [tls.key, other.txt]\n"
    files: dict[str, str | bytes] = {
        "app/kustomization.yaml": generator,
        "app/db.env": sops.encrypt("db.env", f"password={PASSWORD}\n"),
        "app/tls.key": sops.encrypt("tls.key", b"-----BEGIN\nkey of the shop\n"),
        "app/other.txt": "plain",
    }
    put(repository, files)
    first = rendered(workers, repository, request("app", sops))
    assert password(first) == PASSWORD
    assert base64.b64decode(first[0]["data"]["tls.key"]) == b"-----BEGIN\nkey of the shop\n"
    again = {"app/db.env": sops.encrypt("db.env", f"password={PASSWORD}\n")}
    assert again["app/db.env"] != files["app/db.env"]
    put(repository, again)
    assert rendered(workers, repository, request("app", sops)) == first  # the name hash is that of the plaintext


@pytest.mark.parametrize("generator", ["envs: [db.env]", "files: [settings=db.env]"])
def test_a_generator_of_config_maps_is_refused(workers: RenderWorkers, repository: Path, sops: Sops, generator: str) -> None:
    put(repository, {"app/kustomization.yaml": f"configMapGenerator:\n- name: db\n  {generator}\n"})
    put(repository, {"app/db.env": sops.encrypt("db.env", "PIN=1234\n")})
    error = failure(workers, repository, request("app", sops)).error
    assert error.reason == "SecretExposed"
    assert error.message.endswith("app/db.env is encrypted, and a ConfigMap would show its plaintext: use secretGenerator")


@pytest.mark.parametrize("name", ["secrets.yaml", "secrets://secrets.yaml"])
def test_values_files_of_helm(workers: RenderWorkers, repository: Path, sops: Sops, name: str) -> None:
    put(repository, {"app/Chart.yaml": CHART, "app/templates/db.yaml": SECRET.replace(PASSWORD, "{{ .Values.db.password }}")})
    put(repository, {"app/secrets.yaml": sops.encrypt("secrets.yaml", f"db: {{password: {PASSWORD}}}\n")})
    objects = rendered(workers, repository, request("app", sops, helm={"valuesFiles": [name]}))
    assert password(objects) == PASSWORD


def test_values_of_another_repository(workers: RenderWorkers, repository: Path, sops: Sops, tmp_path: Path) -> None:
    put(repository, {"app/Chart.yaml": CHART, "app/templates/db.yaml": SECRET.replace(PASSWORD, "{{ .Values.db.password }}")})
    put(tmp_path / "shared", {"prod/secrets.yaml": sops.encrypt("secrets.yaml", f"db: {{password: {PASSWORD}}}\n")})
    source = {"kind": "Git", "repoURL": "https://git.example.com/shared.git", "ref": {"branch": "main"}}
    wanted = request("app", sops, helm={"valuesFrom": [{**source, "path": "prod/secrets.yaml"}]})
    tree = MountedTree(WorkTree(repository), values_folder(0), WorkTree(tmp_path / "shared"), "both")

    result = workers.attempt(tree, wanted)
    assert isinstance(result, Rendered), result
    assert password([manifest.obj for manifest in result.manifests]) == PASSWORD

    put(repository, {"app/templates/db.yaml": config_map().replace("settings", "{{ .Values.db.password }}")})
    refused = workers.attempt(tree, wanted)
    assert isinstance(refused, Failure)
    assert "a value of spec.render.helm.valuesFrom[0]: prod/secrets.yaml /db/password" in refused.error.message

    unopened = workers.attempt(tree, replace(wanted, keys=NO_KEYS))
    assert isinstance(unopened, Failure)
    assert unopened.error.message.startswith("spec.render.helm.valuesFrom[0]: prod/secrets.yaml")


def test_other_files_of_a_chart_stay_as_they_are(workers: RenderWorkers, repository: Path, sops: Sops) -> None:
    encrypted = sops.encrypt("inner.json", '{"password": "x"}')
    template = (
        'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {inner: {{ .Files.Get "files/inner.json" | quote }}}\n'
    )
    put(repository, {"app/Chart.yaml": CHART, "app/templates/a.yaml": template, "app/files/inner.json": encrypted})
    assert rendered(workers, repository, request("app", sops))[0]["data"]["inner"] == encrypted.decode()


def test_encrypted_values_without_decryption_are_refused(workers: RenderWorkers, repository: Path) -> None:
    put(repository, {"app/Chart.yaml": CHART, "app/secrets.yaml": "a: b\n"})
    options = RenderOptions.model_validate({"helm": {"valuesFiles": ["secrets://secrets.yaml"]}})
    error = failure(workers, repository, replace(ask("app"), options=options)).error
    assert error.message.endswith("secrets://secrets.yaml is to be decrypted: set spec.render.decryption")


def test_what_nothing_decrypts_is_refused(workers: RenderWorkers, repository: Path, sops: Sops) -> None:
    put(repository, {"app/db.yaml": sops.encrypt("db.yaml", SECRET, *DATA_ONLY)})
    error = failure(workers, repository, ask("app")).error
    assert (error.reason, error.transient) == ("StillEncrypted", False)
    assert error.message.startswith("app/db.yaml: Secret db sops is ciphertext: set spec.render.decryption")


def test_a_secret_in_a_deployment_is_refused(workers: RenderWorkers, repository: Path, sops: Sops) -> None:
    template = deployment().rstrip() + "\n"
    put(
        repository,
        {"app/Chart.yaml": CHART, "app/templates/web.yaml": template.replace("example.com/web:1", "{{ .Values.image }}")},
    )
    put(repository, {"app/secrets.yaml": sops.encrypt("secrets.yaml", f"image: {PASSWORD}\n")})
    wanted = request("app", sops, helm={"valuesFiles": ["secrets.yaml"]})
    result = failure(workers, repository, wanted)
    assert result.error.reason == "SecretExposed"
    assert "apps/Deployment:web spec.template.spec.containers[0].image holds a value of app/secrets.yaml /image" in str(
        result.error
    )
    warned = workers.attempt(
        WorkTree(repository), request("app", sops, helm={"valuesFiles": ["secrets.yaml"]}, decryption={"exposure": "warn"})
    )
    assert isinstance(warned, Rendered)
    assert any("secrets belong in Secrets" in warning for warning in warned.warnings)


def test_a_kind_that_was_changed_in_git_is_refused(workers: RenderWorkers, repository: Path, sops: Sops) -> None:
    encrypted = sops.encrypt("db.yaml", SECRET, *DATA_ONLY, "--mac-only-encrypted")
    flipped = encrypted.replace(b"kind: Secret", b"kind: Widget").replace(b"apiVersion: v1", b"apiVersion: example.com/v1")
    assert flipped != encrypted
    put(repository, {"app/db.yaml": flipped})
    error = failure(workers, repository, request("app", sops)).error
    assert error.reason == "SecretExposed"
    assert error.facts["object"] == "example.com/Widget:db"


def test_a_user_that_is_named_in_the_clear_as_well_is_no_secret(workers: RenderWorkers, repository: Path, sops: Sops) -> None:
    secret = SECRET.replace(f"{{password: {PASSWORD}}}", f"{{password: {PASSWORD}, user: example.com}}")
    put(repository, {"app/db.yaml": sops.encrypt("db.yaml", secret), "app/web.yaml": deployment()})
    assert len(rendered(workers, repository, request("app", sops))) == 2


def test_words_of_a_chart_do_not_show_a_value(workers: RenderWorkers, repository: Path, sops: Sops) -> None:
    put(repository, {"app/Chart.yaml": CHART, "app/templates/a.yaml": '{{ fail (printf "no %s" .Values.word) }}'})
    put(repository, {"app/secrets.yaml": sops.encrypt("secrets.yaml", f"word: {PASSWORD}\n")})
    error = failure(workers, repository, request("app", sops, helm={"valuesFiles": ["secrets.yaml"]})).error
    assert "no ***" in error.message


def test_the_wrong_key_names_the_recipient(workers: RenderWorkers, repository: Path, sops: Sops) -> None:
    put(repository, {"app/db.yaml": sops.encrypt("db.yaml", SECRET)})
    other = Sops(folder=sops.folder)
    result = failure(workers, repository, request("app", other))
    assert result.error.reason == "DecryptionFailed"
    assert f"age recipient {sops.recipient[:9]}…" in result.error.message
    assert not result.passing


def test_a_key_that_is_none_is_refused_by_its_name(workers: RenderWorkers, repository: Path, sops: Sops) -> None:
    put(repository, {"app/db.yaml": sops.encrypt("db.yaml", SECRET)})
    wanted = replace(request("app", sops), keys=KeyMaterial(source="x", data={"a.agekey": b"AGE-SECRET-KEY-PQ-1ABC"}))
    assert "a.agekey is a post-quantum identity" in failure(workers, repository, wanted).error.message


def test_a_file_of_another_cluster_that_is_not_rendered_disturbs_nothing(
    workers: RenderWorkers, repository: Path, sops: Sops
) -> None:
    other = Sops(folder=sops.folder)
    put(repository, {"app/kustomization.yaml": "resources: [db.yaml]\n", "app/db.yaml": sops.encrypt("db.yaml", SECRET)})
    put(repository, {"app/other.yaml": other.encrypt("other.yaml", SECRET)})
    assert password(rendered(workers, repository, request("app", sops))) == PASSWORD


def test_plaintext_is_written_to_no_disk(programs: Mapping[str, Path], tmp_path: Path, repository: Path, sops: Sops) -> None:
    put(repository, {"app/kustomization.yaml": "resources: [db.yaml]\n", "app/db.yaml": sops.encrypt("db.yaml", SECRET)})
    chosen: dict[str, Path | None] = {"helm": programs["helm"], "kustomize": programs["kustomize"]}
    for allowed in (False, True):
        limits = RenderLimits(plaintext_on_disk=allowed)
        on_disk = RenderWorkers(ProcessDialer(tmp_path / "scratch", chosen), limits=limits, programs=chosen)
        try:
            result = on_disk.attempt(WorkTree(repository), request("app", sops))
        finally:
            on_disk.stop()
        if allowed:
            assert isinstance(result, Rendered)
        else:
            assert isinstance(result, Failure)
            assert result.error.reason == "PlaintextOnDisk"


def test_the_closure_holds_the_ids_of_git(workers: RenderWorkers, repository: Path, sops: Sops) -> None:
    put(repository, {"app/kustomization.yaml": "resources: [db.yaml]\n", "app/db.yaml": sops.encrypt("db.yaml", SECRET)})
    tree = WorkTree(repository)
    result = workers.attempt(tree, request("app", sops))
    assert isinstance(result, Rendered)
    assert result.closure.holds(tree)
