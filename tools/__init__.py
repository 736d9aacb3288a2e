"""Programs of a checkout that belong to no package: the steps of dvc.yaml."""
