//! What a level is made of: checks, each one literal, and how they ended.

use serde::{Deserialize, Serialize};

use super::level::Level;
use crate::model::Model;

/// One thing that is proven, on what a level started for it.
pub struct Check<Subject: ?Sized> {
    /// Stable name, unique in its level.
    pub id: &'static str,
    /// What holds if the check passes.
    pub title: &'static str,
    /// True if the profile asks for it.
    pub applies: fn(&Model) -> bool,
    /// Tries it.
    pub prove: fn(&mut Subject) -> Outcome,
}

/// How a check ended: what was seen, or why it does not count as held.
pub type Outcome = Result<String, Trouble>;

/// Why a check did not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// It is not so; what was seen instead.
    Failed(String),
    /// Nobody knows.
    NotRun {
        /// What is missing.
        missing: String,
        /// How to get it.
        remedy: String,
    },
    /// Something to think about, and no failure.
    Advice(String),
    /// Somebody asked to stop.
    Interrupted,
}

impl Trouble {
    /// A failure, in words.
    ///
    /// # Errors
    /// Always: it is one.
    pub fn failed<T>(seen: impl Into<String>) -> Result<T, Trouble> {
        Err(Trouble::Failed(seen.into()))
    }

    /// Something that is missing, and how to get it.
    pub fn missing(missing: impl Into<String>, remedy: impl Into<String>) -> Trouble {
        Trouble::NotRun { missing: missing.into(), remedy: remedy.into() }
    }
}

impl std::fmt::Display for Trouble {
    /// In one line.
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Trouble::Failed(what) | Trouble::Advice(what) => out.write_str(what),
            Trouble::NotRun { missing, remedy } => write!(out, "{missing}: {remedy}"),
            Trouble::Interrupted => out.write_str("interrupted"),
        }
    }
}

/// How a check ended, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// It is so.
    Held,
    /// It is not.
    Failed,
    /// Nobody knows.
    NotRun,
    /// Worth knowing; no failure.
    Advice,
}

impl State {
    /// As it is shown.
    pub const fn word(self) -> &'static str {
        match self {
            State::Held => "held",
            State::Failed => "FAILED",
            State::NotRun => "not run",
            State::Advice => "advice",
        }
    }
}

/// A check that ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Its level.
    pub level: Level,
    /// Its name.
    pub id: String,
    /// What it proves.
    pub title: String,
    /// How it ended.
    pub state: State,
    /// What was seen, or what is missing.
    pub seen: String,
    /// How to get what is missing.
    pub remedy: Option<String>,
    /// How long it took, in milliseconds of the clock on the wall.
    pub millis: u64,
}

/// Longest text that a record keeps of what was seen.
const LONGEST: usize = 600;

impl Record {
    /// Makes a record. What was seen may come from anywhere: it is one printable line.
    pub fn new(level: Level, id: &str, title: &str, outcome: Outcome, millis: u64) -> Record {
        let (state, seen, remedy) = match outcome {
            Ok(seen) => (State::Held, seen, None),
            Err(Trouble::Failed(seen)) => (State::Failed, seen, None),
            Err(Trouble::Advice(seen)) => (State::Advice, seen, None),
            Err(Trouble::NotRun { missing, remedy }) => (State::NotRun, missing, Some(remedy)),
            Err(Trouble::Interrupted) => (State::NotRun, "interrupted".to_owned(), Some("run it again".to_owned())),
        };
        Record { level, id: id.to_owned(), title: title.to_owned(), state, seen: line(&seen), remedy, millis }
    }

    /// In words. A title says what should be: where it is not, or nobody knows, that is said before it.
    pub fn told(&self) -> String {
        match (self.state, self.seen.is_empty()) {
            (State::Held, _) | (State::Advice, true) => self.title.clone(),
            (State::Failed, _) => format!("expected: {}; seen: {}", self.title, self.seen),
            (State::NotRun, _) => format!("unproven: {}; {}", self.title, self.seen),
            (State::Advice, false) => self.seen.clone(),
        }
    }
}

/// One line without control characters, cut where it is too long.
fn line(text: &str) -> String {
    let words = text.split(|sign: char| sign.is_whitespace() || sign.is_control()).filter(|word| !word.is_empty());
    let mut line: String = words.collect::<Vec<_>>().join(" ");
    if let Some((end, _)) = line.char_indices().nth(LONGEST) {
        line.truncate(end);
        line.push('…');
    }
    line.chars().map(|sign| if crate::yaml::is_forbidden(sign) { '\u{fffd}' } else { sign }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_seen_is_one_plain_line() {
        let record =
            Record::new(Level::Server, "a", "A", Err(Trouble::Failed("x\n\u{1b}[31my \u{202e}z".to_owned())), 1);
        assert_eq!(record.seen, "x [31my \u{fffd}z");
        let record = Record::new(Level::Server, "a", "A", Ok("é".repeat(700)), 1);
        assert_eq!(record.seen.chars().count(), LONGEST + 1);
    }
}
