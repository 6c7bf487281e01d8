"""Applies the page about plug-ins to a copy of the code.

A program of its own runs the copy, because modules read the tables when they are imported. It reaches the plug-in as the agent
does: from the resource or the command line, through the table.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/how-to/add-a-plug-in.md").read_text()
STEP = re.compile(r"(?:^`(gitops_agent/[\w/]+\.py)`:\n\n)?^```(python|diff)\n(.*?)^```$", re.MULTILINE | re.DOTALL)

PROGRAMS = {
    "Health rule": """
from gitops_agent.sync.health.rules import assess

def tenant(**status):
    return {"apiVersion": "minio.min.io/v2", "kind": "Tenant", "metadata": {"name": "files"}, "status": status}

assert assess(tenant(healthStatus="green")).status == "Healthy"
assert assess(tenant(currentState="Provisioning")).message == "Provisioning"
red = assess(tenant(healthStatus="red", healthMessage="2 of 4 drives are online"))
assert (red.status, red.reason, red.message) == ("Degraded", "TooFewDrives", "2 of 4 drives are online")
""",
    "Command": """
import subprocess, sys

def run(*words):
    return subprocess.run((sys.executable, "-m", "gitops_agent", *words), capture_output=True, text=True, check=True).stdout

assert "The folder of downloaded and built programs." in run("--help")
assert "Print the folder" in run("cache", "--help")
assert run("cache").strip().endswith("/gitops-agent/tools")
""",
    "Notifier provider": """
import sys
from datetime import UTC, datetime
from pathlib import Path
from gitops_agent.api.notifier import parse
from gitops_agent.cluster.discovery import Discovery
from gitops_agent.cluster.objects import Objects
from gitops_agent.httpclient.client import HttpClient
from gitops_agent.httpclient.mail import SmtpClient
from gitops_agent.notify.delivery_worker import DeliveryWorker, RetryPolicy
from gitops_agent.notify.outbox import Outbox
from gitops_agent.notify.pending_messages import Entry
from gitops_agent.notify.sender import Sender
from tests.cluster.wire import Wire
from tests.notify.builders import SecretData, message
from tests.notify.receiver import Receiver
from tests.waiting import eventually

with Wire(lambda _, line: line.refuse(503, "ServiceUnavailable")) as api_server, Receiver() as receiver:
    transport = api_server.transport(Path(sys.argv[1]))
    pending = [Entry(message=message()).to_json()]
    notifier = parse({
        "metadata": {"namespace": "ops", "name": "chat", "uid": "u", "generation": 1},
        "spec": {"provider": "rocketchat", "address": receiver.url},
        "status": {"pending": pending},
    })
    clock = lambda: datetime.now(UTC)
    outbox = Outbox(Objects(transport, Discovery(transport)), notifier, clock=clock)
    sender = Sender(SecretData(), http=HttpClient(), smtp=SmtpClient(), clock=clock)
    worker = DeliveryWorker(outbox, sender=sender, clock=clock, retry=RetryPolicy())
    worker.start()
    (told,) = eventually(lambda: list(receiver.told))
    worker.ask_to_stop()
    worker.join(10)
    transport.close()

assert told.json["text"].startswith("**ops/shop: degraded**\\n"), told.json
""",
    "Traffic router": """
from dataclasses import replace
from gitops_agent.api import rollout_policy
from gitops_agent.manifest.key import ObjectKey
from gitops_agent.manifest.manifest import Manifest
from gitops_agent.rollout.compose import Part, compose
from gitops_agent.rollout.overlay import ResolvedPolicy
from gitops_agent.rollout.state import Phase, Stage
from gitops_agent.rollout.traffic.registry import CAPABILITIES
from tests.rollout.policies import canary
from tests.rollout.test_overlay import WEB, manifests, state

backends = [{"serviceName": "web", "servicePort": 80}, {"serviceName": "legacy", "servicePort": 80, "weight": 50}]
route = {
    "apiVersion": "apisix.apache.org/v2",
    "kind": "ApisixRoute",
    "metadata": {"name": "web", "namespace": "shop"},
    "spec": {"http": [{"name": "all", "backends": backends}, {"name": "other", "backends": [{"serviceName": "docs"}]}]},
}
policy = canary(traffic={"provider": "apisix", "routes": [{"kind": "ApisixRoute", "name": "web"}]})
provider = CAPABILITIES[str(policy.traffic.provider)].provider
subject = ResolvedPolicy(policy=policy, workload=WEB, provider=provider)
old, new = manifests("web:1", more=[route]), manifests("web:2", more=[route])

