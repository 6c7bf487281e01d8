from __future__ import annotations

import pytest

from gitops_agent.cli.selection import Selection
from gitops_agent.errors import UsageError


def test_what_is_watched_is_what_is_listed() -> None:
    single = Selection(everywhere=False, labels="team=a", watch=True).watched("gitops-system", "shop")
    every = Selection(everywhere=True, labels="", watch=True).watched("gitops-system")

    assert (single.namespace, single.label_selector, single.field_selector) == ("gitops-system", "team=a", "metadata.name=shop")
    assert (every.namespace, every.label_selector, every.field_selector) == ("", "", "")


def test_nothing_says_where_it_was_looked_for() -> None:
    assert Selection(everywhere=False, labels="a=b", watch=False).nothing("Notifiers", "team") == (
        "there are no Notifiers in namespace team with the labels a=b"
    )
    assert Selection(everywhere=True, labels="", watch=False).nothing("Applications", "team") == "there are no Applications"


def test_a_name_beside_all_namespaces_is_refused() -> None:
    with pytest.raises(UsageError, match="exclude each other"):
        Selection(everywhere=True, labels="", watch=False).check("shop")
