"""Versions of the programs that the agent and the commands run."""

from __future__ import annotations

from gitops_agent.errors import AgentError
from gitops_agent.process import run
from gitops_agent.render.binaries import find


def tool_versions() -> dict[str, str]:
    """The version of each program, or why it is not there."""
    versions = {}
    for name in ("helm", "kustomize"):
        try:
            versions[name] = find(name).version
        except AgentError as error:
            versions[name] = f"not found: {error}"
    try:
        versions["git"] = run(("git", "--version")).stdout.decode().removeprefix("git version ").strip()
    except AgentError as error:
        versions["git"] = f"not found: {error}"
    return versions
