//! Known vulnerabilities by engine and build. In: `advisories/*.toml`, embedded. Out: what applies to a build, from
//! which build on nothing is known, when a line ends; [`mitigation`] says what a profile keeps out of reach.

pub mod mitigation;
mod read;

use std::fmt;
use std::sync::LazyLock;

use crate::engine::LineNumber;
use crate::format::{Date, EngineVersion};
use crate::profile::EngineKind;

/// The lines, and the day up to which they and the vulnerabilities are known.
#[derive(Debug)]
pub struct Lines {
    /// Day of the newest source.
    pub date: Date,
    /// Every known line.
    pub all: Vec<LineEnd>,
}

/// State of a line.
#[derive(Debug)]
pub struct LineEnd {
    /// Implementation.
    pub kind: EngineKind,
    /// Major and minor.
    pub number: LineNumber,
    /// The build from which on nothing is known; none if it has no such build.
    pub safe: Option<EngineVersion>,
    /// The day on which care ends; none if no source says.
    pub end_of_life: Option<Date>,
    /// What else is to be known.
    pub note: Option<String>,
    /// What is to be known before its safe build is chosen.
    pub caution: Option<String>,
    /// Where this is from.
    pub sources: Vec<String>,
}

/// One vulnerability, or a batch that was fixed together.
#[derive(Debug)]
pub struct Advisory {
    /// Its number, or a name where nobody gave one.
    pub id: String,
    /// Further numbers.
    pub also: Vec<String>,
    /// What happens, in one or two sentences.
    pub what: String,
    /// Who can use it.
    pub who: Who,
    /// The builds that have it, where these are not the official images.
    pub only: Option<String>,
    /// First fixed build of each line that has or may have it.
    pub fixed: Vec<Fixed>,
    /// Any one of these keeps it out of reach.
    pub held_by: Vec<Hold>,
    /// No source names what holds it.
    pub held_by_inferred: bool,
    /// Where sources differ, and what was taken.
    pub conflict: Option<String>,
    /// Where this is from.
    pub sources: Vec<String>,
}

/// Who can use a vulnerability.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Who {
    /// Whoever reaches the port.
    Anyone,
    /// Whoever is logged in.
    User,
    /// Somebody on the host.
    Local,
}

/// What keeps a vulnerability out of reach.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Hold {
    /// Only role `admin` may run these commands.
    Deny(Vec<String>),
    /// No user with limited keys may run these commands.
    DenyToKeyLimited(Vec<String>),
    /// A directive has this value.
    Setting(String, String),
    /// Strangers do not reach the port.
    Exposure,
    /// Strangers do not get past the handshake.
    MutualTls,
}

/// State of one line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fixed {
    /// Implementation.
    pub kind: EngineKind,
    /// Major and minor.
    pub line: LineNumber,
    /// The first build without the vulnerability.
    pub build: Build,
    /// Not stated by a source, but following from what sources say.
    pub inferred: bool,
}

/// The first build without a vulnerability.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Build {
    /// This patch level.
    First(u16),
    /// There is none: every build has it.
    None,
    /// The sources do not say.
    Unknown,
}

impl Fixed {
    /// True if a build of this line has it, as far as is known.
    pub fn affects(&self, patch: u16) -> bool {
        match self.build {
            Build::First(fixed) => patch < fixed,
            Build::None => true,
            Build::Unknown => false,
        }
    }
}

impl Advisory {
    /// State of a line; none if it does not have the vulnerability, as far as is known.
    pub fn fixed_on(&self, kind: EngineKind, line: LineNumber) -> Option<&Fixed> {
        self.fixed.iter().find(|fixed| fixed.kind == kind && fixed.line == line)
    }

    /// All its numbers.
    pub fn ids(&self) -> String {
        std::iter::once(&self.id).chain(&self.also).cloned().collect::<Vec<_>>().join(", ")
    }
}

impl Lines {
    /// State of a line.
    pub fn line(&self, kind: EngineKind, number: LineNumber) -> Option<&LineEnd> {
        self.all.iter().find(|line| line.kind == kind && line.number == number)
    }

    /// Where to go from a line: its own safe build, else that of the next line up, else of the nearest one below.
    pub fn nearest_safe(&self, kind: EngineKind, line: LineNumber) -> Option<EngineVersion> {
        let of_kind = self.all.iter().filter(|known| known.kind == kind);
        let mut safe: Vec<EngineVersion> = of_kind.filter_map(|known| known.safe).collect();
        safe.sort_unstable();
        safe.iter().find(|version| version.line >= line).or_else(|| safe.last()).copied()
    }
}

impl fmt::Display for LineEnd {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}-{}.{}", self.kind.word(), self.number.0, self.number.1)
    }
}

static LINES: LazyLock<Result<Lines, String>> = LazyLock::new(|| read::lines(include_str!("advisories/lines.toml")));
static ALL: LazyLock<Result<Vec<Advisory>, String>> =
    LazyLock::new(|| read::advisories(include_str!("advisories/advisories.toml")));

