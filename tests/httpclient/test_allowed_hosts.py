from __future__ import annotations

import pytest

from gitops_agent.httpclient.allowed_hosts import ANYWHERE, AllowedHosts, HostRefused

RECEIVERS = AllowedHosts.setting(("Hooks.example.com", "*.internal"), name="notify.allowedHosts", subject="a notification")


@pytest.mark.parametrize("host", ["hooks.example.com", "HOOKS.example.com.", "a.b.internal"])
def test_a_host_that_the_list_names_is_allowed(host: str) -> None:
    RECEIVERS.check(host)


@pytest.mark.parametrize("host", ["example.com", "hooks.example.com.evil.example", "internal", "evilinternal", ""])
def test_another_host_is_refused_with_the_rule_that_lacks_it(host: str) -> None:
    with pytest.raises(
        HostRefused, match=r"a notification may not be sent to .*: the setting notify.allowedHosts does not"
    ) as no:
        RECEIVERS.check(host)

    assert (no.value.reason, no.value.transient) == ("HostRefused", False)


def test_an_empty_setting_allows_every_host() -> None:
    AllowedHosts.setting((), name="notify.allowedHosts", subject="a notification").check("anywhere.example")
    ANYWHERE.check("anywhere.example")


def test_a_list_without_a_pattern_allows_none() -> None:
    with pytest.raises(HostRefused):
        AllowedHosts(patterns=(), subject="Secret shop/token", rule="its annotation").check("git.example.com")
