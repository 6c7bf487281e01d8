"""Who a person of a chat is in the cluster.

Problem: a chat knows people by its own ids, and their e-mail addresses can be changed by others. Decision: an allow-list in a
ConfigMap of the agent's namespace, which Git manages, from workspace and member to a user and groups of the cluster. Others
have no rights at all, guests and members of other organizations included. A list with a mistake counts as none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from gitops_agent.api.model import Model, Rule
from gitops_agent.api.problems import read
from gitops_agent.cluster.client import Actor
from gitops_agent.errors import AgentError, Forbidden, RenderError
from gitops_agent.manifest.yaml import YamlLimits, load_all
from gitops_agent.server.chat.slack_request import SlackCall

FILE = "identities.yaml"
"""The key of the ConfigMap."""
_LIMITS = YamlLimits(bytes=512 * 1024, documents=1, depth=10, nodes=100_000)
_SYSTEM = "system:"
_EVERYBODY = "system:authenticated"
"""The group of every user whom an API server knows."""

_Word = Annotated[str, Field(min_length=1, max_length=253, pattern=r"^[^\s\x00-\x1f\x7f]+$")]
_Author = Annotated[str, Field(min_length=1, max_length=253)]


class SlackMember(Model):
    """A member of a workspace of Slack."""

    team: Annotated[str, Field(pattern=r"^T[A-Z0-9]{1,31}$")]
    """The id of the workspace."""

    user: Annotated[str, Field(pattern=r"^[UW][A-Z0-9]{1,31}$")]
    """The id of the member."""

    enterprise: Annotated[str, Field(pattern=r"^(E[A-Z0-9]{1,31})?$")] = ""
    """The id of the organization, where the workspace belongs to an Enterprise Grid."""


class ChatIdentity(Model):
    """A person, and who they are in the cluster."""

    RULES = (
        Rule(
            cel="!self.user.startsWith('system:') && self.groups.all(group, !group.startsWith('system:'))",
            holds=lambda self: not any(name.startswith(_SYSTEM) for name in (self.user, *self.groups)),
            message="user and groups must not start with system:",
        ),
    )

    slack: SlackMember
    """The person in Slack."""

    user: _Word
    """The user, as the API server names them in bindings of roles."""

    groups: Annotated[tuple[_Word, ...], Field(max_length=50)] = ()
    """The groups, likewise."""

    authors: Annotated[tuple[_Author, ...], Field(max_length=20)] = ()
    """Names and e-mail addresses under which the person commits; needed where four eyes are demanded."""


class IdentityList(Model):
    """The allow-list."""

    identities: Annotated[tuple[ChatIdentity, ...], Field(max_length=2000)] = ()
    """Each person once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A person whom the list names.

    Attributes:
        actor: for whom the agent writes.
        groups: of the user, with that of every user.
        authors: names under which they commit.
    """

    actor: Actor
    groups: tuple[str, ...]
    authors: tuple[str, ...]

    @property
    def user(self) -> str:
        """The user, as the API server names them."""
        return self.actor.user


class Identities:
    """A list that was read.

    Args:
        people: by organization, workspace and member.
        source: names the list in refusals.
    """

    def __init__(self, people: Mapping[tuple[str, str, str], Person], source: str) -> None:
        self._people, self._source = people, source

    def person(self, call: SlackCall) -> Person:
        """Who asks.

        Raises:
            Forbidden: the list does not name them.
        """
        person = None if call.foreign else self._people.get((call.enterprise, call.team, call.user))
        if person is None:
            raise Forbidden(f"{self._source} does not name slack/{call.team}/{call.user}", status=403)
        return person


def identities_of(data: Mapping[str, bytes], source: str) -> Identities:
    """Reads the content of the ConfigMap.

    Raises:
        AgentError: it cannot be used (reason `ChatIdentitiesInvalid`).
    """
    if FILE not in data:
        raise AgentError(f"{source} has no key {FILE}", reason="ChatIdentitiesInvalid")
    try:
        documents = load_all(data[FILE], file=FILE, limits=_LIMITS)
        listed = read(IdentityList, documents[0] if documents else {}, root=FILE)
    except (RenderError, AgentError) as error:
        raise AgentError(f"{source}: {error}", reason="ChatIdentitiesInvalid") from error
    people: dict[tuple[str, str, str], Person] = {}
    for each in listed.identities:
        member = each.slack
        key = (member.enterprise, member.team, member.user)
        if key in people:
            raise AgentError(f"{source}: {FILE} names slack/{member.team}/{member.user} twice", reason="ChatIdentitiesInvalid")
        actor = Actor(user=each.user, via=f"slack/{member.team}/{member.user}")
        people[key] = Person(actor=actor, groups=(*each.groups, _EVERYBODY), authors=each.authors)
    return Identities(people, source)
