"""What became of one request."""

from __future__ import annotations

from dataclasses import dataclass

_SERVER_ERROR = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One request and its result.

    Attributes:
        at: when it was sent, on the monotonic clock.
        seconds: until the answer was complete or known to be none.
        status: of HTTP; 0 when there was no answer.
        error: why there was none: `connect`, `reset`, `closed`, `timeout` or `unreadable`; empty otherwise.
        variant: of the pod that answered, as its label says; empty when no pod did.
        image: of its first container.
        pod: its name.
        injected: the pod was configured to fail, so this failure proves nothing about the path to it.
    """

    at: float
    seconds: float
    status: int = 0
    error: str = ""
    variant: str = ""
    image: str = ""
    pod: str = ""
    injected: bool = False

    @property
    def failed(self) -> bool:
        """Whether a user would have seen an unexpected error."""
        return bool(self.error) or (self.status >= _SERVER_ERROR and not self.injected)

    def __str__(self) -> str:
        return f"{self.error or self.status} from {self.pod or 'nobody'} after {self.seconds * 1000:.0f} ms"
