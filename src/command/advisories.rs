//! `redisgen advisories`: the embedded table, all of it, of one line, or what applies to one build. Always fine: the
//! profile's findings judge, this lists.

use serde_json::{Value, json};

use super::Exit;
use crate::advisories::mitigation::spoken;
use crate::advisories::{self, Advisory, Build, Fixed, Hold, LineEnd, Lines, Who};
use crate::console;
use crate::engine::EngineArgument;
use crate::output::{ListFormat, human};
use crate::profile::EngineKind;

pub(super) fn run(engine: Option<EngineArgument>, format: ListFormat) -> Result<Exit, String> {
    let list = List::new(advisories::lines()?, advisories::all()?, engine);
    console::out(&match format {
        ListFormat::Human => list.human(),
        ListFormat::Json => list.json(),
    });
    Ok(Exit::Fine)
}

/// What was asked for.
struct List {
    all_lines: &'static Lines,
    engine: Option<EngineArgument>,
    lines: Vec<&'static LineEnd>,
    rows: Vec<&'static Advisory>,
    /// No source says whether the line has these.
    not_stated: Vec<&'static Advisory>,
}

impl List {
    fn new(all_lines: &'static Lines, all: &'static [Advisory], engine: Option<EngineArgument>) -> List {
        let state = |row: &Advisory| engine.and_then(|engine| row.fixed_on(engine.kind, engine.line).copied());
        let unknown = |row: &Advisory| state(row).is_some_and(|fixed| fixed.build == Build::Unknown);
        let wanted = |row: &Advisory| {
            let Some(engine) = engine else { return true };
            state(row).is_some_and(|fixed| engine.patch.is_none_or(|patch| fixed.affects(patch))) && !unknown(row)
        };
        let line = |line: &&LineEnd| engine.is_none_or(|engine| (engine.kind, engine.line) == (line.kind, line.number));
        List {
            all_lines,
            engine,
            lines: all_lines.all.iter().filter(line).collect(),
            rows: all.iter().filter(|row| wanted(row)).collect(),
            not_stated: all.iter().filter(|row| unknown(row)).collect(),
        }
    }

    fn fixed<'row>(&self, row: &'row Advisory) -> impl Iterator<Item = &'row Fixed> {
        let engine = self.engine;
        let wanted =
            move |fixed: &&Fixed| engine.is_none_or(|engine| (engine.kind, engine.line) == (fixed.kind, fixed.line));
        row.fixed.iter().filter(wanted)
    }

    fn human(&self) -> String {
        let date = self.all_lines.date;
        let mut out = format!("Known vulnerabilities of Redis and Valkey, table of {date}; it starts with 2022.\n\n");
        for line in &self.lines {
            let safe = line.safe;
            let safe = safe.map_or("no build without any".to_owned(), |safe| format!("none known from {safe} on"));
            let end =
                line.end_of_life.map_or("end of life not announced".to_owned(), |end| format!("end of life {end}"));
            out.push_str(&format!("{:<12}{safe:<28}{end}\n", line.to_string()));
            for remark in line.note.iter().chain(&line.caution) {
                out.push_str(&human::wrapped("", remark, 12));
            }
            if self.engine.is_some() {
                out.push_str(&human::wrapped("sources: ", &line.sources.join("; "), 12));
            }
        }
        out.push('\n');
        match self.engine {
            Some(engine) if self.rows.is_empty() => {
                out.push_str(&format!("{engine}: none known as of {date}.\n"));
            }
            Some(engine) => {
                let nearest = self.all_lines.nearest_safe(engine.kind, engine.line);
                let nearest =
                    nearest.map_or(String::new(), |safe| format!("; the nearest build without any is {safe}"));
                let whose = if engine.patch.is_some() { nearest.as_str() } else { ", counting all its builds" };
                out.push_str(&format!("{engine}: {} known{whose}.\n", self.rows.len()));
            }
            None => {}
        }
        for row in &self.rows {
            out.push('\n');
            out.push_str(&self.entry(row));
        }
        if !self.not_stated.is_empty() {
            let ids: Vec<String> = self.not_stated.iter().map(|row| row.ids()).collect();
            out.push_str(&format!("\nNo source that was read says whether this line has: {}.\n", ids.join(", ")));
        }
        out
    }

    fn entry(&self, row: &Advisory) -> String {
        let mut out = format!("{}\n", row.ids());
        out.push_str(&human::wrapped("", &row.what, 2));
        out.push_str(&human::wrapped("who:      ", who(row.who), 2));
        if let Some(only) = &row.only {
            out.push_str(&human::wrapped("only:     ", only, 2));
        }
        for kind in [EngineKind::Redis, EngineKind::Valkey] {
            let builds: Vec<String> = self.fixed(row).filter(|fixed| fixed.kind == kind).map(build).collect();
            if !builds.is_empty() {
                out.push_str(&human::wrapped("fixed:    ", &format!("{} {}", kind.word(), builds.join(", ")), 2));
            }
        }
        let holds: Vec<String> = row.held_by.iter().map(hold).collect();
        let holds = if holds.is_empty() { "nothing that a profile can say".to_owned() } else { holds.join("; or ") };
        let inferred = if row.held_by_inferred { " (inferred)" } else { "" };
        out.push_str(&human::wrapped("held by:  ", &(holds + inferred), 2));
        if let Some(conflict) = &row.conflict {
            out.push_str(&human::wrapped("conflict: ", conflict, 2));
        }
        out + &human::wrapped("sources:  ", &row.sources.join("; "), 2)
    }

    fn json(&self) -> String {
        let lines: Vec<Value> = self
            .lines
            .iter()
            .map(|line| {
                json!({
                    "engine": line.kind.word(),
                    "line": number(line.number),
                    "safe_build": line.safe.map(|safe| safe.to_string()),
                    "end_of_life": line.end_of_life.map(|end| end.to_string()),
                    "note": line.note,
                    "caution": line.caution,
                    "sources": line.sources,
                })
            })
            .collect();
        let document = json!({
            "version": 1,
            "date": self.all_lines.date.to_string(),
            "engine": self.engine.map(|engine| engine.to_string()),
            "lines": lines,
            "advisories": self.rows.iter().map(|row| self.row_json(row)).collect::<Vec<_>>(),
            "not_stated": self.not_stated.iter().map(|row| &row.id).collect::<Vec<_>>(),
        });
        format!("{document:#}\n")
    }

    fn row_json(&self, row: &Advisory) -> Value {
        let fixed: Vec<Value> = self.fixed(row).map(fixed_json).collect();
        json!({
            "id": row.id,
            "also": row.also,
            "what": row.what,
            "who": match row.who { Who::Anyone => "anyone", Who::User => "user", Who::Local => "local" },
            "only": row.only,
            "fixed": fixed,
            "held_by": row.held_by.iter().map(hold_json).collect::<Vec<_>>(),
            "held_by_inferred": row.held_by_inferred,
            "conflict": row.conflict,
            "sources": row.sources,
        })
    }
}

