"""The `rollout` command and its views."""
