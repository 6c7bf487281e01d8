"""The story, step by step. Every step ends when the cluster shows it, or the story fails; the agent is never asked."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gitops_agent
from gitops_agent.agent import installation
from gitops_agent.cluster.transport import Transport
from gitops_agent.errors import UsageError
from gitops_agent.manifest.key import Object, ObjectKey
from gitops_agent.manifest.marks import APPROVED
from gitops_agent.sandbox.controlplane import ControlPlane
from gitops_agent.sandbox.demo.agent import AgentProcess
from gitops_agent.sandbox.demo.cluster import NotSeen, Spectator, condition, settled
from gitops_agent.sandbox.demo.receiver import Receiver
from gitops_agent.sandbox.demo.repository import DemoRepository
from gitops_agent.sandbox.installer import Installer
from gitops_agent.sandbox.progress import Progress
from gitops_agent.sandbox.tools import selected

NAMESPACE = installation.NAMESPACE
APPLICATIONS = ("namespaces", "policies", "queues", "shop", "notes", "guestbook")
_WEB = ObjectKey("apps", "Deployment", "shop", "web")
_GUESTBOOK = ObjectKey("apps", "Deployment", "guestbook", "guestbook")
_SECRET = "a shared secret of the demonstration"  # noqa: S105 - of this machine, for the length of the story
_PAGES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing that was seen: in words, and how long it took (seconds)."""

    title: str
    seen: str
    seconds: float