/// The lines.
///
/// # Errors
/// They cannot be read, which a test rules out.
pub fn lines() -> Result<&'static Lines, &'static str> {
    LINES.as_ref().map_err(String::as_str)
}

/// All vulnerabilities, oldest first.
///
/// # Errors
/// They cannot be read, which a test rules out.
pub fn all() -> Result<&'static [Advisory], &'static str> {
    ALL.as_deref().map_err(String::as_str)
}

/// What is known of a build. From its line's safe build on that is nothing, and the vulnerabilities are not even read:
/// that takes 0.4 ms, a fifth of a run (measured).
///
/// # Errors
/// As [`lines`] and [`all`].
pub fn applying(kind: EngineKind, version: EngineVersion) -> Result<Vec<&'static Advisory>, &'static str> {
    if lines()?.line(kind, version.line).and_then(|line| line.safe).is_some_and(|safe| version >= safe) {
        return Ok(Vec::new());
    }
    let affected = |row: &&Advisory| row.fixed_on(kind, version.line).is_some_and(|fixed| fixed.affects(version.patch));
    Ok(all()?.iter().filter(affected).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::EngineArgument;

    fn argument(text: &str) -> (EngineKind, EngineVersion) {
        let argument: EngineArgument = text.parse().expect("known");
        (argument.kind, argument.version().expect("a build"))
    }

    fn ids(build: &str) -> Vec<&'static str> {
        let (kind, version) = argument(build);
        applying(kind, version).expect("readable").into_iter().map(|row| row.id.as_str()).collect()
    }

    #[test]
    fn first_fixed_builds_decide() {
        assert!(ids("redis-7.4.2").contains(&"CVE-2025-21605"));
        assert!(!ids("redis-7.4.3").contains(&"CVE-2025-21605"));
        // Numbers, not text: 7.4.10 is newer than 7.4.9, and 8.10 than 8.2.
        assert!(!ids("redis-7.4.10").contains(&"CVE-2026-25243"));
        assert!(ids("redis-8.2.2").contains(&"CVE-2025-62507") && !ids("redis-8.10.0").contains(&"CVE-2025-62507"));
    }

    #[test]
    fn statuses_differ() {
        assert!(ids("redis-7.0.15").contains(&"CVE-2025-49844"), "none is fixed");
        assert!(ids("redis-7.0.99").contains(&"CVE-2025-49844"), "a build that nobody knows is not fixed either");
        assert!(!ids("redis-6.2.0").contains(&"CVE-2025-27151"), "unknown is not applying");
        assert!(!ids("redis-6.2.0").contains(&"CVE-2025-62507"), "not affected");
        assert!(ids("redis-7.2.7").contains(&"CVE-2025-21605"), "inferred counts");
        for line in crate::engine::lines() {
            let build = format!("{line}.0");
            assert!(!ids(&build).contains(&"CVE-2022-0543"), "a distribution's package is no official image");
        }
    }

    /// The last first fixed build; none if one is not fixed at all.
    fn derived(line: &LineEnd) -> Option<EngineVersion> {
        let rows = all().expect("readable").iter();
        let mut builds = rows.filter_map(|row| Some(row.fixed_on(line.kind, line.number)?.build));
        let patch = builds.try_fold(0, |safe: u16, build| match build {
            Build::First(fixed) => Some(safe.max(fixed)),
            Build::None => None,
            Build::Unknown => Some(safe),
        })?;
        Some(EngineVersion { line: line.number, patch })
    }

    #[test]
    fn safe_builds_follow_from_the_vulnerabilities() {
        let lines = lines().expect("readable");
        for line in &lines.all {
            assert_eq!(line.safe, derived(line), "{line}");
        }
        let safe = |line: &LineEnd| line.safe.map_or("none".to_owned(), |safe| safe.to_string());
        assert_eq!(
            lines.all.iter().map(safe).collect::<Vec<_>>().join(" "),
            "6.2.24 none 7.2.16 7.4.11 none 8.2.10 8.4.7 8.6.7 8.8.3 8.10.2 7.2.15 8.0.12 8.1.11 9.0.7 9.1.3"
        );
        assert_eq!(ids("redis-7.4.11"), Vec::<&str>::new());
        assert_eq!(ids("redis-7.4.99"), Vec::<&str>::new());
    }

    #[test]
    fn from_a_line_without_a_safe_build_the_way_is_up() {
        let lines = lines().expect("readable");
        let nearest = |line| lines.nearest_safe(EngineKind::Redis, line).expect("some").to_string();
        assert_eq!(nearest((7, 0)), "7.2.16");
        assert_eq!(nearest((8, 0)), "8.2.10");
        assert_eq!(nearest((7, 4)), "7.4.11");
        assert_eq!(nearest((9, 9)), "8.10.2");
    }
}
