"""The user's files, checked and frozen: cluster config, jobs, strict JSON and YAML."""
