"""`gitops-agent rollout …`: shows rollouts and commands them.

The words are those of Argo Rollouts where it has them: `promote` lets the step in hand go on at once, in whatever a person may
decide (its approval, its pause), and `promote --full` skips all that is left. `approve` is a word of its own, being less:
it gives the approval a step asks for while its pause and metrics still count, so a reviewer need not know what else is
waited for. Neither overrules metrics; `promote --full` skips their waits, but a promotion is measured as well. There it may be
given once more, where the promotion waits for what never ends.

Every command writes one annotation on the RolloutPolicy, so RBAC says who may, and the audit log who did.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from gitops_agent.cli import complete
from gitops_agent.cli import output as out
from gitops_agent.cli.exit_codes import DIFFERENT, ERROR, HELD, INTERRUPTED
from gitops_agent.manifest.revision_name import short
from gitops_agent.manifest.timestamp import timestamp

if TYPE_CHECKING:
    from gitops_agent.cli.rollout.send import CommandResult
    from gitops_agent.cluster.client import ClusterClient
    from gitops_agent.manifest.key import AppKey
    from gitops_agent.rollout.progress import RolloutProgress

F = TypeVar("F", bound=Callable[..., Any])


def _policy_options(function: F) -> F:
    """Adds `--kubeconfig`, `--context` and `-n/--namespace`, the namespace of the policy."""

    @functools.wraps(function)
    def command(*args: Any, namespace: str | None, **options: Any) -> Any:
        return function(*args, namespace=namespace or "", **options)

    help_ = "The namespace of the RolloutPolicy; all namespaces when neither this nor NAME gives one."
    result = out.connection_options(command)
    return cast("F", click.option("-n", "--namespace", default=None, help=help_, shell_complete=complete.namespaces)(result))


def _order_options(function: F) -> F:
    time = click.option(
        "--timeout", default="10s", show_default=True, help="The longest wait for the agent to accept the command."
    )
    wait = click.option(
        "--wait/--no-wait", "waits", default=True, show_default=True, help="Wait until the agent accepts the command."
    )
    return wait(time(function))


class _Words(click.Group):
    """Commands in the order in which they are needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - what the base class says
        """As they stand below."""
        return list(self.commands)


@click.group(cls=_Words)
def rollout() -> None:
    """Inspect and control rollouts.

    NAME is that of a RolloutPolicy, as `namespace/name` or `name`. A command is recorded on the policy, and the agent executes
    it; the exit code is 1 when it does not apply in the current phase, or when no agent accepted it.
    """


@rollout.command(short_help="Show rollouts: a table, or one with steps, pods and metrics.")
@click.argument("name", required=False, shell_complete=complete.rollouts)
@click.option(
    "-w", "--watch", is_flag=True, help="Print changes until interrupted: redrawn on a terminal, a line a change in a pipe."
)
@click.option(
    "--exit-code",
    is_flag=True,
    help="Exit with 3 when one was rolled back, is paused or is refused, 4 when one waits for approval.",
)
@out.output_option
@_policy_options
def status(
    name: str | None,
    *,
    watch: bool,
    exit_code: bool,
    output: str,
    kubeconfig: str | None,
    context: str | None,
    namespace: str,
) -> None:
    """Show rollouts: a table, worst first, or one in full.

    One is shown with its steps, pods and metrics.

    With --exit-code: 0 at rest or on its way; 3 rolled back, being rolled back, paused, or refused until Git is corrected; 4
    waiting for approval. Of several the first that holds counts, 3 before 4.
    """
    from datetime import UTC, datetime

    from gitops_agent.cli.rollout.view import document, picture
    from gitops_agent.cli.rollout.watch import follow
    from gitops_agent.operations.rollout_lookup import every, find
    from gitops_agent.operations.rollout_pods import document as of_sides
    from gitops_agent.operations.rollout_pods import look

    access = _open(kubeconfig, context)
    rollouts = [find(access, name, namespace)] if name else every(access, namespace)
    now = datetime.now(UTC)
    if watch:
        if output != "table":
            raise click.UsageError("--watch is for tables only")
        try:
            follow(access, namespace, rollouts[0].key if name else None)
        except KeyboardInterrupt:
            sys.exit(INTERRUPTED)
    elif output == "name":
        for progress in rollouts:
            click.echo(str(progress.key))
    elif output in ("json", "yaml"):
        documents = [document(standing, now) for standing in rollouts]
        if name:
            sides, unseen = look(access, rollouts[0])
            documents[0] |= {"sides": of_sides(sides), "cannotSee": out.cannot_see(unseen)}
        out.document(documents[0] if name else documents, output)
    elif name:
        sides, unseen = look(access, rollouts[0])
        out.cannot_see(unseen)
        out.draw(picture(rollouts[0], sides, now))
    else:
        _overview(rollouts, namespace)
    if exit_code:
        sys.exit(code(rollouts))


