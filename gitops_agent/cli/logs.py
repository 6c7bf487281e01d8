"""`gitops-agent logs`: the logs of the agent, or of an application.

The pods of an application are those that its objects own, whatever their labels. What is printed is bounded: the last lines of
each container, and a number of containers.
"""

from __future__ import annotations

import queue
import re
import sys
from collections.abc import Iterator, Sequence

import click

from gitops_agent.cli import complete
from gitops_agent.cli import output as out
from gitops_agent.cli.exit_codes import ERROR
from gitops_agent.cli.watch_until import seconds_of
from gitops_agent.cluster.client import ClusterClient
from gitops_agent.errors import AgentError, UsageError
from gitops_agent.manifest.key import AppKey, Object
from gitops_agent.operations.log_follower import Container, Entry, LogFollower

AGENT = "app.kubernetes.io/name=gitops-agent,app.kubernetes.io/component=agent"
"""The labels of the agent's pods, as deploy/ sets them."""

_MOST = 20
_BYTES = 4 << 20
_PHASES = {"Running": 0, "Pending": 1, "Failed": 2, "Succeeded": 3}
_CONTROL = re.compile(r"\x1b\[[0-9;]*m|[^\t -\U0010ffff]|\x7f")


@click.command()
@click.argument("name", required=False, shell_complete=complete.applications)
@click.option("-f", "--follow", is_flag=True, help="Print further lines until interrupted.")
@click.option(
    "--tail", type=click.IntRange(0, 100_000), default=100, show_default=True, help="The last lines of each container."
)
@click.option("--since", default=None, help="Only lines younger than this, such as 10m.")
@click.option("-c", "--container", default=None, help="Only containers of this name.")
@click.option("-p", "--previous", is_flag=True, help="The logs of the containers before their last restart.")
@click.option("--timestamps", is_flag=True, help="Begin each line with its time.")
@out.cluster_options
def logs(
    name: str | None,
    *,
    follow: bool,
    tail: int,
    since: str | None,
    container: str | None,
    previous: bool,
    timestamps: bool,
    kubeconfig: str | None,
    context: str | None,
    namespace: str,
) -> None:
    """Print the logs of the agent, or of an application's pods.

    At most twenty containers are printed, running ones first. A line begins with its pod and container where there are several.
    The exit code is 1 when no log could be read.
    """
    if follow and previous:
        raise UsageError("--follow and --previous exclude each other")
    query = {"tailLines": str(tail), "follow": str(follow).lower(), "previous": str(previous).lower()}
    if since is not None:
        query["sinceSeconds"] = str(int(seconds_of(since, "--since")))
    if timestamps:
        query["timestamps"] = "true"
    if not follow:
        query["limitBytes"] = str(_BYTES)
    access = ClusterClient.open(kubeconfig, context, namespace)
    pods = _pods_of(access, AppKey(namespace, name)) if name else _agents(access)
    listed = containers(pods, container)
    if not listed:
        whose = f"of {name}" if name else f"of an agent in namespace {namespace}: does it run elsewhere?"
        within = f" named {container}" if container else ""
        raise UsageError(f"there is no container{within} {whose}")
    if len(listed) > _MOST:
        out.talk(f"{_MOST} of {len(listed)} containers are printed: say which with --container")
    sys.exit(_print(access, listed[:_MOST], query, follow=follow))


def containers(pods: Sequence[Object], name: str | None) -> list[Container]:
    """The containers of pods, running ones first, or those of a name."""
    ordered = sorted(
        pods, key=lambda pod: (_PHASES.get(str((pod.get("status") or {}).get("phase")), 1), pod["metadata"]["name"])
    )
    return [
        Container(namespace=str(pod["metadata"]["namespace"]), pod=str(pod["metadata"]["name"]), name=str(container["name"]))
        for pod in ordered
        for container in (*pod["spec"]["containers"], *((pod["spec"].get("initContainers") or ()) if name else ()))
        if name in (None, container["name"])
    ]


def _agents(access: ClusterClient) -> list[Object]:
    resource = access.discovery.find("", "Pod")
    return list(access.objects.list(resource, namespace=access.namespace, label_selector=AGENT).items)


def _pods_of(access: ClusterClient, application: AppKey) -> list[Object]:
    """The pods that an application's objects are, or own."""
    from gitops_agent.preview.owned_objects import children, owned

    access.application(application.name)
    todo, _ = owned(access, application)
    (below, _), pods = children(access, todo), {}
    while todo:
        obj = todo.pop()
        if obj["kind"] == "Pod":
            pods[obj["metadata"]["uid"]] = obj
        todo += below.pop(str(obj["metadata"]["uid"]), [])
    return list(pods.values())


def _print(access: ClusterClient, listed: Sequence[Container], query: dict[str, str], *, follow: bool) -> int:
    """Prints the logs; the exit code."""
    failed = 0
    prefixed = len(listed) > 1
    for container, line in _followed(access, listed, query) if follow else _read(access, listed, query):
        if isinstance(line, AgentError):
            failed += 1
            out.talk(f"{container}: {out.line(str(line))}")
        else:
            click.echo(f"[{container}] {printable(line)}" if prefixed else printable(line))
    return ERROR if failed == len(listed) else 0


def printable(line: bytes) -> str:
    """A line of a log, without control characters on a terminal."""
    text = line.decode("utf-8", "replace").rstrip("\r")
    return _CONTROL.sub("", text) if sys.stdout.isatty() else text


_Entry = tuple[Container, bytes | AgentError]
"""A line of a log, or why the log cannot be read."""


def _read(access: ClusterClient, listed: Sequence[Container], query: dict[str, str]) -> Iterator[_Entry]:
    """The logs one after the other."""
    for container in listed:
        try:
            answer = access.transport.exchange("GET", container.path, query=query | {"container": container.name}, accept="*/*")
        except AgentError as error:
            yield container, error
        else:
            yield from ((container, line) for line in answer.body.splitlines())


def _followed(access: ClusterClient, listed: Sequence[Container], query: dict[str, str]) -> Iterator[_Entry]:
    """The lines of all logs as they come, until all have ended."""
    lines: queue.Queue[Entry] = queue.Queue(maxsize=10_000)
    follower = LogFollower(access.transport, query, lines.put)
    follower.start(listed)
    running = len(listed)
    try:
        while running:
            container, line = lines.get()
            if line is None:
                running -= 1
            else:
                yield container, line
    finally:
        follower.stop()
