//! An example of each rule. In: `examples.toml`, embedded, read when asked. Out: a profile's lines before and after the
//! mend, or why there are none.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::format::Date;

/// What is shown of a rule.
#[derive(Debug, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub enum Example {
    /// Lines of a profile. What every profile needs is left out unless it matters: `version`, `name` and
    /// `environment: production`.
    Mend {
        /// They raise the rule.
        before: String,
        /// They do not, and are accepted.
        after: String,
        /// The day on which both are judged, where it matters.
        as_of: Option<Date>,
    },
    /// Nothing can be shown.
    Absent {
        /// Why.
        none: String,
    },
}

/// The examples by rule id.
///
/// # Errors
/// They cannot be read, which a test rules out.
pub fn all() -> Result<BTreeMap<String, Example>, String> {
    read(include_str!("examples.toml"))
}

fn read(text: &str) -> Result<BTreeMap<String, Example>, String> {
    toml::from_str(text).map_err(|error| format!("the examples of rules: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_entries_are_refused() {
        let good =
            ["before = 'a: 1'\nafter = 'a: 2'", "before = 'a'\nafter = 'b'\nas_of = '2027-01-01'", "none = 'why'"];
        for entry in good {
            assert!(read(&format!("[rule]\n{entry}\n")).is_ok(), "{entry}");
        }
        let bad = [
            "",
            "before = 'a: 1'",
            "after = 'a: 2'",
            "before = 'a: 1'\nafter = 'a: 2'\nnone = 'why'",
            "before = 'a: 1'\nafter = 'a: 2'\nas_off = '2027-01-01'",
            "before = 'a: 1'\nafter = 'a: 2'\nas_of = '2027-02-30'",
            "none = 'why'\nmore = 'this'",
            "none = 'why'\nnone = 'twice'",
        ];
        for entry in bad {
            assert!(read(&format!("[rule]\n{entry}\n")).is_err(), "{entry}");
        }
    }
}
