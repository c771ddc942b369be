#!/usr/bin/python3
"""Reads provider schemas out of the bindings that were generated from them.

    extract.py newest.json FOLDER >oldest.json

FOLDER holds the unpacked packages `@cdktf/provider-NAME` as NAME/. Their source maps embed the generated TypeScript, in
which a comment before each attribute says whether it is computed, optional or required. Which types are wanted, and
the ephemeral ones, which these bindings lack, come from newest.json.
"""

import base64
import json
import re
import sys

SIMPLE = {"string": "string", "number": "number", "boolean": "bool", "any": "dynamic"}
FACTS = r"// ([a-z0-9_]+) - computed: (true|false), optional: (true|false), required: (true|false)\n"
ENTRY = r"^ +([a-z0-9_]+): \{\n +value: .*\n +isBlock: (true|false),\n +type: \"(\w+)\",\n +storageClassType: \"(\w+)\","


def source(path):
    """The TypeScript behind a JavaScript file."""
    with open(path, encoding="utf-8") as file:
        encoded = file.read().rsplit("base64,", 1)[1].strip()
    return json.loads(base64.b64decode(encoded))["sourcesContent"][0]


def pieces(text):
    """Classes and functions by name."""
    starts = [(found.start(), found[2]) for found in re.finditer(r"^export (class|function) (\w+)", text, re.M)]
    ends = [start for start, _ in starts[1:]] + [len(text)]
    return {name: text[start:end] for (start, name), end in zip(starts, ends)}


def lower(name):
    return name[0].lower() + name[1:]


class Binding:
    """One generated file."""

    def __init__(self, path):
        self.pieces = pieces(source(path))

    def computed(self, name, code):
        """Type of an attribute that only the provider sets, from its getter."""
        mapping = re.search(r"= new cdktf\.(String|Number|Boolean|Any)Map\(this, ", code)
        if mapping:
            return ["map", SIMPLE.get(mapping[1].lower(), "string")]
        complex_type = re.search(r"= new (\w+?)(List|Map|OutputReference)\(this, \"\w+\"(?:, (true|false))?\)", code)
        if complex_type:
            inner = self.object(complex_type[1])
            return ["set" if complex_type[3] == "true" else "list", inner]
        getter = re.search(r"this\.get(String|Number|Boolean|List|NumberList)Attribute", code)
        kind = getter[1] if getter else sys.exit(f"{name}: no getter in {code}")
        collection = "set" if "Fn.tolist" in code else "list"
        return {
            "String": "string",
            "Number": "number",
            "Boolean": "bool",
            "List": [collection, "string"],
            "NumberList": [collection, "number"],
        }[kind]

    def object(self, struct):
        block = self.block(f"{struct}OutputReference", struct)
        members = {name: attribute["type"] for name, attribute in block["attributes"].items()}
        return ["object", members]

    def block(self, owner, struct=None):
        """The block that a class stands for; `struct` names the function that writes it, if it is nested."""
        body = self.pieces.get(owner, "")
        writer = self.pieces.get(f"{lower(struct)}ToHclTerraform", "") if struct else body
        written = {name: rest for name, *rest in re.findall(ENTRY, writer, re.M)}
        found = re.split(FACTS, body)[1:]
        facts = {found[at]: (found[at + 1 : at + 4], found[at + 4]) for at in range(0, len(found), 5)}
        out = {"attributes": {}, "block_types": {}}
        for name in sorted(written.keys() | facts.keys()):
            (computed, optional, required), code = facts.get(name, (("false", "true", "false"), ""))
            is_block, kind, storage = written.get(name, ("false", None, None))
            # A block that is computed is an attribute that may be written as blocks.
            if is_block == "true" and computed == "false":
                single = f'OutputReference(this, "{name}")' in code
                inner = re.sub("List$", "", storage)
                nested = {"nesting_mode": "single" if kind == "struct" else kind}
                nested["block"] = self.block(f"{inner}OutputReference", inner)
                if kind != "struct":
                    nested.update({"max_items": 1} if single else {}, **({"min_items": 1} if required == "true" else {}))
                out["block_types"][name] = nested
                continue
            if kind is None:
                type_ = self.computed(name, code)
            elif kind == "simple":
                type_ = SIMPLE[storage]
            else:
                element = re.sub("(List|Map)$", "", storage)
                type_ = [kind, SIMPLE[element] if element in SIMPLE else self.object(element)]
            flags = {"computed": computed, "optional": optional, "required": required}
            attribute = {"type": type_, **{flag: True for flag, value in flags.items() if value == "true"}}
            if name.endswith("_wo") and optional == "true":
                attribute["write_only"] = True
            out["attributes"][name] = attribute
        return out


def schema(path):
    binding = Binding(path)
    main = next(name for name, body in binding.pieces.items() if re.search(r"extends cdktf\.Terraform(Resource|DataSource|Provider) ", body))
    return {"version": 0, "block": binding.block(main)}


def lines(value, depth=0):
    """JSON with one attribute a line, so that a change of a provider can be read in a diff."""
    if not isinstance(value, dict) or isinstance(value.get("type"), str | list) or not value:
        return json.dumps(value, sort_keys=True)
    pad = " " * (depth + 1)
    inner = ",\n".join(f"{pad}{json.dumps(key)}: {lines(value[key], depth + 1)}" for key in sorted(value))
    return "{\n" + inner + "\n" + " " * depth + "}"


def main():
    wanted, folder = sys.argv[1:]
    with open(wanted, encoding="utf-8") as file:
        newest = json.load(file)["provider_schemas"]
    oldest = {}
    for address, provider in newest.items():
        name = address.rsplit("/", 1)[1]

        def path(prefix, kind):
            return f"{folder}/{name}/lib/{prefix}{kind.removeprefix(name + '_').replace('_', '-')}/index.js"

        oldest[address] = {
            "provider": schema(f"{folder}/{name}/lib/provider/index.js"),
            "resource_schemas": {kind: schema(path("", kind)) for kind in provider.get("resource_schemas", {})},
            "data_source_schemas": {
                kind: schema(path(f"data-{name}-", kind)) for kind in provider.get("data_source_schemas", {})
            },
            "ephemeral_resource_schemas": provider.get("ephemeral_resource_schemas", {}),
        }
    print(lines({"format_version": "1.0", "provider_schemas": oldest}))


main()
