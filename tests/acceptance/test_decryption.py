"""Encrypted files become Secrets, and are published nowhere."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from gitops_agent.manifest.key import Object
from gitops_agent.render.memory import memory_folder
from tests.acceptance.objects import deployment, files, secret
from tests.acceptance.tenant import Tenant
from tests.acceptance.test_secrets import _events, _without_spec
from tests.render.decryption.sops import Sops

pytestmark = [pytest.mark.cluster]

CANARY = "canary-0c6d2b7781f94e35"
ENCODED = base64.b64encode(CANARY.encode()).decode()
DATA_ONLY = ("--encrypted-regex", "^(data|stringData)$")
SECRET = files(secret("token", password=CANARY))["secret-token.yaml"]


@pytest.fixture
def sops(tmp_path: Path) -> Sops:
    return Sops(folder=tmp_path)


def keys(team: Tenant, agekey: bytes) -> str:
    """Puts a key into a team's Secret; returns its name."""
    name = f"sops-{team.namespace}"
    data = {"identity.agekey": base64.b64encode(agekey).decode()}
    body: Object = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "data": data}
    team.apply(body, namespace=team.installed.namespace)
    return name


def options(name: str) -> dict[str, Any]:
    return {"render": {"decryption": {"secretRef": {"name": name}}}}


def password(team: Tenant) -> str:
    live = team.get("Secret", "token")
    return base64.b64decode(live["data"]["password"]).decode() if live is not None else ""


def test_an_encrypted_secret_is_applied_in_plain_text_and_heals_when_its_key_comes(team: Tenant, sops: Sops) -> None:
    commit = team.commit({"db.yaml": sops.encrypt("db.yaml", SECRET, *DATA_ONLY)})
    name = f"sops-{team.namespace}"
    team.declare(**options(name))
    team.says("DecryptionKeysMissing", "spec.render.decryption.secretRef: there is no Secret")

    keys(team, Sops(folder=sops.folder).agekey)
    message = team.says("DecryptionFailed", f"none of its keys (age recipient {sops.recipient[:9]}…) is in the Secret {name}")
    assert message.startswith("db.yaml cannot be decrypted")
    assert team.get("Secret", "token") is None

    keys(team, sops.agekey)
    team.settled(commit)
    assert password(team) == CANARY


def test_other_recipients_of_a_file_write_nothing(team: Tenant, sops: Sops) -> None:
    other = Sops(folder=sops.folder)
    first = team.commit({"db.yaml": sops.encrypt("db.yaml", SECRET, *DATA_ONLY)})
    name = keys(team, sops.agekey + other.agekey)
    team.declare(**options(name))
    team.settled(first)
    before = team.get("Secret", "token")

    rotated = _rotated(sops, other, (team.repository.work / "db.yaml").read_bytes())
    second = team.commit({"db.yaml": rotated})
    team.settled(second)
    keys(team, other.agekey)
    team.looked()

    after = team.get("Secret", "token")
    assert before is not None
    assert after is not None
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    assert after["data"] == before["data"]
    assert team.condition()["status"] == "True"


def test_a_broken_file_prunes_nothing(team: Tenant, sops: Sops) -> None:
    commit = team.commit({"db.yaml": sops.encrypt("db.yaml", SECRET, *DATA_ONLY)})
    team.declare(**options(keys(team, sops.agekey)), sync={"prune": True})
    team.settled(commit)

    changed = (team.repository.work / "db.yaml").read_bytes().replace(b"kind: Secret", b"kind: ConfigMap")
    team.commit({"db.yaml": changed.replace(b"stringData", b"data")})
    team.says("DecryptionFailed", "edit")
    assert password(team) == CANARY


