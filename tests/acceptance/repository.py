"""A Git repository with a developer's pushes."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from gitops_agent.process import run

_ENVIRONMENT = {
    "GIT_AUTHOR_NAME": "Ada Developer",
    "GIT_AUTHOR_EMAIL": "ada@example.com",
    "GIT_COMMITTER_NAME": "Ada Developer",
    "GIT_COMMITTER_EMAIL": "ada@example.com",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
}


class Repository:
    """A bare repository and a clone of it; empty at first."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True)
        self.bare, self.work = directory / "config.git", directory / "work"
        self.url = f"file://{self.bare}"
        self._away = directory / "away.git"
        self.key: Path | None = None
        """A key of SSH that signs every commit; None signs none."""
        self._git(directory, "init", "--quiet", "--bare", "--initial-branch=main", str(self.bare))
        self._git(directory, "init", "--quiet", "--initial-branch=main", str(self.work))

    def commit(self, changes: Mapping[str, str | bytes | None], message: str = "Change something") -> str:
        """Writes (or, for None, removes) files, commits and pushes: the commit."""
        for name, content in changes.items():
            path = self.work / name
            if content is None:
                path.unlink()
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return self.push(message)

    def replace(self, contents: Mapping[str, str | bytes], message: str = "Change everything") -> str:
        """Makes the tree hold exactly these files: the commit."""
        for path in self.work.iterdir():
            if path.name == ".git":
                continue
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        return self.commit(contents, message)

    def push(self, message: str = "Change something") -> str:
        """Commits the work tree as it is and pushes: the commit."""
        self._git(self.work, "add", "--all")
        signing = ("-c", "gpg.format=ssh", "-c", f"user.signingKey={self.key}", "-c", "commit.gpgSign=true") if self.key else ()
        self._git(
            self.work, *signing, "commit", "--quiet", "--allow-empty", "--message", message, *(["-S"] if self.key else [])
        )
        self._git(self.work, "push", "--quiet", "--force", str(self.bare), "HEAD:main")
        return self._git(self.work, "rev-parse", "HEAD")

    def rewrite(self, changes: Mapping[str, str | bytes | None]) -> str:
        """Force-pushes a first commit without history; returns the commit."""
        self._git(self.work, "checkout", "--quiet", "--orphan", f"rewritten-{len(self._git(self.work, 'branch'))}")
        return self.commit(changes, "Begin anew")

    def vanish(self) -> None:
        """Makes it unreachable."""
        self.bare.rename(self._away)

    def come_back(self) -> None:
        """Makes it reachable again."""
        self._away.rename(self.bare)

    @staticmethod
    def _git(directory: Path, *words: str) -> str:
        argv = ("git", "-c", "gc.auto=0", "-C", str(directory), *words)
        return run(argv, env=_ENVIRONMENT | {"HOME": str(directory)}).stdout.decode().strip()