@rollout.command(short_help="Skip the current step's wait and continue; --full skips all steps.")
@click.argument("name", shell_complete=complete.rollouts)
@click.option("--full", is_flag=True, help="Skip all remaining steps, whatever they wait for, and promote.")
@_order_options
@_policy_options
def promote(name: str, *, full: bool, **options: Any) -> None:
    """Skip the current step's wait and continue.

    It is approved and its pause ends; its metrics still count.

    With --full all remaining steps are skipped. The promotion itself keeps its checks: pods must be available, traffic is moved
    before pods are deleted, and metrics are measured until the end. A promotion that waits for its delay or its metrics waits
    no longer; a metric that has failed still rolls back. A version that was rolled back is tried again.
    """
    from gitops_agent.rollout.command import CommandKind

    _order(
        name,
        CommandKind.PROMOTE if full else CommandKind.ADVANCE,
        "skips what remains" if full else "continues",
        **options,
    )


@rollout.command(short_help="Approve the current step.")
@click.argument("name", shell_complete=complete.rollouts)
@_order_options
@_policy_options
def approve(name: str, **options: Any) -> None:
    """Approve the current step.

    Its pause and its metrics still count. The approval may be given before the rest of the step is done, and counts for this
    step of this version only.
    """
    from gitops_agent.rollout.command import CommandKind

    _order(name, CommandKind.APPROVE, "is approved", **options)


@rollout.command(short_help="Pause a rollout in its current step.")
@click.argument("name", shell_complete=complete.rollouts)
@click.option("--reason", default="", help="The reason, shown in the status.")
@_order_options
@_policy_options
def pause(name: str, **options: Any) -> None:
    """Pause a rollout in its current step.

    The traffic stays as it is, drift is repaired, and the step's own pause does not elapse.
    """
    from gitops_agent.rollout.command import CommandKind

    _order(name, CommandKind.PAUSE, "is paused", **options)


@rollout.command(short_help="Resume a paused rollout.")
@click.argument("name", shell_complete=complete.rollouts)
@_order_options
@_policy_options
def resume(name: str, **options: Any) -> None:
    """Resume a paused rollout where it was.

    Inconclusive measurements that paused it are reset.
    """
    from gitops_agent.rollout.command import CommandKind

    _order(name, CommandKind.RESUME, "is resumed", **options)


@rollout.command(short_help="Roll back to the stable version and reject the new one.")
@click.argument("name", shell_complete=complete.rollouts)
@click.option("--reason", default="", help="The reason, shown in the status.")
@_order_options
@_policy_options
def abort(name: str, **options: Any) -> None:
    """Roll back to the stable version and reject the new one.

    The traffic returns and the new pods are deleted. The version is not tried again until Git has another one, or by `rollout
    retry`.
    """
    from gitops_agent.rollout.command import CommandKind

    _order(name, CommandKind.ABORT, "is aborted", **options)


@rollout.command(short_help="Retry a rejected version.")
@click.argument("name", shell_complete=complete.rollouts)
@_order_options
@_policy_options
def retry(name: str, **options: Any) -> None:
    """Retry the version that was rolled back, from the first step."""
    from gitops_agent.rollout.command import CommandKind

    _order(name, CommandKind.RETRY, "is tried again", **options)


