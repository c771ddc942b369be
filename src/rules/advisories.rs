//! Rules on known vulnerabilities of the chosen build and on the end of its line, from the table of advisories.

use super::{ERROR, INFO, Rule, Sink, WARNING};
use crate::advisories::mitigation::{self, Reach, Verdict};
use crate::advisories::{self, Advisory, Hold, Lines, Who};
use crate::format::Date;
use crate::model::{Login, Model};
use crate::topic;

/// A table older than this misses what was found meanwhile.
const STALE: i64 = 120;
/// So many days before a line ends are enough to plan a move.
const SOON: i64 = 90;

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "version-vulnerable",
        severity: WARNING,
        title: "The chosen build has known vulnerabilities",
        topic: topic::ENGINE,
        why: "What is known can be used by whoever reads it; exploits of July 2026's batch were published. Each vulnerability is judged on what this profile emits: one that only role `admin` could use is told as mitigated, yet the build stays vulnerable, since one wider permission later it is not. `redisgen advisories --engine redis-7.4.5` lists what applies to a build, with sources.",
        fix: "Choose the named version, and let the image be pulled again.",
        source: "src/advisories/advisories.toml, each row with its sources",
        waivable: true,
        check: Some(|model, sink| with_applying(model, sink, vulnerable)),
    },
    Rule {
        id: "version-open-to-strangers",
        severity: ERROR,
        title: "A vulnerability that needs no login is within reach of strangers",
        topic: topic::ENGINE,
        why: "Passwords and ACLs are asked too late for these. What keeps strangers out is exposure `internal` or `localhost`, an allow list that a packet filter enforces, or, where the flaw lies behind the handshake, mutual TLS. Exposure `open` keeps nobody out, and neither does a list that admits everyone or that no filter enforces.",
        fix: "Choose the named version; or write `exposure: allowlist` with `allow`. Waive this if a filter of your own stands in front.",
        source: "the GitHub advisory of CVE-2025-21605 names both, packet filter and client certificates; src/advisories/advisories.toml",
        waivable: true,
        check: Some(|model, sink| with_applying(model, sink, open_to_strangers)),
    },
    Rule {
        id: "line-end-of-life",
        severity: WARNING,
        title: "The engine's line is no longer cared for",
        topic: topic::ENGINE,
        why: "What is found from now on is not fixed there. Nobody may even look whether it is affected.",
        fix: "Move to a later line.",
        source: "src/advisories/lines.toml, each line with its source",
        waivable: true,
        check: Some(|model, sink| end_of_life(model, sink, |days| days <= 0)),
    },
    Rule {
        id: "line-ends-soon",
        severity: INFO,
        title: "The engine's line will not be cared for much longer",
        topic: topic::ENGINE,
        why: "A move to another line wants a test of the application; the last 90 days are for that.",
        fix: "Plan the move to a later line.",
        source: "src/advisories/lines.toml, each line with its source",
        waivable: true,
        check: Some(|model, sink| end_of_life(model, sink, |days| (1..=SOON).contains(&days))),
    },
    Rule {
        id: "advisories-outdated",
        severity: INFO,
        title: "The table of advisories is older than 120 days",
        topic: topic::ENGINE,
        why: "It is part of the program and knows nothing of what was found since; that no finding names a vulnerability says little then. In 2026 fixes came in February, May, July, August, September and October.",
        fix: "Update redisgen, or look at the engine's release notes.",
        source: "src/advisories/lines.toml",
        waivable: true,
        check: Some(|_, sink| {
            let Ok(lines) = advisories::lines() else { return };
            let age = days(lines.date, sink.today);
            if age > STALE {
                sink.report("engine.version", format!("the table of advisories is of {}, {age} days ago", lines.date));
            }
        }),
    },
];

/// A check of what is known of the chosen build, if anything is.
type Check = fn(&Lines, &[&Advisory], &Model, &mut Sink);

fn with_applying(model: &Model, sink: &mut Sink, check: Check) {
    let engine = &model.profile.engine;
    match (advisories::lines(), advisories::applying(engine.kind, engine.version)) {
        (Ok(lines), Ok(rows)) if !rows.is_empty() => check(lines, &rows, model, sink),
        (Ok(_), Ok(_)) => {}
        (Err(reason), _) | (_, Err(reason)) => drop(sink.report("engine.version", reason)),
    }
}

fn days(from: Date, to: Date) -> i64 {
    (to.0 - from.0).whole_days()
}