def routed(rollout):
    composed = compose(new, [Part(state=rollout, subject=subject, stable=old, target=new)])
    return next(one.obj for one in composed.manifests if one.key.kind == "ApisixRoute")

def verdict(live, weight):
    asked = {"service": "web", "canary_service": "web-canary", "weight": weight, "match": None, "mirror": None}
    return provider.verify([live], **asked).verdict

quarter = routed(state(Phase.STEP, Stage.HOLD, weight=25))
first, second = quarter["spec"]["http"]
assert [(one["serviceName"], one["weight"]) for one in first["backends"]] == [
    ("web", 7500), ("legacy", 5000), ("web-canary", 2500)
], first
assert second == route["spec"]["http"][1]
assert (verdict(quarter, 25), verdict(quarter, 50), verdict(route, 25)) == ("ready", "not_yet", "not_yet")
assert routed(state(Phase.IDLE, target=None)) == route
""",
    "Metric provider": """
from urllib.parse import parse_qs, urlsplit
from gitops_agent.api.problems import read
from gitops_agent.api.rollout_metrics import Metric
from tests.agent.rollouts.test_analysis_runner import POLICY, Bench, assignment
from tests.notify.receiver import Receiver
from tests.waiting import eventually

def points(_, handler):
    handler.answer(200, b'[{"target": "errors", "datapoints": [[0.5, 100], [7.0, 160], [null, 220]]}]')

with Receiver(points) as graphite:
    address = graphite.url.removesuffix("/hook")
    options = {"address": address, "query": "sum({{workload}}.errors)", "secretRef": {"name": "graphite"}}
    wanted = {"name": "errors", "provider": {"graphite": options}, "interval": "1s", "success": "result < 5"}
    metric = read(Metric, wanted, root="metric")
    runner = Bench({"token": b"t"}).measuring
    runner.want(assignment(metric))
    seen = eventually(lambda: runner.results(POLICY))[0]
    runner.stop()

assert seen.answer == "failure", seen
asked = graphite.told[0]
assert asked.headers["authorization"] == "Bearer t"
query = parse_qs(urlsplit(asked.path).query)
assert (urlsplit(asked.path).path, query["target"]) == ("/render", ["sum(web-c-0123abcd.errors)"]), asked
""",
}


def sections() -> dict[str, str]:
    """The parts of the page by their headings."""
    parts = re.split(r"^## (.+)$", PAGE, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def follow(section: str, tree: Path) -> list[Path]:
    """Applies the files and rows of a section; returns the files."""
    files: list[Path] = []
    for path, language, text in STEP.findall(section):
        files += [tree / path] if path else []
        file = files[-1]
        if language == "python":
            assert not file.exists()
            file.write_text(text)
            continue
        lines = text.splitlines(keepends=True)
        before, after = ("".join(line[1:] for line in lines if line[0] in kept) for kept in (" -", " +"))
        assert file.read_text().count(before) == 1, f"{path}: {before}"
        file.write_text(file.read_text().replace(before, after))
    return files


def test_every_kind_of_the_table_has_its_section_and_its_trial() -> None:
    kinds = re.findall(r"^\| \[([^\]]+)\]\(#", PAGE, re.MULTILINE)

    assert list(sections()) == kinds
    assert list(PROGRAMS) == kinds


@pytest.mark.parametrize("kind", PROGRAMS)
def test_a_plug_in_added_as_the_page_says_works(kind: str, tmp_path: Path) -> None:
    tree = tmp_path / "copy"
    shutil.copytree(ROOT / "gitops_agent", tree / "gitops_agent", ignore=shutil.ignore_patterns("__pycache__"))
    files = follow(sections()[kind], tree)
    program = tmp_path / "program.py"
    program.write_text(f"import gitops_agent\nassert gitops_agent.__file__.startswith({str(tree)!r})\n{PROGRAMS[kind]}")
    environment = os.environ | {"PYTHONPATH": f"{tree}{os.pathsep}{ROOT}", "PYTHONDONTWRITEBYTECODE": "1"}

    argv = (sys.executable, str(program), str(tmp_path))
    done = subprocess.run(argv, capture_output=True, text=True, env=environment, cwd=tmp_path, timeout=120, check=False)

    assert done.returncode == 0, done.stderr
    ruff = (str(Path(sys.executable).parent / "ruff"), "--config", str(ROOT / "pyproject.toml"))
    for check in (("format", "--check"), ("check",)):
        argv = (*ruff[:1], *check, *ruff[1:], "--no-cache", *map(str, files))
        done = subprocess.run(argv, capture_output=True, text=True, cwd=tree, check=False)
        assert done.returncode == 0, done.stdout
