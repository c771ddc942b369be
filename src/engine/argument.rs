//! In: `redis-7.4` or `redis-7.4.11`, as the command line takes them. Out: an engine's line, perhaps one build of it.

use std::fmt;
use std::str::FromStr;

use super::{LineNumber, known_lines};
use crate::format::EngineVersion;
use crate::profile::EngineKind;

/// A line of an engine, or one build of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EngineArgument {
    /// Implementation.
    pub kind: EngineKind,
    /// A line that is known.
    pub line: LineNumber,
    /// The build; none stands for the whole line.
    pub patch: Option<u16>,
}

impl EngineArgument {
    /// The build, if one is named.
    pub fn version(self) -> Option<EngineVersion> {
        self.patch.map(|patch| EngineVersion { line: self.line, patch })
    }
}

impl FromStr for EngineArgument {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parsed = text.split_once('-').and_then(|(kind, version)| {
            let kind = [EngineKind::Redis, EngineKind::Valkey].into_iter().find(|known| known.word() == kind)?;
            let whole = version.parse::<EngineVersion>();
            // `7.4` is read as a build without its patch level.
            let (version, patch) = match whole {
                Ok(version) => (version, Some(version.patch)),
                Err(_) => (format!("{version}.0").parse().ok()?, None),
            };
            Some(EngineArgument { kind, line: version.line, patch })
        });
        let expected = "expected an engine as `redis-7.4.11`, or a line as `redis-7.4`";
        let argument = parsed.ok_or_else(|| format!("{expected}; known lines are {}", all_lines()))?;
        if !super::is_known(argument.kind, argument.line) {
            return Err(format!("this line is not known; known lines are {}", all_lines()));
        }
        Ok(argument)
    }
}

fn all_lines() -> String {
    let lines = [EngineKind::Redis, EngineKind::Valkey]
        .into_iter()
        .flat_map(|kind| known_lines(kind).into_iter().map(move |number| format!("{}-{number}", kind.word())));
    lines.collect::<Vec<_>>().join(", ")
}

impl fmt::Display for EngineArgument {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}-{}.{}", self.kind.word(), self.line.0, self.line.1)?;
        self.patch.map_or(Ok(()), |patch| write!(out, ".{patch}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_builds_are_told_apart() {
        for text in ["redis-7.4", "redis-7.4.11", "redis-8.10", "valkey-9.1.2", "redis-7.4.0"] {
            assert_eq!(text.parse::<EngineArgument>().expect("known").to_string(), text);
        }
        let build: EngineArgument = "valkey-9.1.2".parse().expect("known");
        assert_eq!((build.kind, build.line, build.patch), (EngineKind::Valkey, (9, 1), Some(2)));
        assert_eq!("redis-7.4".parse::<EngineArgument>().expect("known").version(), None);
    }

    #[test]
    fn what_is_refused_names_the_known_lines() {
        for text in
            ["", "redis", "7.4.11", "redis-7", "redis-5.0", "keydb-7.4", "redis-7.4.x", "redis-7.4.1.1", "redis-07.4"]
        {
            let refused = text.parse::<EngineArgument>().expect_err(text);
            assert!(refused.contains("redis-6.2, ") && refused.contains("valkey-9.1"), "{text}: {refused}");
        }
    }
}
