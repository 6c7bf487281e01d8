"""`gitops-agent tools list|install|verify`: the programs of the renderer and the sandbox."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from gitops_agent.cli.output import document, output_option, table, talk

if TYPE_CHECKING:
    from gitops_agent.toolchain.catalog import Tool

_NOT_HEALTHY = 3


@click.group()
def tools() -> None:
    """Manage the programs of the renderer and the sandbox, at locked versions.

    Sources, in this order: the user's cache, PATH, the publisher's release (checksum verified), the Go module proxy.
    """


@tools.command("list")
@output_option
def show(output: str) -> None:
    """Show every tool, whether it is installed, and its source."""
    rows = [_row(tool) for tool in _all()]
    if output == "table":
        table(
            ("name", "version", "state", "from", "path"),
            [(r["name"], r["version"], r["state"], r["from"], r["path"]) for r in rows],
        )
    elif output == "name":
        for row in rows:
            click.echo(row["name"])
    else:
        document(rows, output)


@tools.command()
@click.argument("names", nargs=-1, metavar="[NAME…]")
@click.option(
    "--all",
    "everything",
    is_flag=True,
    help="Add what tests and measurements need: kube-proxy, ip, nft, Prometheus, Chromium, ssh.",
)
@click.option("--force", is_flag=True, help="Install anew even what is there.")
def install(names: tuple[str, ...], *, everything: bool, force: bool) -> None:
    """Install the named tools, or all required ones, into the user's cache.

    Prints the path of each on standard output. Building all of them from source takes some 15 minutes on two cores, once.
    """
    from gitops_agent.toolchain.catalog import TOOLS, selected
    from gitops_agent.toolchain.installer import Installer
    from gitops_agent.toolchain.progress import to_stderr
    from gitops_agent.toolchain.system_packages import PACKAGES, SystemPackages

    if names and everything:
        raise click.UsageError("--all and names exclude each other")
    progress = to_stderr()
    chosen = selected(tuple(TOOLS)) if everything else selected(names)
    for installed in Installer(progress=progress).ensure(chosen, force=force).values():
        click.echo(str(installed.path))
    if everything:
        programs = SystemPackages(progress=progress)
        for name in PACKAGES:
            click.echo(str(programs.find(name)))


@tools.command()
@click.argument("names", nargs=-1, metavar="[NAME…]")
@click.pass_context
def verify(ctx: click.Context, names: tuple[str, ...]) -> None:
    """Compare the installed tools with the hashes of their receipts.

    Exits with 3 when one is missing or damaged.
    """
    from gitops_agent.toolchain.cache import ToolCache, ToolDamaged
    from gitops_agent.toolchain.catalog import selected
    from gitops_agent.toolchain.path_lookup import find

    cache = ToolCache()
    bad = 0
    for tool in selected(names):
        on_path = None if cache.receipt(tool) else find(tool)
        if on_path is not None:
            click.echo(f"{tool.name} {on_path[1]}: on PATH, not ours to verify")
            continue
        try:
            receipt = cache.verify(tool)
        except ToolDamaged as error:
            bad += 1
            talk(f"{tool.name} {tool.version}: {error}")
        else:
            click.echo(f"{tool.name} {tool.version}: ok, sha256 {receipt.sha256}")
    if bad:
        talk("`gitops-agent tools install` installs what is missing or damaged")
        ctx.exit(_NOT_HEALTHY)


def _all() -> tuple[Tool, ...]:
    from gitops_agent.toolchain.catalog import TOOLS

    return tuple(TOOLS.values())


def _row(tool: Tool) -> dict[str, str]:
    from gitops_agent.toolchain.cache import ToolCache
    from gitops_agent.toolchain.installer import Installer

    cache = ToolCache()
    installed = Installer(cache).find(tool)
    row = {"name": tool.name, "version": tool.version, "state": "", "from": "", "path": ""}
    if installed is None:
        damaged = cache.receipt(tool) is not None
        return row | {"state": "damaged" if damaged else "optional" if tool.optional else "missing"}
    state = "on PATH" if installed.origin == "PATH" else "installed"
    return row | {"version": installed.version, "state": state, "from": installed.origin, "path": str(installed.path)}
