//! How an item of the checklist stands, and what shows it.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::render::File;

/// How an item stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// The files that are written hold it.
    Held,
    /// They do not.
    NotHeld,
    /// No compiler can hold it: the note says who must do what.
    Outside,
}

impl State {
    /// As documents print it.
    pub const fn word(self) -> &'static str {
        match self {
            State::Held => "held",
            State::NotHeld => "not held",
            State::Outside => "outside",
        }
    }
}

/// What was found about an item.
pub struct Verdict {
    /// How it stands.
    pub state: State,
    /// Why, in a sentence or two; Markdown's back-ticks mark code.
    pub note: String,
    claims: Vec<Claim>,
}

/// A line that shows it, and the test that proves what the line does.
struct Claim {
    file: String,
    line: Sought,
    test: &'static str,
}

/// Which line shows it.
enum Sought {
    /// The first that starts so, blanks apart.
    Starting(String),
    /// The first that holds this.
    Holding(&'static str),
}

/// A claim, found.
#[derive(Debug, Serialize)]
pub struct Evidence {
    /// Path below the output folder.
    pub file: String,
    /// Number of the line, from 1; none if the file has no such line, which a test rules out.
    pub line: Option<usize>,
    /// File and function of the test, in redisgen's own repository.
    pub test: &'static str,
}

impl Verdict {
    /// The files hold it.
    pub fn held(note: impl Into<String>) -> Verdict {
        Verdict { state: State::Held, note: note.into(), claims: Vec::new() }
    }

    /// The files do not hold it.
    pub fn not_held(note: impl Into<String>) -> Verdict {
        Verdict { state: State::NotHeld, note: note.into(), claims: Vec::new() }
    }

    /// Somebody must do it.
    pub fn outside(note: impl Into<String>) -> Verdict {
        Verdict { state: State::Outside, note: note.into(), claims: Vec::new() }
    }

    /// With the line that shows it: the first of `file` that starts so; `test` proves what it does.
    #[must_use]
    pub fn shown(mut self, file: impl Into<String>, start: impl Into<String>, test: &'static str) -> Verdict {
        self.claims.push(Claim { file: file.into(), line: Sought::Starting(start.into()), test });
        self
    }

    /// With the line that shows it: the first of `file` that holds this; `test` proves what it does.
    #[must_use]
    pub fn within(mut self, file: impl Into<String>, part: &'static str, test: &'static str) -> Verdict {
        self.claims.push(Claim { file: file.into(), line: Sought::Holding(part), test });
        self
    }

    /// Finds the lines.
    pub fn evidence(&self, lines: &mut Lines) -> Vec<Evidence> {
        self.claims.iter().map(|claim| claim.find(lines.of(&claim.file))).collect()
    }
}

/// The lines of files, without the blanks in front. Many claims look into one file, which is cut up once.
pub struct Lines<'files> {
    files: &'files [File],
    cut: BTreeMap<&'files str, Vec<&'files str>>,
}

impl<'files> Lines<'files> {
    /// Of these files.
    pub fn new(files: &'files [File]) -> Lines<'files> {
        Lines { files, cut: BTreeMap::new() }
    }

    /// Of one file; none if it is not there.
    fn of(&mut self, path: &str) -> &[&'files str] {
        let Some(file) = self.files.iter().find(|file| file.path == path) else { return &[] };
        self.cut.entry(&file.path).or_insert_with(|| file.text().lines().map(str::trim_start).collect())
    }
}

impl Claim {
    fn find(&self, lines: &[&str]) -> Evidence {
        let place = lines.iter().position(|line| match &self.line {
            Sought::Starting(start) => line.starts_with(start.as_str()),
            Sought::Holding(part) => line.contains(part),
        });
        Evidence { file: self.file.clone(), line: place.map(|place| place + 1), test: self.test }
    }
}
