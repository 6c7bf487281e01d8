from __future__ import annotations

from gitops_agent.source.signature.openpgp import read
from gitops_agent.source.signature.verdict import Flaw

SUBKEY, PRIMARY = "B" * 40, "A" * 40
VALID = f"[GNUPG:] VALIDSIG {SUBKEY} 2026-01-01 1767225600 0 4 0 22 8 00 {PRIMARY}\n"
GOOD = f"[GNUPG:] NEWSIG\n[GNUPG:] GOODSIG 1234 Ada <ada@example.com>\n{VALID}"


def test_the_identity_is_the_primary_key() -> None:
    result = read(GOOD)

    assert (result.flaw, result.user, result.key) == (None, "Ada <ada@example.com>", PRIMARY)


def test_anything_beside_one_good_signature_refuses_it() -> None:
    for more, flaw in (
        ("[GNUPG:] NEWSIG\n", Flaw.MALFORMED),
        ("[GNUPG:] EXPKEYSIG 1234 Ada\n", Flaw.EXPIRED),
        ("[GNUPG:] REVKEYSIG 1234 Ada\n", Flaw.REVOKED),
        ("[GNUPG:] EXPSIG 1234 Ada\n", Flaw.EXPIRED),
        ("[GNUPG:] BADSIG 1234 Ada\n", Flaw.BAD),
        ("[GNUPG:] NODATA 1\n", Flaw.MALFORMED),
        ("[GNUPG:] ERRSIG 1234 22 8 00 1 4 -\n", Flaw.UNSUPPORTED),
        (VALID, Flaw.MALFORMED),
        ("[GNUPG:] GOODSIG 1234 Eve\n", Flaw.MALFORMED),
    ):
        assert read(GOOD + more).flaw is flaw


def test_a_user_id_reaches_people_without_control_characters() -> None:
    result = read(GOOD.replace("Ada", "\x1b[31mAda" + "a" * 300))

    assert result.user.startswith("[31mAda")
    assert len(result.user) == 200


def test_silence_is_no_signature() -> None:
    assert read("").flaw is Flaw.MALFORMED
    assert read("gpgv: Good signature\n").flaw is Flaw.MALFORMED
