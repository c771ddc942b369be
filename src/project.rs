//! In: the text of a project file (`redisgen.toml`). Out: which profiles there are, where each one's artefacts are, and
//! what a change of a profile can't loosen; or the first error, with its line. Reads no file itself.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use serde::Deserialize;
use toml::Spanned;

use crate::finding::Severity;
use crate::format::RelativePath;
use crate::profile::Environment;
use crate::rules;
use crate::schema::nearest;

/// Name of a project file.
pub const NAME: &str = "redisgen.toml";
/// Largest project file in bytes.
pub const MAX_BYTES: usize = 1 << 20;
/// Below this folder each profile has its artefacts, unless the project file says where.
const DEFAULT_OUT: &str = "deploy";
/// Every key of the format, for suggestions.
const KEYS: [&str; 8] = ["version", "policy", "profiles", "deny", "waivable", "path", "out", "environment"];

/// A project file.
#[derive(Debug)]
pub struct Project {
    /// The profiles, as they are listed.
    pub profiles: Vec<Listed>,
}

/// A profile of a project.
#[derive(Debug)]
pub struct Listed {
    /// Path below the project's folder.
    pub path: String,
    /// Folder of its artefacts, below the project's folder.
    pub out: String,
    /// What holds for it, whatever it says itself.
    pub terms: Terms,
}

/// What a project file demands of a profile. A change of the profile can't loosen it.
#[derive(Clone, Debug)]
pub struct Terms {
    /// Where the profile is listed, as `redisgen.toml:12`.
    pub place: String,
    /// The environment that the profile must have, which decides defaults and severities; and where that is said.
    pub environment: (Environment, String),
    /// Findings of this severity or worse refuse the profile; and where that is said.
    pub deny: Option<(Severity, String)>,
    /// The only rules that it may waive, and where that is said; none: all that can be waived.
    pub waivable: Option<(Arc<BTreeSet<String>>, String)>,
}

impl Terms {
    /// True if a waiver of this rule counts.
    pub fn admits(&self, rule: &str) -> bool {
        self.refuses(rule).is_none()
    }