@dataclass(slots=True)
class Story:
    """The demonstration.

    Attributes:
        directory: for everything it makes.
        progress: told what is going on.
        nodes: fake nodes of the cluster.
        steps: what was seen so far.
    """

    directory: Path
    progress: Progress
    nodes: int = 3
    steps: list[Step] = field(default_factory=list)
    plane: ControlPlane | None = None
    _receiver_url: str = ""
    _stack: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)

    def tell(self) -> None:
        """Tells all of it; whatever it started ends with `close`.

        Raises:
            AgentError: a step was not seen, or nothing could be started.
        """
        # The renderers too: the agent of the story finds them in the same cache.
        Installer(progress=self.progress).ensure(selected())
        plane, spectator = self._cluster()
        repository = self._repository()
        receiver = self._receiver()
        self._install(spectator)
        agent = AgentProcess(plane.service_account_kubeconfig(NAMESPACE, installation.NAME), self.directory)
        self._stack.callback(agent.stop)
        self._first_sync(spectator, repository, receiver)
        self._image_bump(spectator, repository, receiver)
        self._drift(spectator, receiver)
        self._mass_deletion(spectator, repository, receiver)

    def close(self) -> None:
        """Ends everything that was started."""
        self._stack.close()

    def _cluster(self) -> tuple[ControlPlane, Spectator]:
        started = time.monotonic()
        plane = ControlPlane.start(self.directory / "plane", nodes=self.nodes, tied=True, progress=self.progress)
        self.plane = plane
        self._stack.callback(plane.stop)
        spectator = Spectator(Transport.from_kubeconfig(plane.kubeconfig))
        version = spectator.transport.request("GET", "/version")["gitVersion"]
        self._seen("A real control plane", f"Kubernetes {version} with {self.nodes} nodes at {plane.host}", started)
        return plane, spectator

    def _repository(self) -> DemoRepository:
        started = time.monotonic()
        repository = DemoRepository(self.directory, example())
        files = sum(1 for path in (repository.work).rglob("*") if path.is_file() and ".git" not in path.parts)
        self._seen("A Git repository", f"{repository.url} with {files} files: kustomize, Helm and plain YAML", started)
        return repository

    def _receiver(self) -> Receiver:
        def received(message: dict[str, Any]) -> None:
            self.progress.say(f"    webhook ← {message.get('title')}")

        receiver = Receiver(_SECRET, received)
        self._stack.callback(receiver.stop)
        self._receiver_url = receiver.url
        return receiver

    def _install(self, spectator: Spectator) -> None:
        started = time.monotonic()
        wanted = installation.manifests(installation.Flavour.FULL)
        # The agent of the story runs on this machine with the account's own token; its image is nowhere to be pulled from.
        wanted = [obj for obj in wanted if obj["kind"] not in ("Deployment", "PodDisruptionBudget")]
        installation.install(spectator.objects, wanted, lambda _key, _changed: None)
        spectator.until("the CRDs are served", lambda: _served(spectator))
        secret = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "demo-webhook", "namespace": NAMESPACE},
            "stringData": {"hmac": _SECRET},
        }
        spectator.objects.apply(secret)
        spectator.objects.apply(
            {
                "apiVersion": "gitops-agent.dev/v1alpha1",
                "kind": "Notifier",
                "metadata": {"name": "demo", "namespace": NAMESPACE},
                "spec": {"provider": "webhook", "address": self._receiver_url, "secretRef": {"name": "demo-webhook"}},
            }
        )
        self._seen("The agent's installation", f"{len(wanted)} objects of deploy/, and a Notifier for a webhook", started)

    def _first_sync(self, spectator: Spectator, repository: DemoRepository, receiver: Receiver) -> None:
        started = time.monotonic()
        commit = repository.head()
        spectator.objects.apply(root(repository.url))
        names = ("root", *APPLICATIONS)
        with self.progress.step("the first sync") as detail:

            def all_settled() -> bool:
                done = [name for name in names if settled(spectator.application(name, NAMESPACE), commit)]
                detail(f"{len(done)} of {len(names)} applications")
                return len(done) == len(names)

            spectator.until(f"all applications ready at {commit[:12]}", all_settled, seconds=120)
        total = sum(_count(spectator.application(name, NAMESPACE)) for name in names)
        self._seen("First sync", f"{len(names)} applications, {total} objects, all Synced and Healthy", started)
        spectator.until("the webhook hears of every sync", lambda: len(_of(receiver, "Synced")) >= len(names))

    def _image_bump(self, spectator: Spectator, repository: DemoRepository, receiver: Receiver) -> None:
        repository.edit(
            "apps/shop/overlays/production/kustomization.yaml", lambda text: text.replace("newTag: 1.4.2", "newTag: 1.5.0")
        )
        before = len(_of(receiver, "Synced"))
        commit = repository.commit("Release shop 1.5.0")
        started = time.monotonic()
        ask(spectator, "shop")
        image = spectator.until("the new image is live", lambda: _image(spectator.get(_WEB)).endswith(":1.5.0"))
        spectator.until("shop is ready", lambda: settled(spectator.application("shop", NAMESPACE), commit))
        spectator.until("the webhook hears of it", lambda: len(_of(receiver, "Synced")) > before)
        self._seen("An image bump", f"pushed, live after {image:.2f} s, rolled out and Healthy", started)

    def _drift(self, spectator: Spectator, receiver: Receiver) -> None:
        spectator.objects.merge_patch(_GUESTBOOK, {"spec": {"replicas": 5}}, field_manager="kubectl-edit")
        started = time.monotonic()
        repaired = spectator.until("the replicas are back", lambda: _replicas(spectator.get(_GUESTBOOK)) == 2)  # noqa: PLR2004
        spectator.until(
            "the webhook hears of the drift", lambda: _of(receiver, "DriftDetected") and _of(receiver, "DriftRepaired")
        )
        message = str(_of(receiver, "DriftDetected")[-1].get("text") or "").replace("\n", " ")
        self._seen("Manual drift", f"somebody scaled the guestbook to 5; back at 2 after {repaired:.2f} s: {message}", started)

    def _mass_deletion(self, spectator: Spectator, repository: DemoRepository, receiver: Receiver) -> None:
        started = time.monotonic()
        removed = repository.remove("apps/guestbook/page-*.yaml")
        if removed != _PAGES:
            raise UsageError(f"the example repository has changed: {removed} pages instead of {_PAGES}")
        commit = repository.commit("Tidy up")
        ask(spectator, "guestbook")

        def held() -> bool:
            return condition(spectator.application("guestbook", NAMESPACE), "Ready").get("reason") == "HeldForApproval"

        spectator.until("the deletion is held", held)
        application = spectator.application("guestbook", NAMESPACE)
        plan = str(application["status"]["sync"]["plan"])
        still = sum(spectator.get(_page(name)) is not None for name in PAGES)
        if still != _PAGES:
            raise NotSeen(f"only {still} of {_PAGES} pages are still there although their deletion is held")
        spectator.until("the webhook hears of the hold", lambda: _of(receiver, "HeldForApproval"))
        message = condition(application, "Ready")["message"]
        self._seen("A mass deletion is held", f"{_PAGES} objects still there: {message}", started)
        started = time.monotonic()
        approve(spectator, "guestbook", plan)
        spectator.until("the pages are gone", lambda: all(spectator.get(_page(name)) is None for name in PAGES))
        spectator.until("guestbook is ready", lambda: settled(spectator.application("guestbook", NAMESPACE), commit))
        self._seen("Approved by its hash", f"plan {plan[:12]} ran, {_PAGES} objects pruned, Synced and Healthy", started)

    def _seen(self, title: str, seen: str, started: float) -> None:
        step = Step(title=title, seen=seen, seconds=time.monotonic() - started)
        self.steps.append(step)
        self.progress.say(f"✓ {step.title} ({step.seconds:.1f} s): {step.seen}")


