"""Files of a commit become objects: kustomize, Helm and plain directories, each with the closure of what it read."""