    /// Where it is said that this rule may not be waived.
    pub fn refuses(&self, rule: &str) -> Option<&str> {
        self.waivable.as_ref().filter(|(rules, _)| !rules.contains(rule)).map(|(_, place)| place.as_str())
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    version: Spanned<i64>,
    #[serde(default)]
    policy: RawPolicy,
    #[serde(default)]
    profiles: Vec<RawProfile>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPolicy {
    deny: Option<Spanned<String>>,
    waivable: Option<Spanned<Vec<Spanned<String>>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawProfile {
    path: Spanned<String>,
    out: Option<Spanned<String>>,
    environment: Spanned<String>,
    deny: Option<Spanned<String>>,
}

/// Something wrong: where, and what.
type Wrong = (Option<Range<usize>>, String);

/// Reads a project file that messages call `name`.
///
/// # Errors
/// The first thing that is wrong, as `NAME:LINE: reason`; values are not repeated.
pub fn parse(name: &str, text: &str) -> Result<Project, String> {
    let lines =
        Lines { name, starts: std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect() };
    let read = toml::from_str::<Raw>(text).map_err(|error| (error.span(), reason(&error, text)));
    read.and_then(|raw| project(raw, &lines)).map_err(|(span, reason)| match span {
        Some(span) => format!("{}: {reason}", lines.place(&span)),
        None => format!("{name}: {reason}"),
    })
}

/// Where lines start, so that thousands of places cost no pass over the text each.
struct Lines<'name> {
    name: &'name str,
    starts: Vec<usize>,
}

impl Lines<'_> {
    fn place(&self, span: &Range<usize>) -> String {
        format!("{}:{}", self.name, self.starts.partition_point(|start| *start <= span.start))
    }
}

/// What serde or the TOML reader says, without the values that it repeats.
fn reason(error: &toml::de::Error, text: &str) -> String {
    let message = error.message();
    if message.starts_with("unknown field") {
        let key = error.span().and_then(|span| text.get(span)).unwrap_or("").trim_matches(['"', '\'']);
        let meant = nearest(key, KEYS.into_iter()).map_or(String::new(), |meant| format!("; did you mean `{meant}`?"));
        return format!("there is no such key here{meant}");
    }
    if message.starts_with("missing field `environment`") {
        return "`environment` is missing: without it, a profile that calls itself `development` would be judged mildly"
            .to_owned();
    }
    let said = match message.strip_prefix("invalid ").and_then(|rest| rest.rsplit_once(", expected ")) {
        Some((_, expected)) => format!("expected {expected}"),
        None => message.lines().collect::<Vec<_>>().join(", "),
    };
    said.chars().filter(|sign| !crate::yaml::is_forbidden(*sign)).collect()
}

fn project(raw: Raw, lines: &Lines<'_>) -> Result<Project, Wrong> {
    if *raw.version.get_ref() != 1 {
        return Err((Some(raw.version.span()), "another redisgen wrote this; here, `version` is 1".to_owned()));
    }
    let stated = |word: &Spanned<String>| Ok::<_, Wrong>((severity(word)?, lines.place(&word.span())));
    let common = raw.policy.deny.as_ref().map(stated).transpose()?;
    let deny = common.as_ref().map(|(common, _)| *common);
    let waivable = match raw.policy.waivable {
        Some(ids) => Some((lines.place(&ids.span()), Arc::new(waivable(ids.into_inner())?))),
        None => None,
    };
    let mut profiles = Vec::new();
    let mut paths = BTreeSet::new();
    // By their parts, so that of folders inside one another the outer one comes right before an inner one.
    let mut folders: BTreeMap<Vec<String>, Range<usize>> = BTreeMap::new();
    for profile in raw.profiles {
        let path = below(&profile.path, "path")?;
        if !paths.insert(path.clone()) {
            return Err((Some(profile.path.span()), "this profile is listed twice".to_owned()));
        }
        let (out, said_at) = match &profile.out {
            Some(out) => (below(out, "out")?, out.span()),
            None => (default_out(&path), profile.path.span()),
        };
        if folders.insert(out.split('/').map(str::to_owned).collect(), said_at.clone()).is_some() {
            return Err((Some(said_at), "two profiles would be written to one folder: give each an `out`".to_owned()));
        }
        let own = profile.deny.map(|own| Ok((own.span(), severity(&own)?))).transpose()?;
        if let (Some((span, own)), Some(common)) = (&own, deny)
            && *own > common
        {
            return Err((Some(span.clone()), "this `deny` is milder than that of `[policy]`".to_owned()));
        }
        let terms = Terms {
            place: lines.place(&profile.path.span()),
            environment: (environment(&profile.environment)?, lines.place(&profile.environment.span())),
            deny: own.map(|(span, own)| (own, lines.place(&span))).or_else(|| common.clone()),
            waivable: waivable.clone().map(|(place, rules)| (rules, place)),
        };
        profiles.push(Listed { path, out, terms });
    }
    let nested = folders.iter().zip(folders.iter().skip(1)).find(|((outer, _), (inner, _))| inner.starts_with(outer));
    match nested {
        Some((_, (_, span))) => Err((Some(span.clone()), "this folder would be inside another profile's".to_owned())),
        None => Ok(Project { profiles }),
    }
}

fn severity(word: &Spanned<String>) -> Result<Severity, Wrong> {
    word.get_ref().parse().map_err(|reason| (Some(word.span()), reason))
}

fn environment(word: &Spanned<String>) -> Result<Environment, Wrong> {
    match word.get_ref().as_str() {
        "development" => Ok(Environment::Development),
        "production" => Ok(Environment::Production),
        _ => Err((Some(word.span()), "expected development or production".to_owned())),
    }
}

fn waivable(ids: Vec<Spanned<String>>) -> Result<BTreeSet<String>, Wrong> {
    let mut found = BTreeSet::new();
    for id in ids {
        let span = Some(id.span());
        match rules::find(id.get_ref()) {
            None => {
                let meant = nearest(id.get_ref(), rules::all().map(|rule| rule.id));
                let meant = meant.map_or(String::new(), |meant| format!("; did you mean `{meant}`?"));
                return Err((span, format!("there is no such rule{meant}")));
            }
            Some(rule) if !rule.waivable => return Err((span, format!("`{}` cannot be waived by anybody", rule.id))),
            Some(rule) => found.insert(rule.id.to_owned()),
        };
    }
    Ok(found)
}

/// A path of plain characters that stays below the project's folder; the same file has one spelling.
fn below(path: &Spanned<String>, key: &str) -> Result<String, Wrong> {
    let text = path.get_ref();
    let plain = text.parse::<RelativePath>().is_ok();
    if plain && text.split('/').all(|part| !matches!(part, "." | "..")) {
        return Ok(text.clone());
    }
    let expected =
        "expected a path below the folder of this file, without `.` and `..`, of letters, digits, blanks and";
    Err((Some(path.span()), format!("`{key}`: {expected} `._+@-`")))
}

fn default_out(path: &str) -> String {
    let name = path.rsplit('/').next().unwrap_or(path);
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    // `..yaml` and `.yaml` are refused where the profile is read; here they must not become a path.
    let stem = if stem.trim_matches('.').is_empty() { name } else { stem };
    format!("{DEFAULT_OUT}/{stem}")
}