PAGES = ("welcome", "imprint", "privacy", "faq", "opening-hours", "directions", "team", "press")


def example() -> Path:
    """The example repository: inside the package, or beside it in a checkout.

    Raises:
        UsageError: in neither place.
    """
    package = Path(gitops_agent.__file__).parent
    for place in (package / "examples" / "repo", package.parent / "examples" / "repo"):
        if place.is_dir():
            return place
    raise UsageError("this copy of gitops-agent came without its examples/ folder")


def root(url: str) -> Object:
    """The Application that manages the others."""
    return {
        "apiVersion": "gitops-agent.dev/v1alpha1",
        "kind": "Application",
        "metadata": {"name": "root", "namespace": NAMESPACE},
        "spec": {
            "source": {"repoURL": url, "ref": {"branch": "main"}, "path": "clusters/production"},
            "destination": {"namespace": NAMESPACE},
            "sync": {"interval": "5s"},
        },
    }


def ask(spectator: Spectator, name: str) -> None:
    """What a webhook or `gitops-agent sync` does: look now."""
    stamp = f"{time.time():.3f}"
    spectator.objects.merge_patch(
        ObjectKey("gitops-agent.dev", "Application", NAMESPACE, name),
        {"metadata": {"annotations": {"gitops-agent.dev/requested-at": stamp}}},
        field_manager="gitops-agent-cli",
    )


def approve(spectator: Spectator, name: str, plan: str) -> None:
    """What `gitops-agent approve` does."""
    spectator.objects.merge_patch(
        ObjectKey("gitops-agent.dev", "Application", NAMESPACE, name),
        {"metadata": {"annotations": {APPROVED: plan}}},
        field_manager="gitops-agent-cli",
    )


@contextlib.contextmanager
def scratch(keep: Path | None) -> Iterator[Path]:
    """A folder for the story: a temporary one, or the one given."""
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        yield keep.resolve()
        return
    made = Path(tempfile.mkdtemp(prefix="gitops-agent-demo-"))
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _served(spectator: Spectator) -> bool:
    spectator.discovery.invalidate("gitops-agent.dev")
    kinds = {resource.kind for resource in spectator.discovery.kinds() if resource.group == "gitops-agent.dev"}
    return {"Application", "Notifier"} <= kinds


def _of(receiver: Receiver, kind: str) -> list[dict[str, Any]]:
    return [message for message in receiver.messages if message.get("event") == kind]


def _count(application: Object) -> int:
    return int(((application.get("status") or {}).get("resources") or {}).get("total") or 0)


def _image(deployment: Object | None) -> str:
    containers = ((((deployment or {}).get("spec") or {}).get("template") or {}).get("spec") or {}).get("containers") or [{}]
    return str(containers[0].get("image") or "")


def _replicas(deployment: Object | None) -> int | None:
    return ((deployment or {}).get("spec") or {}).get("replicas")


def _page(name: str) -> ObjectKey:
    return ObjectKey("", "ConfigMap", "guestbook", f"page-{name}")
