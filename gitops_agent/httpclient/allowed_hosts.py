"""Hosts that something may be sent to.

Who writes an Application, a Notifier or a RolloutPolicy chooses a Secret and the host it is sent to. Two lists limit the
choice: the annotation of the Secret, by those who own the credential, and a setting, by the administrator of the agent. Every
list that applies has to allow the host, and it is asked before the name of the host is even resolved.
"""

from __future__ import annotations

from dataclasses import dataclass

from gitops_agent.errors import AgentError
from gitops_agent.httpclient.wildcard import matches


class HostRefused(AgentError):
    """A setting or a Secret does not allow the host."""

    reason = "HostRefused"


@dataclass(frozen=True, slots=True, kw_only=True)
class AllowedHosts:
    """A list of hosts, and what it is about.

    Attributes:
        patterns: names in lower case, in which `*` stands for any text; None allows every host.
        subject: what is sent, such as `Secret shop/token`.
        rule: what holds the list, such as `its annotation gitops-agent.dev/allowed-hosts`.
        reason: the code of a refusal.
    """

    patterns: tuple[str, ...] | None = None
    subject: str = ""
    rule: str = ""
    reason: str = HostRefused.reason

    @classmethod
    def setting(cls, patterns: tuple[str, ...], *, name: str, subject: str) -> AllowedHosts:
        """The list of a setting; an empty one allows every host."""
        allowed = tuple(pattern.lower() for pattern in patterns) or None
        return cls(patterns=allowed, subject=subject, rule=f"the setting {name}")

    def check(self, host: str) -> None:
        """Accepts a host.

        Raises:
            HostRefused: the list does not name it.
        """
        name = host.lower().rstrip(".")
        if self.patterns is None or any(matches(pattern, name) for pattern in self.patterns):
            return
        text = f"{self.subject} may not be sent to {name or 'no host'}: {self.rule} does not name it"
        raise HostRefused(text, reason=self.reason, host=name)


ANYWHERE = AllowedHosts()