@rollout.command(short_help="Show the last runs and their results.")
@click.argument("name", required=False, shell_complete=complete.rollouts)
@out.output_option
@_policy_options
def history(name: str | None, *, output: str, kubeconfig: str | None, context: str | None, namespace: str) -> None:
    """Print the last ten runs of rollouts, newest first."""
    from gitops_agent.operations.rollout_lookup import every, find

    access = _open(kubeconfig, context)
    rollouts = [find(access, name, namespace)] if name else every(access, namespace)
    runs = sorted(
        ((run, progress.key) for progress in rollouts for run in progress.state.history),
        key=lambda pair: pair[0].at,
        reverse=True,
    )
    if output in ("json", "yaml"):
        entries = [
            {
                "rollout": str(key),
                "at": run.at.isoformat(timespec="seconds"),
                "hash": run.hash,
                "revision": run.commit,
                "result": run.result,
                "reason": run.reason,
            }
            for run, key in runs
        ]
        out.document(entries, output)
    elif output == "name":
        for run, _ in runs:
            click.echo(run.hash)
    elif runs:
        rows = [(timestamp(run.at), str(key), run.hash, short(run.commit), run.result, run.reason) for run, key in runs]
        out.table(("ended", "rollout", "version", "revision", "result", "reason"), rows)
    else:
        out.talk(f"no rollout of {name} has ended yet" if name else "no rollout has ended yet")


def code(rollouts: list[RolloutProgress]) -> int:
    """Exit code: 3 rolled back, paused, refused; 4 awaiting approval; else 0."""
    from gitops_agent.rollout.progress import Attention

    outlooks = {progress.outlook for progress in rollouts}
    if outlooks & {Attention.ROLLED_BACK, Attention.PAUSED, Attention.REFUSED}:
        return DIFFERENT
    return HELD if Attention.APPROVAL in outlooks else 0


def _order(
    name: str,
    order: Any,
    words: str,
    *,
    waits: bool,
    timeout: str,
    kubeconfig: str | None,
    context: str | None,
    namespace: str,
    reason: str = "",
) -> None:
    from gitops_agent.cli.rollout.send import give
    from gitops_agent.cli.watch_until import seconds_of
    from gitops_agent.operations.rollout_lookup import find

    seconds = seconds_of(timeout, "--timeout") if waits else 0.0
    access = _open(kubeconfig, context)
    key = find(access, name, namespace).key
    given = give(access, key, order, reason=reason, seconds=seconds)
    if not waits:
        click.echo(f"{key}: {order} is requested")
        return
    sys.exit(_answer(access, key, given, words, seconds))


def _answer(access: ClusterClient, key: AppKey, given: CommandResult, words: str, seconds: float) -> int:
    """Says what became of an order; the exit code."""
    from gitops_agent.cli.rollout.send import unanswered
    from gitops_agent.rollout.command import CommandKind

    if given.after is None:
        out.talk(f"error: {out.line(unanswered(access, given.before, seconds))} (CommandNotTaken)")
        return ERROR
    if not given.effect:
        out.talk(f"error: {key}: it came too late and changed nothing: {out.line(given.after.message)} (CommandRefused)")
        return ERROR
    if given.order is CommandKind.ADVANCE and given.after.judged:
        words = f"waits for nothing but its metrics now (`gitops-agent rollout promote --full {key}` skips them)"
    click.echo(f"{key} {words}: {out.line(given.after.message)}")
    return 0


def _open(kubeconfig: str | None, context: str | None) -> ClusterClient:
    from gitops_agent.cluster.client import ClusterClient

    return ClusterClient.open(kubeconfig, context, "")


def _overview(rollouts: list[RolloutProgress], namespace: str) -> None:
    from gitops_agent.cli.rollout.view import HEADERS, row

    if rollouts:
        out.table(HEADERS, [row(progress) for progress in rollouts])
    else:
        out.talk(f"there are no RolloutPolicies{f' in namespace {namespace}' if namespace else ''}")