fn fixed_json(fixed: &Fixed) -> Value {
    let line = number(fixed.line);
    let (status, build) = match fixed.build {
        Build::First(patch) => ("fixed", Some(format!("{line}.{patch}"))),
        Build::None => ("none", None),
        Build::Unknown => ("unknown", None),
    };
    json!({ "engine": fixed.kind.word(), "line": line, "status": status, "build": build, "inferred": fixed.inferred })
}

fn hold_json(hold: &Hold) -> Value {
    match hold {
        Hold::Deny(names) => json!({ "deny": names }),
        Hold::DenyToKeyLimited(names) => json!({ "deny_to_key_limited": names }),
        Hold::Setting(name, value) => json!({ "setting": name, "value": value }),
        Hold::Exposure => json!({ "exposure": true }),
        Hold::MutualTls => json!({ "mutual_tls": true }),
    }
}

fn who(who: Who) -> &'static str {
    match who {
        Who::Anyone => "anyone who reaches the port, without a login",
        Who::User => "a user who is logged in",
        Who::Local => "somebody on the host",
    }
}

fn build(fixed: &Fixed) -> String {
    let line = number(fixed.line);
    let text = match fixed.build {
        Build::First(patch) => format!("{line}.{patch}"),
        Build::None => format!("{line} never"),
        Build::Unknown => format!("{line} not stated"),
    };
    if fixed.inferred { format!("{text} (inferred)") } else { text }
}

fn hold(hold: &Hold) -> String {
    let commands = |names: &[String]| names.iter().map(|name| spoken(name)).collect::<Vec<_>>().join(", ");
    match hold {
        Hold::Deny(names) => format!("denying {} to all but admins", commands(names)),
        Hold::DenyToKeyLimited(names) => format!("denying {} to users with limited keys", commands(names)),
        Hold::Setting(name, value) if value.is_empty() => format!("no `{name}`"),
        Hold::Setting(name, value) => format!("`{name} {value}`"),
        Hold::Exposure => "an exposure that keeps strangers out".to_owned(),
        Hold::MutualTls => "mutual TLS".to_owned(),
    }
}

fn number(line: (u16, u16)) -> String {
    format!("{}.{}", line.0, line.1)
}
