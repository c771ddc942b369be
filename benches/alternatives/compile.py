"""What a team would write to compile profiles: PyYAML with its C parser, jsonschema with our published schema, jinja2. One
process compiles any number of profiles; templates are compiled and the schema is read once.

Usage: compile.py OUT PROFILE...   with several profiles, each has a folder of its file's name below OUT

It writes twelve files, those that a deployment needs first, of the same length as redisgen's. It does not: give findings
beyond the schema's (no rule, no line of the profile), know engines, versions, directives and advisories, compute what an ACL
grants, encode hostile strings for each format, write atomically or keep what others wrote, keep a lock, make passwords and
certificates, nor write scripts, runbook, alerts, client modules, Terraform and reports.
"""

import hashlib
import os
import sys
from pathlib import Path

import jinja2
import jsonschema
import yaml

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
SCRIPTS = ("healthcheck.sh", "remove.sh", "redis-cli.sh")
UNITS = {"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
RIGHTS = {
    "application": "+@read +@write +@transaction -@dangerous -function +ping +echo +select +client|setinfo +client|setname "
    "+client|getname +client|id +command",
    "readonly": "+@read -@dangerous +ping +echo +select",
    "monitoring": "+ping +info +slowlog|len +latency|latest",
}


def read(path):
    """A YAML file."""
    return yaml.load(Path(path).read_bytes(), Loader=yaml.CSafeLoader)


def merged(defaults, given):
    """Mappings merge, everything else replaces."""
    if not isinstance(defaults, dict) or not isinstance(given, dict):
        return given
    return defaults | {key: merged(defaults.get(key), value) for key, value in given.items()}


def named(value, name):
    """The defaults say <name> for the profile's name."""
    if isinstance(value, dict):
        return {key: named(each, name) for key, each in value.items()}
    if isinstance(value, list):
        return [named(each, name) for each in value]
    return value.replace("<name>", name) if isinstance(value, str) else value


def rights(user):
    """What a user may do, in the words of an ACL file."""
    if user["role"] == "admin":
        return "~* &* +@all"
    keys = [f"~{key}" for key in user.get("keys", [])]
    commands = user.get("commands") or [RIGHTS[user["role"]]]
    return " ".join([*keys, "resetchannels", "-@all", *commands])


def context(profile, file):
    """What the templates see."""
    memory = profile["resources"]["memory"]
    users = profile["users"]
    return profile | {
        "file": file,
        "image": f"redis:{profile['engine']['version']}-bookworm",
        "bridge": hashlib.sha256(profile["name"].encode()).hexdigest()[:8],
        "bytes": int(memory[:-3]) * UNITS[memory[-3:]],
        "app": next((user for user in users if user["role"] == "application"), users[0]),
        "digest": "0" * 64,
        "people": [{"name": user["name"], "rights": rights(user)} for user in sorted(users, key=lambda user: user["name"])],
    }


def main(out, *paths):
    """Compiles; ends with 1 at the first profile that its schema refuses."""
    schema = jsonschema.Draft202012Validator(read(ROOT / "schema/profile.schema.json"))
    defaults = {}
    templates = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE / "templates"),
        autoescape=False,
        trim_blocks=True,
        keep_trailing_newline=True,
        undefined=jinja2.StrictUndefined,
    )
    names = templates.list_templates()
    for path in paths:
        profile = read(path)
        for error in schema.iter_errors(profile):
            sys.exit(f"{path}: {error.message}")
        environment = profile["environment"]
        if environment not in defaults:
            defaults[environment] = read(ROOT / f"schema/defaults/{environment}.yaml")
        profile = merged(named(defaults[environment], profile["name"]), profile)
        folder = out if len(paths) == 1 else os.path.join(out, Path(path).stem)
        variables = context(profile, os.path.basename(path))
        for name in names:
            target = os.path.join(folder, name.removesuffix(".j2"))
            os.makedirs(os.path.dirname(target), exist_ok=True)
            with open(target, "w", encoding="utf-8") as file:
                file.write(templates.get_template(name).render(variables))
            if target.endswith(SCRIPTS):
                os.chmod(target, 0o755)


if __name__ == "__main__":
    main(*sys.argv[1:])
