from __future__ import annotations

import contextlib
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitops_agent.source.signature.certificate import binary, certificates
from tests.source.signature.keys import GpgHome


@pytest.mark.slow
def test_facts_of_certificates_are_those_gpg_gives(gpg: GpgHome) -> None:
    brief = gpg.key("facts@example.com", expires="2y", at="20250101T000000")
    lasting = gpg.key("rsa@example.com", algorithm="rsa3072")
    gone = gpg.key("gone@example.com")
    gpg.subkey(lasting)
    gpg.revoke(gone)
    blocks = gpg.export(brief) + gpg.export(lasting, gone)

    certificate, *others = certificates(binary(blocks))

    assert (certificate.fingerprint, certificate.users) == (brief, ("Ada <facts@example.com>",))
    assert (certificate.created, certificate.expires) == (datetime(2025, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))
    by_fingerprint = {each.fingerprint: each for each in others}
    assert (by_fingerprint[lasting].expires, by_fingerprint[lasting].revoked) == (None, False)
    assert by_fingerprint[gone].revoked


@pytest.mark.slow
def test_a_private_key_is_refused(gpg: GpgHome) -> None:
    key = gpg.key("private@example.com")
    for armor in ("--armor", "--no-armor"):
        with pytest.raises(ValueError, match="holds a private key: take it out"):
            certificates(binary(gpg.run(armor, "--export-secret-keys", key)))


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    with contextlib.suppress(ValueError):
        assert certificates(binary(data))
