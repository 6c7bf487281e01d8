"""`python -m gitops_agent` is `gitops-agent`."""

from gitops_agent.cli.main import main

if __name__ == "__main__":
    main()
