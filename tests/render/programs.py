"""Programs that misbehave on purpose."""

from __future__ import annotations

from pathlib import Path

HANGS = "#!/bin/sh\ncase $1 in version) echo v5.0.0; exit;; esac\nsleep 600 & sleep 600\n"
CRASHES = "#!/bin/sh\nkill -SEGV $$\n"
PRINTS_A_GIGABYTE = "#!/bin/sh\nhead -c 1000000000 /dev/zero\n"
COMPLAINS_AT_LENGTH = "#!/bin/sh\nhead -c 20000000 /dev/zero | tr '\\0' 'x' >&2\necho 'the last line' >&2\nexit 1\n"
FAILS = "#!/bin/sh\necho first >&2\necho 'the last line' >&2\nexit 3\n"
FAILS_SILENTLY = "#!/bin/sh\nexit 3\n"
PRINTS_NONSENSE = "#!/bin/sh\nprintf 'a: b: c\\n'\n"
SHOWS_ITS_ENVIRONMENT = (
    "#!/bin/sh\nprintf 'apiVersion: v1\\nkind: ConfigMap\\nmetadata: {name: seen}\\ndata:\\n'\n"
    "/usr/bin/env | /usr/bin/sed \"s/'//g; s/\\([^=]*\\)=\\(.*\\)/  \\1: '\\2'/\"\n"
)


def program(folder: Path, text: str, name: str = "kustomize") -> Path:
    """An executable script."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(text)
    path.chmod(0o755)
    return path
