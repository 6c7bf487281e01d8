"""Sends one message to the receiver of a Notifier, once.

Problem: a delivery that is tried again for a day and a test that is answered at once need the same attempt. Decision: this
class makes the attempt and knows no queue; who calls it decides what a failure means. The Secret is read before each attempt,
so that a rotated one is used at once, and no error leaves with a value of it.
"""

from __future__ import annotations

import base64
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import quote

from gitops_agent.api.notifier import MessageStyle, Notifier, NotifierSpec
from gitops_agent.cluster.secrets import NO_SECRET, SecretContent, SecretReader
from gitops_agent.errors import AgentError, NotFound
from gitops_agent.httpclient.client import HttpClient
from gitops_agent.httpclient.mail import Mail, SmtpClient
from gitops_agent.httpclient.message import Answer, DeliveryError, Request
from gitops_agent.notify import template
from gitops_agent.notify.links import page_of
from gitops_agent.notify.living_messages import LivingMessage, is_progress
from gitops_agent.notify.message import Message
from gitops_agent.notify.providers import EDITORS, PROVIDERS
from gitops_agent.observe.redaction import scrub
from gitops_agent.process import redact

_LONG_LINE = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A message that the receiver took.

    Attributes:
        broken: why the template was not used; empty when it was, or there is none.
        id: of the message, where the receiver can edit it.
        refused: the recipients of a mail that its server refused, while it took the message for others.
    """

    broken: str = ""
    id: str = ""
    refused: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Attempt:
    """What the requests of one attempt are made from."""

    message: Message
    text: str
    secret: SecretContent
    spec: NotifierSpec
    now: datetime

    def request(self) -> Request | Mail:
        provider = PROVIDERS[self.spec.provider]
        return provider.request(self.message, self.text, self.secret.data, self.spec, now=self.now)

    def update(self, posted: str) -> Request:
        editor = EDITORS[self.spec.provider]
        return editor.update(self.message, self.text, posted, self.secret.data, self.spec, now=self.now)


class Sender:
    """Makes single attempts; `abort` works from any thread.

    Args:
        secrets: reads the Secret that a Notifier names.
        http: the client for HTTP.
        smtp: the client for e-mail.
        clock: aware time, UTC.
        external_url: where people reach the dashboard; empty where they do not.
        buttons: whether messages of Slack have buttons.
    """

    def __init__(
        self,
        secrets: SecretReader,
        *,
        http: HttpClient,
        smtp: SmtpClient,
        clock: Callable[[], datetime],
        external_url: str = "",
        buttons: bool = False,
    ) -> None:
        self._secrets, self._http, self._smtp, self._clock = secrets, http, smtp, clock
        self._external_url, self._buttons = external_url, buttons

    def edits(self, notifier: Notifier) -> bool:
        """Whether progress of a commit edits its message."""
        editor = EDITORS.get(notifier.spec.provider)
        if editor is None or notifier.spec.messages is MessageStyle.EACH:
            return False
        try:
            return editor.edits(self._secret(notifier).data)
        except AgentError:
            return False  # the attempt fails of the same, and says so

    def send(self, notifier: Notifier, message: Message, living: LivingMessage | None = None) -> Sent:
        """Sends a message.

        Args:
            notifier: whose receiver.
            message: what happened.
            living: the message of its commit, with this stage; None where each event is a message.

        Raises:
            DeliveryError: the receiver did not take it.
            AgentError: the Secret is missing or incomplete, or the host is not allowed.
        """
        spec, secret = notifier.spec, NO_SECRET
        message = replace(message, link=page_of(message, self._external_url), buttons=self._buttons)
        text, broken = _text(spec, message, living)
        try:
            secret = self._secret(notifier)
            attempt = _Attempt(message=message, text=text, secret=secret, spec=spec, now=self._clock())
            if living is not None:
                return Sent(broken=broken, id=self._live(attempt, living))
            request = attempt.request()
            answer = self._exchange(attempt, request)
        except AgentError as error:
            raise hidden(error, secret, spec.address) from None
        refused = scrub(answer.body.decode("utf-8", "replace")) if isinstance(request, Mail) else ""
        return Sent(broken=broken, refused=refused)

    def _live(self, attempt: _Attempt, living: LivingMessage) -> str:
        """Edits the message of the commit or posts one; returns its id.

        One that was deleted, is too old or is another bot's is refused for good, and posted anew.
        """
        progress = is_progress(attempt.message)
        if living.id and progress and self._edited(attempt, living.id):
            return living.id
        posted = EDITORS[attempt.spec.provider].message_id(self._exchange(attempt, attempt.request()))
        if living.id and not progress:
            # The older message would say for ever that all goes on; where it cannot be edited now, the newer one says it.
            with contextlib.suppress(AgentError):
                self._edited(attempt, living.id)
        return posted

    def _edited(self, attempt: _Attempt, posted: str) -> bool:
        """Whether a message could be edited.

        Raises:
            DeliveryError: not now (transient).
        """
        try:
            self._exchange(attempt, attempt.update(posted))
        except DeliveryError as error:
            if error.transient:
                raise
            return False
        return True

    def _exchange(self, attempt: _Attempt, request: Request | Mail) -> Answer:
        authority, hosts = attempt.secret.data.get("ca.crt", b""), attempt.secret.hosts
        if isinstance(request, Mail):
            answer = self._smtp.send(request, authority=authority, secret=hosts)
        else:
            answer = self._http.send(request, authority=authority, secret=hosts)
        judged(PROVIDERS[attempt.spec.provider].judge, answer, attempt.secret, attempt.spec.address)
        return answer

    def test(self, notifier: Notifier, request: str) -> Sent:
        """Sends the message of a test; raises as `send` does."""
        return self.send(notifier, Message.test(notifier.key, request, self._clock()))

    def abort(self) -> None:
        """Ends the attempt under way and refuses further ones."""
        self._http.abort()
        self._smtp.abort()

    def _secret(self, notifier: Notifier) -> SecretContent:
        if notifier.spec.secret_ref is None:
            return NO_SECRET
        name = notifier.spec.secret_ref.name
        try:
            return self._secrets.read(notifier.key.namespace, name)
        except NotFound:
            raise AgentError(f"there is no Secret {name}", reason="SecretNotFound") from None


def _text(spec: NotifierSpec, message: Message, living: LivingMessage | None) -> tuple[str, str]:
    """The text below the title, and what was wrong with the template."""
    trail = living.trail if living is not None else ""
    text = "\n".join((*message.lines, trail)).rstrip()
    if spec.template is None:
        return text, ""
    try:
        return template.render(spec.template, message), ""
    except AgentError as error:
        return f"{text}\n(shown in the default form: {error.message})".lstrip(), error.message


def judged(judge: Callable[[Answer], None], answer: Answer, secret: SecretContent, address: str | None) -> None:
    """Asks a provider for its verdict; raises as it does.

    An error quotes the answer and cuts it, and half a credential is none that could be recognised afterwards.

    Args:
        judge: the verdict of the provider.
        answer: what the receiver said; it may repeat what was sent.
        secret: what was sent.
        address: of the Notifier.
    """
    text = redact(answer.body.decode("utf-8", "surrogateescape"), _sent(secret, address))
    judge(replace(answer, body=text.encode("utf-8", "surrogateescape")))


def hidden(error: AgentError, secret: SecretContent, address: str | None) -> AgentError:
    """The error without values of the Secret, even from the answer."""
    error.message = scrub(redact(error.message, _sent(secret, address)))
    error.args = (error.message,)
    return error


def _sent(secret: SecretContent, address: str | None) -> set[str]:
    """What was sent, as it stands in bodies, addresses and headers."""
    values = {value.decode("utf-8", "surrogateescape").strip() for value in secret.data.values()} | {address or ""}
    lines = {line.strip() for value in values for line in value.splitlines() if len(line) >= _LONG_LINE and "-----" not in line}
    user = secret.data.get("username", b"").decode("utf-8", "surrogateescape").strip()
    texts = values | lines
    encoded = {text.encode("utf-8", "surrogateescape") for text in texts | {f"{user}:{value}" for value in values if value}}
    return texts | {quote(text, safe="") for text in encoded} | {base64.b64encode(text).decode() for text in encoded}
