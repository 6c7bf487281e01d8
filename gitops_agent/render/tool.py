"""Runs helm or kustomize over copied files, isolated, with readable errors."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from gitops_agent.errors import ProcessError, RenderError
from gitops_agent.process import Completed, run
from gitops_agent.render.binaries import Binary
from gitops_agent.render.inputs import Inputs
from gitops_agent.render.objects import Objects
from gitops_agent.render.request import RenderLimits, RenderRequest
from gitops_agent.render.secret_values import without_secrets

_MESSAGE = 2000
_WARNING = 500
_UNREACHABLE = "http://127.0.0.1:9"
"""Port 9 discards; a program that tries to go out through it fails at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    """The folders of one render.

    Attributes:
        root: everything of this render; removed afterwards.
    """

    root: Path

    @property
    def tree(self) -> Path:
        """The copied files, at their own paths."""
        return self.root / "tree"

    def at(self, path: str) -> Path:
        """Where the copy of a path is."""
        return self.tree / path if path else self.tree

    def own(self, text: str) -> str:
        """A text without this machine's folders."""
        return text.replace(f"{self.tree}/", "").replace(str(self.tree), ".").replace(f"{self.root}/", "")

    def environment(self, binary: Path) -> dict[str, str]:
        """Environment of the program: empty home, no PATH, no network, no cluster.

        A program that is a script (a version manager's shim) cannot do without others and keeps PATH.
        """
        with binary.open("rb") as file:
            script = file.read(2) == b"#!"
        home = str(self.root / "home")
        return {
            "HOME": home,
            **({} if script else {"PATH": str(self.root / "no-programs")}),
            "TMPDIR": str(self.root / "tmp"),
            "KUBECONFIG": "/dev/null",
            **{f"XDG_{name}_HOME": f"{home}/{name.lower()}" for name in ("CACHE", "CONFIG", "DATA", "STATE")},
            **{f"HELM_{name}_HOME": f"{home}/helm/{name.lower()}" for name in ("CACHE", "CONFIG", "DATA")},
            "HELM_PLUGINS": f"{home}/plugins",
            "HELM_REPOSITORY_CACHE": f"{home}/repository",
            "KUSTOMIZE_PLUGIN_HOME": f"{home}/plugins",
            **dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), _UNREACHABLE),
            "NO_PROXY": "",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_ALLOW_PROTOCOL": "none",
            "NO_COLOR": "1",
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One render by a program.

    Attributes:
        binary: the program.
        inputs: what it may read, once asked for.
        path: the directory to render, after links.
        request: what was asked.
        workspace: where it runs.
        limits: what it may use.
        objects: takes what comes out.
        cancel: ends it early when set.
        post_renderer: kustomize, where the spec changes what a chart renders.
    """

    binary: Binary
    inputs: Inputs
    path: str
    request: RenderRequest
    workspace: Workspace
    limits: RenderLimits
    objects: Objects
    cancel: threading.Event | None = None
    post_renderer: Binary | None = None

    def run(self, *arguments: str) -> Completed:
        """Runs the program in the workspace.

        Raises:
            RenderError: reasons `RenderTimeout`, `RenderTooLarge`, `RenderFailed`, with the program's own words.
        """
        for name in ("home", "tmp", "no-programs"):
            (self.workspace.root / name).mkdir(exist_ok=True)
        try:
            return run(
                (str(self.binary.path), *arguments),
                cwd=self.workspace.root,
                env=self.workspace.environment(self.binary.path),
                limits=self.limits.process,
                cancel=self.cancel,
                own_session=False,
            )
        except ProcessError as error:
            raise _translated(error, self.workspace) from None

    def masked(self, warnings: Iterable[str]) -> list[str]:
        """Warnings of the program, without local folders and secret values."""
        words = self.workspace.own("\n".join(warnings))
        return [line[:_WARNING] for line in without_secrets(words, self.workspace.root).split("\n")] if words else []


def _translated(error: ProcessError, workspace: Workspace) -> RenderError:
    if error.cause == "timeout":
        return RenderError(error.message, reason="RenderTimeout", cause=error.cause)
    if error.cause in ("output", "memory"):
        return RenderError(error.message, reason="RenderTooLarge", cause=error.cause)
    if error.cause == "exit" and error.returncode is not None:
        message = without_secrets(_message(workspace.own(error.stderr)), workspace.root)
        if message:
            return RenderError(message, reason="RenderFailed", returncode=error.returncode)
    return RenderError(without_secrets(workspace.own(error.message), workspace.root), reason="RenderFailed", cause=error.cause)


def _message(stderr: str) -> str:
    """The message after `Error:` on one line, else the last line."""
    lines = [line.strip() for line in stderr[-16 * _MESSAGE :].splitlines() if line.strip()]
    starts = [index for index, line in enumerate(lines) if line.startswith("Error:")]
    if starts:
        message = [line for line in lines[starts[-1] :] if not line.startswith("Use --debug flag")]
        text = " ".join(message).removeprefix("Error:").strip()
    else:
        text = lines[-1] if lines else ""
    text = "".join(letter if letter.isprintable() else " " for letter in text)
    return text if len(text) <= _MESSAGE else f"{text[: _MESSAGE // 2]} … {text[-_MESSAGE // 2 :]}"
