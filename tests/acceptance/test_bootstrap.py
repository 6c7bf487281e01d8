"""An agent that Git manages, over https, in a process."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from gitops_agent.install import bundle
from gitops_agent.manifest.key import Object
from gitops_agent.manifest.yaml import dump
from gitops_agent.process import Completed, Limits, environment, run
from gitops_agent.sandbox.controlplane import ControlPlane
from gitops_agent.sandbox.demo.agent import AgentProcess
from tests.acceptance.installed_agent import path as place
from tests.source.certificates import Certificates
from tests.source.https import GitServer
from tests.waiting import eventually

pytestmark = [pytest.mark.cluster, pytest.mark.slow, pytest.mark.e2e, pytest.mark.timeout(480)]

USER, PASSWORD = "ada", "a-password-of-the-tests"
PATH = "clusters/a"
IMAGE = "registry.example.com/gitops-agent:0.1.0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A cluster, a repository, and a user with credentials for both."""

    folder: Path
    plane: ControlPlane
    url: str
    bare: Path

    @property
    def environ(self) -> dict[str, str]:
        return {
            "HOME": str(self.folder),
            "KUBECONFIG": str(self.plane.kubeconfig),
            "GIT_CONFIG_NOSYSTEM": "1",
            "XDG_CACHE_HOME": os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache"),
        }

    def bootstrap(self, *words: str, code: int = 0, path: str = PATH) -> Completed:
        """Runs the command as the user, in a process."""
        argv = (sys.executable, "-m", "gitops_agent", "bootstrap", "--repo", self.url, "--path", path, *words)
        done = run(argv, env=self.environ, limits=Limits(seconds=240), allowed=frozenset(range(5)))
        assert done.returncode == code, done.stderr
        return done

    def git(self, *words: str) -> str:
        done = subprocess.run(
            ["git", "-C", str(self.folder / "work"), *words],
            env=environment(self.environ),
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout.strip()

    def update(self) -> None:
        """Brings the newest commit into the work tree."""
        self.git("fetch", "--quiet", "origin", "main")
        self.git("reset", "--quiet", "--hard", "FETCH_HEAD")

    def commit(self, files: dict[str, str], message: str) -> str:
        """Changes files by a commit of the user's."""
        self.update()
        for name, text in files.items():
            (self.folder / "work" / name).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / "work" / name).write_text(text)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message)
        self.git("push", "--quiet", "origin", "HEAD:main")
        return self.git("rev-parse", "HEAD")

    def read(self, name: str) -> str:
        return (self.folder / "work" / name).read_text()

    def get(self, kind: str, name: str, api: str = "v1") -> Object:
        metadata = {"name": name, "namespace": bundle.NAMESPACE}
        live: Object = self.plane.request("GET", place({"apiVersion": api, "kind": kind, "metadata": metadata}))
        return live

    def config(self) -> str:
        """The settings that the Deployment mounts."""
        volumes = self.get("Deployment", bundle.NAME, "apps/v1")["spec"]["template"]["spec"]["volumes"]
        (name,) = (volume["configMap"]["name"] for volume in volumes if volume["name"] == "config")
        return str(self.get("ConfigMap", name)["data"]["config.yaml"])

    def ready(self, name: str, commit: str) -> bool:
        status = self.get("Application", name, "gitops-agent.dev/v1alpha1").get("status") or {}
        conditions = {condition["type"]: condition["status"] for condition in status.get("conditions") or ()}
        return (status.get("sync") or {}).get("revision") == commit and conditions.get("Ready") == "True"


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A control plane of its own, since the agent's namespace is fixed."""
    with ControlPlane.start(tmp_path_factory.mktemp("bootstrap") / "plane", nodes=1, tied=True) as plane:
        yield plane


