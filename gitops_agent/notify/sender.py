"""Sends one message to the receiver of a Notifier, once.

Problem: a delivery that is tried again for a day and a test that is answered at once need the same attempt. Decision: this
class makes the attempt and knows no queue; who calls it decides what a failure means. The Secret is read before each attempt,
so that a rotated one is used at once, and no error leaves with a value of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from gitops_agent.api.notifier import Notifier, NotifierSpec
from gitops_agent.cluster.secrets import NO_SECRET, SecretContent, SecretReader
from gitops_agent.errors import AgentError, NotFound
from gitops_agent.httpclient.client import HttpClient
from gitops_agent.notify import template
from gitops_agent.notify.links import page_of
from gitops_agent.notify.message import Message
from gitops_agent.notify.providers import PROVIDERS
from gitops_agent.observe.redaction import scrub
from gitops_agent.process import redact


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A message that the receiver took.

    Attributes:
        broken: why the template was not used; empty when it was, or there is none.
    """

    broken: str = ""


class Sender:
    """Makes single attempts; `abort` works from any thread.

    Args:
        secrets: reads the Secret that a Notifier names.
        http: the client.
        clock: aware time, UTC.
        external_url: where people reach the dashboard; empty where they do not.
    """

    def __init__(
        self, secrets: SecretReader, *, http: HttpClient, clock: Callable[[], datetime], external_url: str = ""
    ) -> None:
        self._secrets, self._http, self._clock, self._external_url = secrets, http, clock, external_url

    def send(self, notifier: Notifier, message: Message) -> Sent:
        """Sends a message.

        Raises:
            DeliveryError: the receiver did not take it.
            AgentError: the Secret is missing or incomplete, or the host is not allowed.
        """
        spec, secret = notifier.spec, NO_SECRET
        provider = PROVIDERS[spec.provider]
        message = replace(message, link=page_of(message, self._external_url))
        text, broken = _text(spec, message)
        try:
            secret = self._secret(notifier)
            request = provider.request(message, text, secret.data, spec, now=self._clock())
            provider.judge(self._http.send(request, authority=secret.data.get("ca.crt", b""), secret=secret.hosts))
        except AgentError as error:
            raise _hidden(error, secret, spec.address) from None
        return Sent(broken=broken)

    def test(self, notifier: Notifier, request: str) -> Sent:
        """Sends the message of a test; raises as `send` does.

        Raises:
            AgentError: the provider has no use for a test message (reason `NothingToTest`).
        """
        message = Message.test(notifier.key, request, self._clock())
        if not PROVIDERS[notifier.spec.provider].speaks_of(message, notifier.spec):
            text = f"{notifier.spec.provider} shows states of commits, and a test message is about none: push a commit instead"
            raise AgentError(text, reason="NothingToTest")
        return self.send(notifier, message)

    def abort(self) -> None:
        """Ends the attempt under way and refuses further ones."""
        self._http.abort()

    def _secret(self, notifier: Notifier) -> SecretContent:
        if notifier.spec.secret_ref is None:
            return NO_SECRET
        name = notifier.spec.secret_ref.name
        try:
            return self._secrets.read(notifier.key.namespace, name)
        except NotFound:
            raise AgentError(f"there is no Secret {name}", reason="SecretNotFound") from None


def _text(spec: NotifierSpec, message: Message) -> tuple[str, str]:
    """The text below the title, and what was wrong with the template."""
    text = "\n".join(message.lines)
    if spec.template is None:
        return text, ""
    try:
        return template.render(spec.template, message), ""
    except AgentError as error:
        return f"{text}\n(shown in the default form: {error.message})".lstrip(), error.message


def _hidden(error: AgentError, secret: SecretContent, address: str | None) -> AgentError:
    """The error without values of the Secret, even from the answer."""
    secrets = [value.decode("utf-8", "replace").strip() for value in secret.data.values()]
    error.message = scrub(redact(error.message, [*secrets, *([address] if address else [])]))
    error.args = (error.message,)
    return error
