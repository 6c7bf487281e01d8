"""Verdicts that survive a restart.

Scoped by the Secret that made them: one tenant's trust never counts for another. It is a cache: a file that is damaged or gone
costs time, because every signature is then judged again, now.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from datetime import UTC, datetime
from pathlib import Path

from gitops_agent.source.signature.verdict import Flaw, SignatureKind, Verdict

_TABLE = """
create table if not exists verdicts (
  scope text, object text, digest text, flaw text, text text, signer text, key text, kind text, forge int, at real,
  primary key (scope, object)
) without rowid
"""
_COLUMNS = "digest, flaw, text, signer, key, kind, forge, at"
_MOST = 200_000


class VerdictCache:
    """Verdicts in one file; thread-safe.

    Args:
        path: of the file; kept in memory where it cannot be written.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._lock = threading.Lock()
        self._database = _opened(path)

    def get(self, scope: str, name: str) -> tuple[Verdict, str] | None:
        """The last verdict on an object, and the digest of its trust."""
        query = f"select {_COLUMNS} from verdicts where scope = ? and object = ?"  # noqa: S608 - names of columns
        with self._lock, contextlib.suppress(sqlite3.Error, ValueError, OverflowError):
            row = self._database.execute(query, (scope, name)).fetchone()
            if row is not None:
                digest, flaw, text, signer, key, kind, forge, at = row
                verdict = Verdict(
                    flaw=Flaw(flaw) if flaw else None,
                    text=text,
                    signer=signer,
                    key=key,
                    kind=SignatureKind(kind),
                    forge=bool(forge),
                    at=datetime.fromtimestamp(at, UTC),
                )
                return verdict, digest
        return None

    def put(self, scope: str, name: str, verdict: Verdict, digest: str) -> None:
        """Keeps a verdict in place of an earlier one."""
        row = (
            *(scope, name, digest, verdict.flaw or "", verdict.text, verdict.signer, verdict.key, verdict.kind),
            *(verdict.forge, verdict.at.timestamp()),
        )
        with self._lock, contextlib.suppress(sqlite3.Error):
            self._database.execute("insert or replace into verdicts values (?,?,?,?,?,?,?,?,?,?)", row)

    def close(self) -> None:
        """Closes the file."""
        with self._lock:
            self._database.close()


def _opened(path: Path | None) -> sqlite3.Connection:
    """The database; made anew when damaged, in memory when impossible."""
    if path is not None:
        with contextlib.suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
        for _ in range(2):
            try:
                return _prepared(str(path))
            except sqlite3.Error:
                with contextlib.suppress(OSError):
                    path.unlink(missing_ok=True)
    return _prepared(":memory:")


def _prepared(name: str) -> sqlite3.Connection:
    database = sqlite3.connect(name, check_same_thread=False, isolation_level=None, timeout=2.0)
    try:
        database.execute("pragma journal_mode = wal")
        database.execute("pragma synchronous = off")
        database.execute(_TABLE)
        database.execute(
            "delete from verdicts where at < (select at from verdicts order by at desc limit 1 offset ?)", (_MOST,)
        )
    except sqlite3.Error:
        database.close()
        raise
    return database