@pytest.fixture
def site(plane: ControlPlane, tmp_path: Path) -> Iterator[Site]:
    certificates = Certificates(_made(tmp_path / "certificates"))
    bare = _made(tmp_path / "served") / "config.git"
    subprocess.run(["git", "init", "--quiet", "--bare", "--initial-branch=main", str(bare)], check=True)
    subprocess.run(["git", f"--git-dir={bare}", "config", "http.receivepack", "true"], check=True)
    server = GitServer(bare.parent, certificates)
    server.basic = (USER, PASSWORD)
    (tmp_path / "credentials").write_text(f"https://{USER}:{PASSWORD}@localhost:{server.port}\n")
    (tmp_path / ".gitconfig").write_text(
        f"[user]\n\tname = Ada\n\temail = ada@example.com\n[http]\n\tsslCAInfo = {certificates.path('ca.crt')}\n"
        f"[credential]\n\thelper = store --file={tmp_path / 'credentials'}\n"
    )
    for name, text in {"username": USER, "password": PASSWORD, "ca.crt": certificates.text("ca.crt")}.items():
        (tmp_path / name).write_text(text)
    site = Site(folder=tmp_path, plane=plane, url=server.repository().url, bare=bare)
    _made(tmp_path / "work")
    site.git("init", "--quiet", "--initial-branch=main")
    site.git("remote", "add", "origin", site.url)
    yield site
    server.close()


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def test_git_manages_the_agent_from_its_first_commit_on(site: Site) -> None:
    credentials = [
        word for key in ("username", "password", "ca.crt") for word in ("--credential", f"{key}={site.folder / key}")
    ]
    first = ("--image", IMAGE, "--secret", "config", *credentials)

    # Nothing is written before everything was checked.
    wrong = site.folder / "wrong"
    wrong.write_text("another password")
    refused = site.bootstrap(*first, "--credential", f"password={wrong}", code=1)
    assert "the agent cannot read the repository" in refused.stderr
    site.bootstrap(*first, "--dry-run")
    subprocess.run(["git", f"--git-dir={site.bare}", "config", "http.receivepack", "false"], check=True)
    assert "cannot be pushed with your Git credentials" in site.bootstrap(*first, code=1).stderr
    subprocess.run(["git", f"--git-dir={site.bare}", "config", "http.receivepack", "true"], check=True)
    assert subprocess.run(["git", f"--git-dir={site.bare}", "for-each-ref"], check=True, capture_output=True).stdout == b""
    namespaces = [item["metadata"]["name"] for item in site.plane.request("GET", "/api/v1/namespaces")["items"]]
    assert bundle.NAMESPACE not in namespaces

    site.bootstrap(*first, "--no-wait")
    agent = AgentProcess(site.plane.service_account_kubeconfig(bundle.NAMESPACE, bundle.NAME), site.folder)
    try:
        done = site.bootstrap("--secret", "config")
        assert b"root is ready at " in done.stdout
        assert PASSWORD not in done.stderr + done.stdout.decode()

        # Running it again changes nothing, neither in Git nor in the cluster.
        site.update()
        before, deployment = site.git("rev-parse", "HEAD"), site.get("Deployment", bundle.NAME, "apps/v1")
        again = site.bootstrap("--secret", "config")
        assert ": unchanged" in again.stderr
        assert site.git("ls-remote", "origin", "main").split()[0] == before
        after = site.get("Deployment", bundle.NAME, "apps/v1")
        assert after["metadata"]["generation"] == deployment["metadata"]["generation"]

        # A setting of the agent changes by a commit: another ConfigMap, and the Deployment rolls.
        config = f"{PATH}/gitops-agent/config.yaml"
        commit = site.commit({config: site.read(config) + "  level: debug\n"}, "Log more")
        site.bootstrap("--secret", "config")
        assert site.ready("root", commit)
        assert "level: debug" in site.config()

        # Another Application comes by a commit.
        listing = f"{PATH}/kustomization.yaml"
        shop: Object = {
            "apiVersion": "gitops-agent.dev/v1alpha1",
            "kind": "Application",
            "metadata": {"name": "shop", "namespace": bundle.NAMESPACE},
            "spec": {
                "source": {
                    "repoURL": site.url,
                    "ref": {"branch": "main"},
                    "path": "apps/shop",
                    "secretRef": {"name": "config"},
                },
                "destination": {"namespace": "default"},
            },
        }
        page = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "page"}, "data": {"a": "b"}}
        commit = site.commit(
            {
                listing: site.read(listing).replace("  - gitops-agent\n", "  - gitops-agent\n  - shop.yaml\n"),
                f"{PATH}/shop.yaml": dump(shop),
                "apps/shop/page.yaml": dump(page),
            },
            "Add the shop",
        )
        site.bootstrap("--secret", "config")
        eventually(lambda: site.ready("shop", commit), what="the shop is ready")

        # A commit that takes the agent out takes nothing from the cluster that it lives on.
        site.commit({listing: site.read(listing).replace("  - gitops-agent\n", "")}, "Take the agent out")
        site.plane.request(
            "PATCH",
            place(shop | {"metadata": {"name": "root", "namespace": bundle.NAMESPACE}}),
            {"metadata": {"annotations": {"gitops-agent.dev/requested-at": "now"}}},
            content_type="application/merge-patch+json",
        )
        head = site.git("rev-parse", "HEAD")
        eventually(lambda: site.ready("root", head), what="the commit is applied")
        assert "level: debug" in site.config()
        assert agent.process.poll() is None
    finally:
        agent.stop()

    # The directory of this cluster is refused for another one.
    site.commit({listing: site.read(listing).replace("resources:\n", "resources:\n  - gitops-agent\n")}, "Take it in again")
    root = f"{PATH}/gitops-agent/root.yaml"
    uid = site.plane.request("GET", "/api/v1/namespaces/kube-system")["metadata"]["uid"]
    site.commit({root: site.read(root).replace(uid, "another-cluster")}, "Serve another cluster")
    assert "belongs to the cluster another-cluster" in site.bootstrap("--secret", "config", code=2).stderr
