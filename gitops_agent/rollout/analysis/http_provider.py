"""Protocol of HTTP metric providers: pure functions for request and answer."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol, TypeVar

from gitops_agent.rollout.analysis.http_query import Query, QueryInvalid
from gitops_agent.rollout.analysis.query_template import fill

WINDOW = timedelta(minutes=5)
"""Age up to which the latest value of a provider without instant queries counts."""

Options = TypeVar("Options", contravariant=True)  # noqa: PLC0105 - it is the options


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What one measurement asks with.

    Attributes:
        facts: values of the placeholders.
        secret: content of the Secret the provider names; empty when it names none.
        at: time of the measurement, aware.
    """

    facts: Mapping[str, str]
    secret: Mapping[str, bytes] = field(repr=False)
    at: datetime

    @property
    def start(self) -> datetime:
        """The begin of the window, for providers without instant queries."""
        return self.at - WINDOW

    @property
    def authorization(self) -> dict[str, str]:
        """The Authorization header from `token`, or `username` and `password`.

        Raises:
            QueryInvalid: the token cannot stand in a header.
        """
        if "token" in self.secret:
            return {"Authorization": f"Bearer {self.credential('token')}"}
        if "username" in self.secret:
            pair = self.secret["username"] + b":" + self.secret.get("password", b"")
            return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}
        return {}

    def fill(self, text: str) -> str:
        """A text with its placeholders filled.

        Raises:
            QueryInvalid: a placeholder is unknown.
        """
        return fill(text, self.facts)

    def credential(self, name: str) -> str:
        """A credential that may stand in a header.

        Raises:
            QueryInvalid: the Secret has none of that name, or one that no header can hold.
        """
        try:
            value = self.secret[name].decode("ascii").strip()
        except KeyError:
            raise QueryInvalid(f"the Secret has no key {name}") from None
        except UnicodeDecodeError:
            raise QueryInvalid(f"the key {name} of the Secret is not ASCII text") from None
        if not value.isprintable():
            raise QueryInvalid(f"the key {name} of the Secret holds control characters")
        return value


class HttpProvider(Protocol[Options]):
    """A metric provider; its options are those of the policy."""

    def ask(self, options: Options, ask: Ask) -> Query:
        """The request of one measurement.

        Raises:
            QueryInvalid: no request can be made of the options.
        """

    def answer(self, options: Options, status: int, body: bytes) -> Any:
        """The result in an answer; None when it holds no data.

        Raises:
            MeasurementFailed: the answer is an error.
        """
