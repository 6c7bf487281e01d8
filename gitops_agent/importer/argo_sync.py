"""The sync policy of an Argo CD Application, as `spec.sync` of ours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gitops_agent.importer.conversion import Remark
from gitops_agent.importer.draft import given
from gitops_agent.importer.field_table import Meaning
from gitops_agent.importer.jq_path import pointer
from gitops_agent.manifest.key import Object
from gitops_agent.manifest.reading import items, mapping

_DIFFERENCES = "spec.ignoreDifferences[]"


def options(policy: Mapping[str, Any]) -> dict[str, str]:
    """The sync options by name."""
    pairs = (str(option).partition("=") for option in policy.get("syncOptions") or ())
    return {name: value or "true" for name, _, value in pairs}


def mode(policy: Mapping[str, Any]) -> str:
    """The mode that does what Argo CD did."""
    automated = policy.get("automated")
    return "auto" if isinstance(automated, dict) and automated.get("enabled") is not False else "manual"


def sync(spec: Object, remarks: list[Remark]) -> Object:
    """`spec.sync` but for windows and mode."""
    policy = mapping(spec, "syncPolicy")
    automated = mapping(policy, "automated")
    prune = automated.get("prune") is True and options(policy).get("Prune") != "false"
    return {
        "prune": prune,
        "selfHeal": automated.get("selfHeal") is True,
        **given({"ignoreFields": _ignored(items(spec.get("ignoreDifferences")), remarks)}),
    }


def _ignored(differences: list[Object], remarks: list[Remark]) -> list[Object]:
    result = []
    for raw in differences:
        kind = "/".join(part for part in (str(raw.get("group") or ""), str(raw.get("kind") or "")) if part)
        if "*" in kind or not raw.get("kind"):
            text = f"{kind or 'an entry'} names no single kind: write one entry for each"
            remarks.append(Remark(theirs=f"{_DIFFERENCES}.kind", meaning=Meaning.NONE, note=text))
            continue
        paths = [str(path) for path in raw.get("jsonPointers") or ()]
        for expression in raw.get("jqPathExpressions") or ():
            path = pointer(str(expression))
            if path is None:
                text = f"{kind}: `{str(expression)[:200]}` computes something"
                remarks.append(Remark(theirs=f"{_DIFFERENCES}.jqPathExpressions", meaning=Meaning.NONE, note=text))
            else:
                paths.append(path)
        managers = [str(manager) for manager in raw.get("managedFieldsManagers") or ()]
        if paths or managers:
            result.append(given({"kind": kind, "name": raw.get("name"), "paths": paths, "managers": managers}))
    return result
