"""A Secret that SOPS encrypted is decrypted by the agent."""

from __future__ import annotations

import base64
import time
from pathlib import Path

from gitops_agent.manifest.kinds import SECRET
from gitops_agent.sandbox.demo.scene import NAMESPACE, Scene, ask

IDENTITY = "AGE-SECRET-KEY-12TQ5SX0RW55RWWS94NEEH4NNFVPMYMXNALUEWS2J63UV6W0ST9HSJX2JVC"
"""The age key for which sops encrypted the file; it opens nothing else."""

PASSWORD = "the password of the demo"  # noqa: S105 - what the file holds
_ENCRYPTED = Path(__file__).with_name("database.sops.yaml")
_KEYS = "demo-sops"
_DATABASE = SECRET.named("guestbook", "database")
_APPLICATION = """\
apiVersion: gitops-agent.dev/v1alpha1
kind: Application
metadata:
  name: database
  namespace: gitops-system
spec:
  source:
    repoURL: {url}
    ref:
      branch: main
    path: apps/database
  render:
    decryption:
      secretRef:
        name: {keys}
  destination:
    namespace: guestbook
"""


def encrypted() -> str:
    """The file as sops encrypted it."""
    return _ENCRYPTED.read_text()


def decrypted(scene: Scene) -> None:
    """Git holds ciphertext, the cluster what pods can read."""
    started = time.monotonic()
    scene.spectator.objects.apply(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": _KEYS, "namespace": NAMESPACE},
            "stringData": {"identity.agekey": IDENTITY},
        }
    )
    work = scene.repository.work
    (work / "apps/database").mkdir()
    (work / "apps/database/database.yaml").write_text(encrypted())
    application = _APPLICATION.format(url=scene.repository.url, keys=_KEYS)
    (work / "clusters/production/database.yaml").write_text(application)
    commit = scene.repository.commit("The password of the database, encrypted")
    ask(scene.spectator, "root")
    scene.ready("database", commit)

    def is_readable() -> bool:
        value = str(((scene.spectator.get(_DATABASE) or {}).get("data") or {}).get("password") or "")
        return base64.b64decode(value).decode() == PASSWORD

    scene.spectator.until("the Secret holds the password", is_readable)
    scene.seen("A Secret encrypted with SOPS", "ciphertext in Git, the password in the Secret database", started)
