//! What keeps a file from being a profile at all; found while loading.

use super::{ERROR, Rule};
use crate::topic;

/// A structural rule: always an error, never waivable, checked while loading.
const fn structure(id: &'static str, title: &'static str, why: &'static str, fix: &'static str) -> Rule {
    Rule {
        id,
        severity: ERROR,
        title,
        topic: topic::FORMAT,
        why,
        fix,
        source: "profile format, version 1",
        waivable: false,
        check: None,
    }
}

const MULTIPLY: &str =
    "Aliases let 500 bytes grow to gigabytes, and readers differ on merge keys; `extends` shares settings in the open.";

pub(super) const RULES: &[Rule] = &[
    structure(
        "yaml-syntax",
        "The file is not valid YAML",
        "Nothing can be read from it.",
        "Mend the syntax; quote values that start with `*`, `%`, `@`, `&` or `!`.",
    ),
    structure(
        "yaml-one-document",
        "The file holds several documents",
        "Readers differ on which one counts.",
        "One profile per file.",
    ),
    structure("yaml-alias", "The file uses aliases or merge keys", MULTIPLY, "Use `extends`."),
    structure(
        "yaml-anchor",
        "The file names a node with `&`",
        MULTIPLY,
        "Quote channel patterns; use `extends` to share.",
    ),
    structure(
        "yaml-tag",
        "The file gives a value a type with `!`",
        "Tags make some readers construct objects.",
        "Remove the tag.",
    ),
    structure(
        "duplicate-key",
        "A key stands twice",
        "Readers differ on which one counts, so a reviewer may see one value and the compiler another.",
        "Keep one.",
    ),
    structure(
        "control-character",
        "The file holds control or direction characters",
        "They make a text look different from what it is (CVE-2021-42574).",
        "Remove them.",
    ),
    structure("invalid-utf8", "The file is not UTF-8", "YAML is Unicode.", "Save it as UTF-8."),
    structure(
        "profile-too-big",
        "The file is too big",
        "A profile may come from a stranger; work on it is bounded.",
        "At most 4 MiB and 600 000 keys and values.",
    ),
    structure(
        "profile-too-deep",
        "The file nests too deep",
        "A profile may come from a stranger; work on it is bounded.",
        "At most 64 levels.",
    ),
    structure(
        "unknown-key",
        "A key is not part of the format",
        "An ignored key is a protection that silently is not there.",
        "Mend the spelling or move the key.",
    ),
    structure("missing-key", "A key is missing", "There is no safe default for it.", "Add it."),
    structure(
        "null-value",
        "A key has no value",
        "Whether that means the default or nothing is a guess.",
        "Write a value or remove the key.",
    ),
    structure(
        "wrong-type",
        "A value has the wrong type",
        "`yes`, `on` and unquoted versions mean different things to different YAML readers.",
        "Write what the message says.",
    ),
    structure(
        "invalid-value",
        "A value is out of its range or form",
        "It would be refused, or read as something else, further down.",
        "Write what the message says.",
    ),
    structure(
        "extends-unreadable",
        "A parent cannot be read",
        "Parents are regular files below the project's folder, without symbolic links.",
        "Mend the path.",
    ),
    structure(
        "extends-no-profile",
        "A parent is no profile",
        "A stranger's profile could name any file; it is never shown.",
        "Name a profile.",
    ),
    structure("extends-cycle", "A profile extends itself", "There is no order to merge in.", "Break the cycle."),
    structure("extends-too-many", "Too many parents", "Nobody can review them.", "At most 16."),
    structure(
        "engine-line-unknown",
        "The engine's line is unknown",
        "Directives, commands and ACL features differ between lines; guessing opens holes.",
        "Choose a known line.",
    ),
    structure(
        "internal-error",
        "redisgen contradicts itself",
        "The schema and the types are generated from each other.",
        "Please report it.",
    ),
    Rule {
        id: "acl-file-refused",
        severity: ERROR,
        title: "A server refuses this ACL file",
        topic: topic::ACL_RULES,
        why: "It loads all of a file or nothing: at start it ends, at ACL LOAD it keeps the old rules.",
        fix: "",
        source: "ACLLoadFromFile in acl.c; tests/acl/files.rs",
        waivable: false,
        check: None,
    },
];
