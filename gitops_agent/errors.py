"""The tree of errors that callers distinguish.

::

    AgentError                  a problem a user can act on, in one line
    ├── UsageError              the command line or a setting is wrong (exit code 2)
    ├── SourceError             a repository could not give what was asked of it
    ├── RenderError             the files of a revision do not render
    ├── ProcessError            a program failed, hung or said too much
    ├── ClusterError            the API server refused or could not be reached
    │   ├── NotFound            404 and 410 on an object
    │   ├── Conflict            409
    │   ├── Forbidden           403
    │   │   └── Unauthorized    401: the credentials are not accepted
    │   ├── Invalid             400, 422: repeating the call cannot help
    │   ├── Expired             410 on a list or watch: list again
    │   ├── Throttled           429: come back after `retry_after` seconds
    │   └── Unavailable         5xx, timeouts, torn connections
    ├── UnknownKind             discovery does not know the kind (yet)
    └── CannotSee               part of the cluster cannot be listed; never means "gone"

Facts are fields, the text is one line, and neither ever holds a credential: the code that raises masks first.
`transient` says whether trying the same thing again can help; it is never guessed from a message.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any


def did_you_mean(names: Collection[str]) -> str:
    """Ends an error with what was probably meant; empty without any."""
    return f"; did you mean {' or '.join(names)}?" if names else ""


class AgentError(Exception):
    """A problem that a user can act on.

    Args:
        message: one line, without secrets.
        reason: a code from the table of reasons (`gitops_agent.api.reasons`), CamelCase.
        transient: whether the same attempt can succeed later without a user's action.
        facts: details for scripts, JSON values only.
    """

    reason = "Error"
    transient = False

    def __init__(self, message: str, *, reason: str | None = None, transient: bool | None = None, **facts: Any) -> None:
        super().__init__(message)
        self.message = message
        if reason is not None:
            self.reason = reason
        if transient is not None:
            self.transient = transient
        self.facts = facts

    def __str__(self) -> str:
        return self.message


class UsageError(AgentError):
    """The command line or a setting is wrong; exit code 2."""

    reason = "Usage"


class SourceError(AgentError):
    """A repository could not give what was asked of it."""

    reason = "SourceFailed"


class RenderError(AgentError):
    """A revision does not render; `file` and `field` locate the fault."""

    reason = "RenderFailed"


class ProcessError(AgentError):
    """A program failed, hung or said too much.

    Args:
        message: one line, without secrets.
        command: the argv with credentials redacted.
        returncode: the exit code, negative for a signal, None when it never started.
        stdout: the (capped, redacted) output.
        stderr: the (capped, redacted) error output.
        cause: one of `exit`, `timeout`, `output`, `start`.
    """

    reason = "ProcessFailed"

    def __init__(
        self,
        message: str,
        *,
        command: tuple[str, ...],
        returncode: int | None,
        stdout: str = "",
        stderr: str = "",
        cause: str = "exit",
    ) -> None:
        super().__init__(message, command=list(command), returncode=returncode, cause=cause)
        self.command = command
        self.returncode = returncode
        self.stdout = stdout
        self.stderr = stderr
        self.cause = cause

    def report(self) -> str:
        """The whole story, in indented blocks, for logs and the terminal."""

        def block(title: str, text: str) -> str:
            body = "\n".join(f"    {line}" for line in text.splitlines()) or "    (none)"
            return f"{title}:\n{body}"

        return "\n".join(
            [
                f"command: {' '.join(self.command)}",
                f"return code: {self.returncode}",
                block("stdout", self.stdout),
                block("stderr", self.stderr),
            ],
        )


class ClusterError(AgentError):
    """The API server refused or could not be reached.

    Args:
        message: one line, cut and masked.
        status: the HTTP status, 0 when there was no answer.
        code: the `reason` of the server's Status object, e.g. `AlreadyExists`.
        details: the `details` of the server's Status object (causes, kind, name).
        retry_after: seconds the server asked to wait, or None.
    """

    reason = "ClusterError"

    def __init__(
        self,
        message: str,
        *,
        status: int = 0,
        code: str = "",
        details: dict[str, Any] | None = None,
        retry_after: float | None = None,
        transient: bool | None = None,
    ) -> None:
        super().__init__(message, transient=transient, status=status, code=code)
        self.status = status
        self.code = code
        self.details = details or {}
        self.retry_after = retry_after


class NotFound(ClusterError):
    """The object or the path is not there."""

    reason = "NotFound"


class Conflict(ClusterError):
    """The object changed in between, or another manager owns a field."""

    reason = "Conflict"
    transient = True


class Forbidden(ClusterError):
    """RBAC, quota or an admission policy said no."""

    reason = "Forbidden"


class Unauthorized(Forbidden):
    """The API server does not accept the credentials."""

    reason = "Unauthorized"


class Invalid(ClusterError):
    """The API server will never take this object as it is."""

    reason = "Invalid"


class Expired(ClusterError):
    """The resource version is too old: list again."""

    reason = "Expired"
    transient = True


class Throttled(ClusterError):
    """The API server asked for patience."""

    reason = "Throttled"
    transient = True


class Unavailable(ClusterError):
    """No answer, or a temporary failure: 5xx, timeouts, torn connections."""

    reason = "Unavailable"
    transient = True


class UnknownKind(AgentError):
    """Discovery does not know the kind: its CRD may come later."""

    reason = "UnknownKind"
    transient = True


class CannotSee(AgentError):
    """A part of the cluster cannot be listed.

    RBAC, an aggregated API that is down, a torn page.
    """

    reason = "CannotSee"
    transient = True
