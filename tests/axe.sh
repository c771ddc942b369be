#!/bin/sh
# Prints the path of axe-core, which judges pages by the rules of WCAG, out of a wheel that bundles it.
# May run twice at once and again later; whatever goes wrong ends it with a message.
set -eu

# Pinned: another version may judge otherwise.
AXE_WHEEL=axe-core-python==0.1.0

cache="${XDG_CACHE_HOME:-$HOME/.cache}/redisgen-tests/axe"
mkdir -p "$cache"
exec 9>"$cache/lock"
flock 9
folder="$cache/$AXE_WHEEL"
if [ ! -f "$folder/axe_core_python/axe.min.js" ]; then
	rm -rf "$folder" "$folder.part"
	python3 -m pip install --quiet --root-user-action ignore --disable-pip-version-check --no-deps --only-binary :all: \
		--target "$folder.part" "$AXE_WHEEL" >&2
	mv "$folder.part" "$folder"
fi
echo "$folder/axe_core_python/axe.min.js"