/// Where to go: the help of each finding on the build.
fn way_out(lines: &Lines, model: &Model) -> String {
    let engine = &model.profile.engine;
    let Some(safe) = lines.nearest_safe(engine.kind, engine.version.line) else {
        return "no line of this engine has a build without known vulnerabilities".to_owned();
    };
    let other_line = if safe.line == engine.version.line { "" } else { "; no build of this line is without them" };
    let caution = lines.line(engine.kind, safe.line).and_then(|line| line.caution.as_deref());
    let caution = caution.map_or(String::new(), |caution| format!(". {caution}"));
    format!("write `version: \"{safe}\"`{other_line}{caution}")
}

fn vulnerable(lines: &Lines, applying: &[&Advisory], model: &Model, sink: &mut Sink) {
    let engine = &model.profile.engine;
    let reach = Reach::new(model);
    let (mut open, mut held) = (Groups::default(), Groups::default());
    // `version-open-to-strangers` tells of the others.
    let strangers: Vec<&str> = open_rows(applying, model, &reach).iter().map(|(row, _)| row.id.as_str()).collect();
    let applying: Vec<&&Advisory> = applying.iter().filter(|row| !strangers.contains(&row.id.as_str())).collect();
    if applying.is_empty() {
        return;
    }
    for row in &applying {
        match reach.verdict(row) {
            Verdict::Open(why) => open.add(row, why),
            Verdict::Held(why) => held.add(row, why),
        }
    }
    let what = if applying.len() == 1 { "vulnerability" } else { "vulnerabilities" };
    let message = format!(
        "{} {} has {} {}known {what} (table of {})",
        engine.kind.word(),
        engine.version,
        applying.len(),
        if strangers.is_empty() { "" } else { "more " },
        lines.date
    );
    let message = message + &open.lines("within reach") + &held.lines("mitigated");
    sink.report("engine.version", message).help(way_out(lines, model));
}

/// Vulnerabilities with the same verdict are told together.
#[derive(Default)]
struct Groups(Vec<(String, Vec<String>)>);

impl Groups {
    fn add(&mut self, row: &Advisory, why: String) {
        match self.0.iter_mut().find(|(known, _)| *known == why) {
            Some((_, ids)) => ids.push(row.ids()),
            None => self.0.push((why, vec![row.ids()])),
        }
    }

    /// One line each.
    fn lines(&self, title: &str) -> String {
        let line = |(why, ids): &(String, Vec<String>)| format!("\n{title}: {}: {why}", ids.join(", "));
        self.0.iter().map(line).collect()
    }
}

/// What needs no login and is within reach, each with why.
fn open_rows<'rows>(applying: &[&'rows Advisory], model: &Model, reach: &Reach<'_>) -> Vec<(&'rows Advisory, String)> {
    // Where nobody needs a password, a stranger is logged in.
    let passwordless = model.users.iter().any(|user| user.enabled && user.login == Login::Anything);
    let logged_in = passwordless && !model.mutual() && mitigation::exposure(model).is_err();
    let strangers = applying.iter().filter(|row| row.who == Who::Anyone || (logged_in && row.who == Who::User));
    let judged = strangers.filter_map(|row| match reach.verdict(row) {
        Verdict::Open(why) => Some((*row, why)),
        Verdict::Held(_) => None,
    });
    judged.collect()
}

fn open_to_strangers(lines: &Lines, applying: &[&Advisory], model: &Model, sink: &mut Sink) {
    let engine = &model.profile.engine;
    let (mut open, mut handshake) = (Groups::default(), false);
    for (row, why) in open_rows(applying, model, &Reach::new(model)) {
        open.add(row, why);
        handshake |= row.held_by.contains(&Hold::MutualTls);
    }
    if !open.0.is_empty() {
        let message = format!("{} {} is open to strangers", engine.kind.word(), engine.version);
        sink.report("engine.version", message + &open.lines("no login needed"))
            .help(way_out(lines, model))
            .related("network.exposure", "strangers may connect here");
        if handshake {
            sink.related("tls.mode", "no client certificate is asked for");
        }
    }
}

fn end_of_life(model: &Model, sink: &mut Sink, when: impl Fn(i64) -> bool) {
    let engine = &model.profile.engine;
    let Some(line) = advisories::lines().ok().and_then(|lines| lines.line(engine.kind, engine.version.line)) else {
        return;
    };
    // The day itself is the first without care.
    if let Some(end) = line.end_of_life.filter(|end| when(days(sink.today, *end))) {
        let ends = if end <= sink.today { "ended" } else { "ends" };
        sink.report("engine.version", format!("care for {line} {ends} on {end}"));
    }
}
