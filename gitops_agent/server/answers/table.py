"""The answer of each route, by its name."""

from __future__ import annotations

from gitops_agent.server.answers import (
    actions,
    agent,
    application,
    changes,
    history,
    listing,
    logs,
    objects,
    rollouts,
    session,
    share,
)
from gitops_agent.server.answers.call import Answer

ANSWERS: dict[str, Answer] = {
    **session.ANSWERS,
    **listing.ANSWERS,
    **application.ANSWERS,
    **objects.ANSWERS,
    **logs.ANSWERS,
    **changes.ANSWERS,
    **history.ANSWERS,
    **rollouts.ANSWERS,
    **agent.ANSWERS,
    **actions.ANSWERS,
    **share.ANSWERS,
}
