"""In: the output of `cargo tree`, by packaging/sbom.sh, and Cargo.lock. Out: a CycloneDX document, valid by its schema."""

import os
import re
import sys
import tomllib
import uuid
from datetime import datetime, timezone

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import ExternalReference, ExternalReferenceType, HashAlgorithm, HashType, XsUri
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentScope, ComponentType
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL

LINE = re.compile(
    r"(?P<depth>\d+) (?P<name>\S+) v(?P<version>\S+)(?P<macro> \(proc-macro\))?(?: \(/[^|]*\))?"
    r"\|(?P<license>[^|]*)\|(?P<repository>\S*)(?P<seen> \(\*\))?$"
)


def read(lines):
    """The crates of a tree by name and version, the root first: licence, repository, what they need, whether macros."""
    crates, above = {}, []
    for line in lines:
        found = LINE.match(line)
        if not found:
            raise SystemExit(f"packaging/sbom.py: not a line of cargo tree: {line!r}")
        depth, key = int(found["depth"]), (found["name"], found["version"])
        crate = crates.setdefault(
            key, {"license": found["license"], "repository": found["repository"], "needs": set(), "macro": False}
        )
        crate["macro"] = crate["macro"] or bool(found["macro"])
        del above[depth:]
        if above:
            crates[above[-1]]["needs"].add(key)
        above.append(key)
    return crates


def linked(crates, key, found):
    """Adds what becomes a part of the binary: a macro, and what it needs, runs while building."""
    if key not in found and not crates[key]["macro"]:
        found.add(key)
        for need in crates[key]["needs"]:
            linked(crates, need, found)
    return found


def main():
    everything, normal = sys.stdin.read().strip().split("\n\n")
    crates, normal = read(everything.splitlines()), read(normal.splitlines())
    root = next(iter(crates))
    shipped = linked(normal, root, set())
    with open(sys.argv[1], "rb") as file:
        text = file.read()
    checksums = {(it["name"], it["version"]): it.get("checksum") for it in tomllib.loads(text.decode())["package"]}

    licenses = LicenseFactory()
    components = {}
    for key, crate in crates.items():
        name, version = key
        purl = PackageURL("cargo", name=name, version=version)
        component = Component(
            name=name,
            version=version,
            type=ComponentType.APPLICATION if key == root else ComponentType.LIBRARY,
            bom_ref=purl.to_string(),
            purl=purl,
            # Older crates write a slash.
            licenses=[licenses.make_from_string(crate["license"].replace("/", " OR "))],
        )
        if key != root:
            checksum = checksums[key]
            if not checksum:
                raise SystemExit(f"packaging/sbom.py: {name} {version} has no checksum in Cargo.lock")
            component.hashes = [HashType(alg=HashAlgorithm.SHA_256, content=checksum)]
            component.scope = ComponentScope.REQUIRED if key in shipped else ComponentScope.EXCLUDED
        if crate["repository"]:
            component.external_references = [
                ExternalReference(type=ExternalReferenceType.VCS, url=XsUri(crate["repository"]))
            ]
        components[key] = component

    bom = Bom(components=[component for key, component in components.items() if key != root])
    bom.metadata.component = components[root]
    for key, crate in crates.items():
        bom.register_dependency(components[key], [components[need] for need in crate["needs"]])
    # Neither by chance nor by the hour: the same sources give the same document.
    bom.serial_number = uuid.uuid5(uuid.NAMESPACE_URL, f"{components[root].purl} {sorted(crates)} {text.decode()}")
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    bom.metadata.timestamp = datetime.fromtimestamp(int(epoch), timezone.utc) if epoch else None

    document = make_outputter(bom, OutputFormat.JSON, SchemaVersion.V1_6).output_as_string(indent=2)
    wrong = JsonStrictValidator(SchemaVersion.V1_6).validate_str(document)
    if wrong:
        raise SystemExit(f"packaging/sbom.py: not valid: {wrong}")
    print(document)


main()
