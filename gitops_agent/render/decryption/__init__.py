"""Decrypts files of the SOPS format before they are rendered.

`decryptor` is the pure part: bytes and data keys in, plaintext out; `decrypted_tree` puts it between a commit and its render.
Each file of `keys` opens one kind of encrypted data key, and `keys/table.py` lists them.
"""
