//! In: the records of a proof. Out: the verdict, the table for people, and the document that is kept as evidence.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::check::{Record, State};
use super::lab::Lab;
use super::level::Level;
use crate::model::Model;

/// What a proof of one profile showed.
#[derive(Serialize)]
pub struct Evidence {
    /// Name of the profile's file.
    pub profile: String,
    /// SHA-256 of the resolved profile.
    pub digest: String,
    /// The engine that the profile names.
    pub engine: String,
    /// The tree that was proven; null if it was built for the proof.
    pub dir: Option<String>,
    /// True if the passwords and certificates were made for the proof.
    pub own_secrets: bool,
    /// When it began, in UTC.
    pub started: String,
    /// When it ended, in UTC.
    pub ended: String,
    /// True if something held that is more than a preparation, nothing failed, and nothing that was required is unproven.
    pub passed: bool,
    /// True if somebody stopped it.
    pub interrupted: bool,
    /// Levels that must not be left unproven.
    pub required: BTreeSet<Level>,
    /// Programs that judged, with their versions.
    pub judges: BTreeMap<String, String>,
    /// Each check.
    pub checks: Vec<Record>,
    /// SHA-256 of each file that was proven.
    pub artefacts: BTreeMap<String, String>,
}

impl Evidence {
    /// Judges the records.
    pub fn new(
        model: &Model,
        lab: &Lab,
        required: &BTreeSet<Level>,
        (started, ended): (OffsetDateTime, OffsetDateTime),
        (judges, checks): (BTreeMap<String, String>, Vec<Record>),
    ) -> Evidence {
        let interrupted = super::interrupt::asked();
        let stands = |record: &Record| match record.state {
            State::Failed => false,
            State::NotRun => !required.contains(&record.level),
            State::Held | State::Advice => true,
        };
        Evidence {
            profile: model.source.clone(),
            digest: model.digest.clone(),
            engine: format!("{} {}", model.profile.engine.kind.word(), model.profile.engine.version),
            dir: lab.dir.as_ref().map(|dir| dir.display().to_string()),
            own_secrets: lab.own_secrets,
            started: stamp(started),
            ended: stamp(ended),
            // Where nothing could be proven, nothing is.
            passed: !interrupted && checks.iter().all(stands) && checks.iter().any(proves),
            interrupted,
            required: required.clone(),
            judges,
            artefacts: lab.digests().map(|(path, digest)| (path.to_owned(), digest)).collect(),
            checks,
        }
    }

    /// The table and what it leads to, for people.
    pub fn table(&self) -> String {
        let tree = match &self.dir {
            Some(dir) => format!("the tree {dir}"),
            None => "built for this proof".to_owned(),
        };
        let mut text =
            format!("\n{}, {tree}\n  {:<14}{:>6}{:>8}{:>9}\n", self.profile, "level", "held", "failed", "not run");
        let levels: BTreeSet<Level> = self.checks.iter().map(|record| record.level).collect();
        for level in levels {
            let count = |state| self.checks.iter().filter(|one| one.level == level && one.state == state).count();
            let (held, failed, not_run) = (count(State::Held), count(State::Failed), count(State::NotRun));
            text.push_str(&format!("  {:<14}{held:>6}{failed:>8}{not_run:>9}\n", level.word()));
        }
        for (state, title) in [(State::Failed, "Failed"), (State::NotRun, "Not run"), (State::Advice, "Advice")] {
            let those: Vec<&Record> = self.checks.iter().filter(|record| record.state == state).collect();
            if !those.is_empty() {
                text.push_str(&format!("\n{title}\n"));
            }
            for record in those {
                text.push_str(&format!("  {}/{}: {}\n", record.level.word(), record.id, record.told()));
                if let Some(remedy) = &record.remedy {
                    text.push_str(&format!("      {remedy}\n"));
                }
            }
        }
        text.push_str(&format!("\n{}{}\n", self.verdict(), self.server()));
        text
    }

    /// The server that was proven, where that is another one than the profile names.
    fn server(&self) -> String {
        let (kind, asked) = self.engine.split_once(' ').unwrap_or_default();
        match self.judges.get(kind) {
            Some(version) if version == asked => format!("; the server was {kind} {version}"),
            Some(version) => format!("; the server was {kind} {version}, the profile asks for {asked}"),
            None => String::new(),
        }
    }

    fn verdict(&self) -> String {
        let count = |state| self.checks.iter().filter(|record| record.state == state).count();
        let required =
            self.checks.iter().filter(|record| record.state == State::NotRun && self.required.contains(&record.level));
        match (self.interrupted, self.passed, count(State::Failed), required.count()) {
            (true, ..) => "interrupted: nothing is proven".to_owned(),
            (_, _, 0, _) if !self.checks.iter().any(proves) => "nothing was proven".to_owned(),
            (_, true, ..) => format!("{} held, {} not run", count(State::Held), count(State::NotRun)),
            (_, _, failed, required) => format!("not proven: {failed} failed, {required} required and not run"),
        }
    }
}

/// True if it held, and holding it says something of the deployment: which server is at hand, and that packets pass where
/// no filter is, only show that a proof could begin.
fn proves(record: &Record) -> bool {
    let preparation = match record.level {
        Level::Server => record.id == "line",
        Level::Firewall => record.id.rsplit('/').next() == Some("control"),
        _ => false,
    };
    record.state == State::Held && !preparation
}

fn stamp(at: OffsetDateTime) -> String {
    at.replace_nanosecond(0).unwrap_or(at).format(&Rfc3339).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn preparations_prove_nothing() {
        let record = |level, id: &str| Record::new(level, id, "", Ok(String::new()), 0);
        assert!(!proves(&record(Level::Server, "line")) && !proves(&record(Level::Firewall, "nftables/control")));
        assert!(proves(&record(Level::Server, "boot")) && proves(&record(Level::Firewall, "nftables/allowed")));
        assert!(proves(&record(Level::Tree, "line")));
    }
}
