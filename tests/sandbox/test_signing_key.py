from __future__ import annotations

import base64

from gitops_agent.sandbox.signing_key import new_signing_key


def test_a_key_is_pem_with_the_curve_and_a_number_of_32_bytes() -> None:
    lines = new_signing_key().splitlines()
    assert lines[0] == "-----BEGIN EC PRIVATE KEY-----"
    assert lines[-1] == "-----END EC PRIVATE KEY-----"
    der = base64.b64decode("".join(lines[1:-1]))
    assert der[:7] == bytes([0x30, len(der) - 2, 0x02, 0x01, 0x01, 0x04, 0x20])
    assert der[-8:] == bytes([0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07])


def test_no_two_keys_are_the_same() -> None:
    assert len({new_signing_key() for _ in range(50)}) == 50
