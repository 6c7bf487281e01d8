from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from gitops_agent.source.signature.verdict import Flaw, SignatureKind, Verdict
from gitops_agent.source.signature.verdict_cache import VerdictCache

GOOD = Verdict(signer="Ada", key="A" * 40, kind=SignatureKind.OPENPGP, at=datetime(2026, 1, 1, tzinfo=UTC))
BAD = Verdict(flaw=Flaw.REVOKED, text="is signed by a revoked key", at=datetime(2026, 1, 2, tzinfo=UTC))


def test_verdicts_outlive_the_process(tmp_path: Path) -> None:
    path = tmp_path / "cache" / "verdicts.sqlite"
    first = VerdictCache(path)
    first.put("a/signers", "1", GOOD, "x")
    first.put("a/signers", "1", BAD, "y")
    first.put("a/signers", "2", GOOD, "x")
    first.close()

    second = VerdictCache(path)

    assert second.get("a/signers", "1") == (BAD, "y")
    assert second.get("a/signers", "2") == (GOOD, "x")
    second.close()


def test_a_verdict_counts_for_its_secret_only() -> None:
    cache = VerdictCache()
    cache.put("a/signers", "1", GOOD, "x")

    assert cache.get("b/signers", "1") is None
    cache.close()


def test_a_damaged_file_costs_only_its_verdicts(tmp_path: Path) -> None:
    path = tmp_path / "verdicts.sqlite"
    path.write_bytes(b"no database" * 1000)

    cache = VerdictCache(path)
    cache.put("a", "1", GOOD, "x")

    assert cache.get("a", "1") == (GOOD, "x")
    cache.close()


def test_a_folder_that_cannot_be_written_is_memory(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    cache = VerdictCache(tmp_path / "file" / "verdicts.sqlite")
    cache.put("a", "1", GOOD, "x")

    assert cache.get("a", "1") == (GOOD, "x")
    cache.close()
