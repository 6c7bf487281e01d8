from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from gitops_agent.source.signature.allowed_signers import allowed_signers
from gitops_agent.source.signature.ssh import SshTrust, accepts, verify
from gitops_agent.source.signature.verdict import Flaw
from tests.source.signature.keys import SshKey, allowed

pytestmark = pytest.mark.slow
NOW = datetime(2026, 2, 1, tzinfo=UTC)


def trust(lines: bytes, revoked: bytes = b"") -> SshTrust:
    return SshTrust(signers=lines, allowed=tuple(allowed_signers(lines.decode())), revoked=revoked, now=NOW)


def test_all_principals_of_a_line_are_named(ada: SshKey, tmp_path: Path) -> None:
    result = verify(ada.sign(b"one"), b"one", trust(allowed({"a@example.com,b@example.com": ada})), tmp_path)

    assert (result.flaw, result.principals) == (None, ("a@example.com", "b@example.com"))


def test_a_pattern_accepts_the_addresses_it_matches(ada: SshKey, tmp_path: Path) -> None:
    signature, team = ada.sign(b"one"), trust(allowed({"*@example.com": ada}))

    assert accepts(signature, b"one", team, "ada@example.com", tmp_path)
    assert not accepts(signature, b"one", team, "ada@example.org", tmp_path)


def test_a_name_that_looks_like_an_option_is_nobody(ada: SshKey, tmp_path: Path) -> None:
    assert not accepts(ada.sign(b"one"), b"one", trust(allowed({"*": ada})), "-f/etc/passwd", tmp_path)


def test_a_key_that_is_not_valid_yet_is_refused(ada: SshKey, tmp_path: Path) -> None:
    result = verify(ada.sign(b"one"), b"one", trust(allowed({"ada": ada}, 'valid-after="20270101"')), tmp_path)

    assert result.flaw is Flaw.UNKNOWN_SIGNER
    assert result.text.endswith("which allowed_signers lists for ada only from 2027-01-01 on")
