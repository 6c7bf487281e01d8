"""Exit codes of the command line; `gitops_agent.cli.main` lists what each means."""

from __future__ import annotations

ERROR, USAGE, DIFFERENT, HELD, INTERRUPTED = 1, 2, 3, 4, 130