def _ways(sops: Sops) -> dict[str, dict[str, str | bytes]]:
    """Repositories that fail with the plaintext in hand, by name."""
    chart = "apiVersion: v2\nname: chart\nversion: 0.1.0\n"
    values = sops.encrypt("secrets.yaml", f"password: {CANARY}\n")
    web = files(deployment("web", image="IMAGE"))["deployment-web.yaml"].replace("IMAGE", "{{ .Values.password }}")
    kustomization = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n"
    encrypted = sops.encrypt("db.yaml", SECRET, *DATA_ONLY)
    return {
        "exposed": {"Chart.yaml": chart, "secrets.yaml": values, "templates/web.yaml": web},
        "fails": {"Chart.yaml": chart, "secrets.yaml": values, "templates/web.yaml": "{{ fail .Values.password }}\n"},
        "config": {
            "kustomization.yaml": f"{kustomization}configMapGenerator: [{{name: a, files: [secrets.yaml]}}]\n",
            "secrets.yaml": values,
        },
        "conflict": {
            "kustomization.yaml": f"{kustomization}resources: [a.yaml, b.yaml]\n",
            "a.yaml": encrypted,
            "b.yaml": encrypted,
        },
        "flipped": {"a.yaml": encrypted.replace(b"kind: Secret", b"kind: ConfigMap")},
        "bad-type": {"a.yaml": sops.encrypt("a.yaml", f"{SECRET}type: kubernetes.io/tls\n", *DATA_ONLY)},
        "unknown": {"a.yaml": sops.encrypt("a.yaml", f"{SECRET}extra: {CANARY}\n")},
        "twice": {"a.yaml": encrypted, "b.yaml": encrypted},
    }


def test_plaintext_is_in_nothing_the_agent_says_or_leaves_behind(own: Tenant, sops: Sops) -> None:
    agent = own.agent = own.installed.start(settings={"log__level": "debug"})
    name = keys(own, sops.agekey)
    commit = own.commit({"good/db.yaml": sops.encrypt("db.yaml", SECRET, *DATA_ONLY), "good/db.env": "A=b\n"})
    generator = "secretGenerator: [{name: more, envs: [more.env]}]\nresources: [db.yaml]\n"
    env = sops.encrypt("more.env", f"PASSWORD={CANARY}\n")
    commit = own.commit({"good/kustomization.yaml": generator, "good/more.env": env})
    own.declare("good", source={"path": "good"}, **options(name))
    own.settled(commit, "good")
    assert password(own) == CANARY
    own.edit("Secret", "token", {"stringData": {"password": f"{CANARY}-drift"}})
    own.until(lambda: password(own) == CANARY, "the drift is repaired")

    for way, contents in _ways(sops).items():
        own.repository.commit({f"{way}/{file}": text for file, text in contents.items()})
        helm: Object = {"helm": {"valuesFiles": ["secrets.yaml"]}} if "Chart.yaml" in contents else {}
        own.declare(way, source={"path": way}, render={**options(name)["render"], **helm})
    own.ask()
    for way in _ways(sops):
        own.until(lambda way=way: own.condition("Ready", way).get("status") == "False", f"{way} has failed")  # type: ignore[misc]
    surfaces = {
        "applications": json.dumps(_without_spec(own, "applications")),
        "events": json.dumps(_events(own, own.installed.namespace) + _events(own, own.namespace)),
        "metrics": agent.metrics(),
        "environments": _processes(agent.process.pid, "environ"),
        "command lines": _processes(agent.process.pid, "cmdline"),
    }
    assert agent.stop() == 0
    surfaces |= {f"log {number}": line for number, line in enumerate(agent.log.read_text(errors="replace").splitlines())}
    for folder in (own.installed.folder, memory_folder()):
        for file in folder.rglob("*") if folder is not None else ():
            if file.is_file():
                surfaces[str(file)] = file.read_bytes().decode("latin-1")

    leaks = [source for source, text in surfaces.items() for word in (CANARY, ENCODED, str(sops.identity)) if word in text]
    assert not leaks


def _rotated(sops: Sops, other: Sops, data: bytes) -> bytes:
    """The same plaintext with another data key, for another recipient only."""
    file = sops.folder / "rotated.yaml"
    file.write_bytes(data)
    return sops.run("rotate", "--add-age", other.recipient, "--rm-age", sops.recipient, str(file))


def _processes(parent: int, name: str) -> str:
    """A file of /proc of a process and all that it started."""
    texts = []
    pending = [parent]
    while pending:
        process = Path("/proc") / str(pending.pop())
        try:
            texts.append((process / name).read_bytes().decode("latin-1"))
            for task in (process / "task").iterdir():
                pending += [int(child) for child in (task / "children").read_text().split()]
        except OSError:
            continue
    return "\n".join(texts)
