"""Values made of YAML: objects, their identity, digests, owned fields, marks and masking."""
