"""Who the viewer is, and what they may do."""

from __future__ import annotations

from typing import cast

from gitops_agent import __version__
from gitops_agent.server.answers.call import Answer, Call
from gitops_agent.server.rights import APPLICATION_VERBS, ROLLOUT_VERBS, SHARE, Rights
from gitops_agent.server.views.session import Me, NamespaceRights


def me(call: Call) -> Me:
    """The viewer and their rights, by namespace."""
    viewer, service = call.viewer, call.service
    namespaces = sorted({key.namespace for key in service.source.applications()} | {viewer.access.namespace})
    every = [viewer.rights(namespace) for namespace in namespaces]
    return Me.model_validate(
        {
            "user": viewer.user,
            "groups": viewer.groups,
            "mode": viewer.mode,
            "rights": tuple(
                _rights(rights, shares=service.shares is not None)
                for rights in every
                if rights.sees_all or rights.names or rights.allowed
            ),
            "expires": viewer.expires,
            "version": __version__,
            "epoch": service.rows.epoch,
            "cluster": service.cluster,
        }
    )


def _rights(rights: Rights, *, shares: bool) -> NamespaceRights:
    verbs = [verb for verb in APPLICATION_VERBS if not rights.missing(verb, "applications")]
    verbs += [verb for verb in ROLLOUT_VERBS if verb not in APPLICATION_VERBS and not rights.missing(verb, "rolloutpolicies")]
    verbs += [SHARE] if shares and rights.may(SHARE, "applications") else []
    return NamespaceRights(namespace=rights.namespace, sees=rights.sees_all, verbs=tuple(verbs), incomplete=rights.incomplete)


ANSWERS: dict[str, Answer] = {"me": cast("Answer", me)}
