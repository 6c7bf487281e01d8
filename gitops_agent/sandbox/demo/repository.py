"""A Git repository of the example, with a developer's commits."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import gitops_agent
from gitops_agent.errors import UsageError
from gitops_agent.process import run

PLACEHOLDER = "https://git.example.com/platform/config.git"
_AUTHOR = {
    "GIT_AUTHOR_NAME": "Ada Developer",
    "GIT_AUTHOR_EMAIL": "ada@example.com",
    "GIT_COMMITTER_NAME": "Ada Developer",
    "GIT_COMMITTER_EMAIL": "ada@example.com",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
}


class DemoRepository:
    """A bare repository and a developer's clone of it.

    Args:
        directory: where both are made.
        example: the folder the first commit holds.
        replaced: what in its YAML files stands for something else on this machine, beside the repository's own URL.
    """

    def __init__(self, directory: Path, example: Path, *, replaced: Mapping[str, str] | None = None) -> None:
        self.bare = directory / "config.git"
        self.work = directory / "work"
        self.url = f"file://{self.bare}"
        shutil.copytree(example, self.work)
        for path in self.work.rglob("*.yaml"):
            before = after = path.read_text()
            for placeholder, text in {PLACEHOLDER: self.url, **(replaced or {})}.items():
                after = after.replace(placeholder, text)
            if before != after:
                path.write_text(after)
        self._git(directory, "init", "--quiet", "--bare", "--initial-branch=main", str(self.bare))
        self._git(self.work, "init", "--quiet", "--initial-branch=main")
        self._git(self.work, "remote", "add", "origin", str(self.bare))
        self.commit("The shop, the notes and the guestbook")

    def commit(self, message: str, *, key: Path | None = None) -> str:
        """Commits and pushes whatever changed in the work tree: the commit.

        Args:
            message: its message.
            key: an SSH key that signs it; unsigned when None.
        """
        signing = ("-c", "gpg.format=ssh", "-c", f"user.signingKey={key}", "-c", "commit.gpgSign=true") if key else ()
        self._git(self.work, "add", "--all")
        self._git(self.work, *signing, "commit", "--quiet", "--message", message)
        self._git(self.work, "push", "--quiet", "origin", "HEAD:main")
        return self.head()

    def head(self) -> str:
        """The newest commit."""
        return self._git(self.work, "rev-parse", "HEAD")

    def edit(self, path: str, change: Callable[[str], str]) -> None:
        """Changes a file.

        Raises:
            UsageError: the change left it as it was, so the story would show nothing.
        """
        file = self.work / path
        before = file.read_text()
        after = change(before)
        if before == after:
            raise UsageError(f"the example repository has changed: nothing to edit in {path}")
        file.write_text(after)

    def remove(self, pattern: str) -> int:
        """Removes the files that match: how many."""
        files = sorted(self.work.glob(pattern))
        for file in files:
            file.unlink()
        return len(files)

    def _git(self, directory: Path, *words: str) -> str:
        return run(("git", "-C", str(directory), *words), env=_AUTHOR | {"HOME": str(directory)}).stdout.decode().strip()


def example() -> Path:
    """The example repository: inside the package, or beside it in a checkout.

    Raises:
        UsageError: in neither place.
    """
    package = Path(gitops_agent.__file__).parent
    for folder in (package / "examples" / "repo", package.parent / "examples" / "repo"):
        if folder.is_dir():
            return folder
    raise UsageError("this copy of gitops-agent came without its examples/ folder")
