#!/bin/sh
# Brings the readers of our hooks, action and CI files: pre-commit, zizmor, check-jsonschema. Prints the folder of their programs.
set -eu

# Pinned: another version may judge otherwise.
folder=$("${0%/*}/environment.sh" tools pre-commit==4.7.0 zizmor==1.32.0 check-jsonschema==0.39.0)
echo "$folder/bin"
