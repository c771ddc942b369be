#!/bin/sh
# Brings what the Python alternative is made of: jinja2, PyYAML, jsonschema, with what they need. Prints the folder of the
# interpreter.
set -eu

# Pinned: another version may be faster or slower.
folder=$("${0%/*}/../../tests/environment.sh" alternatives jinja2==3.1.6 pyyaml==6.0.3 jsonschema==4.25.1)
echo "$folder/bin"
