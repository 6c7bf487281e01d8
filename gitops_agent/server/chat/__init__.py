"""Commands from a chat: identity, rights and answers."""
