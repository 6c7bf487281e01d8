"""Render processes, which hold no credential and can be killed.

The agent's half is `client`, with `tree_server`, `result` and `launch`; the other half is `supervisor`, `service`,
`remote_tree` and `confinement`; `channel` and `messages` are spoken by both.
"""
