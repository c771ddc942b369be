//! `redisgen certs`: shows the certificates of a deployment, renews them, and changes their authority.

use std::path::Path;

use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{Exit, Judged, output_folders};
use crate::cli::{CertsCommand, Keeper};
use crate::console;
use crate::folder::Folder;
use crate::model::Model;
use crate::output::{ListFormat, human};
use crate::provision::inventory::{Entry, inventory};
use crate::provision::rollover::Step;
use crate::provision::{self, Options, Provision, Renew};
use crate::write;

pub(super) fn run(command: &CertsCommand, now: OffsetDateTime) -> Result<Exit, String> {
    match command {
        CertsCommand::Status { keeper, format } => status(keeper, *format, now),
        CertsCommand::Renew { keeper, force, keep_keys } => {
            let renew = if *force { Renew::All } else { Renew::Due };
            let options = Options { renew, keep_keys: *keep_keys, ..Options::default() };
            change(
                keeper,
                now,
                |out, model| provision::renew(out, model, now, options),
                "no certificate need be renewed yet",
            )
        }
        CertsCommand::Rollover { step, keeper } => {
            change(keeper, now, |out, model| provision::roll_over(out, model, now, *step), "")?;
            console::err(after(*step));
            Ok(Exit::Fine)
        }
    }
}

/// A profile, its tree, and the tree's name.
type Tree = (Judged, Folder, String);

/// The profiles and their trees; none if a profile is refused.
fn trees(keeper: &Keeper, now: OffsetDateTime) -> Result<Option<Vec<Tree>>, String> {
    let options = keeper.strictness.judge();
    let judged = super::judge_quietly(&keeper.target.profiles, &options, now)?;
    for refused in judged.iter().filter(|judged| !judged.passes()) {
        console::out(&human::findings(&refused.report));
        console::err(&format!("{}: {}\n", refused.path.name, refused.verdict()));
    }
    if !judged.iter().all(Judged::passes) {
        return Ok(None);
    }
    let folders = output_folders(&keeper.target, &judged)?;
    let open = |(judged, path): (Judged, std::path::PathBuf)| {
        let name = path.display().to_string();
        if !Path::new(&path).is_dir() {
            return Err(format!("{name}: nothing was built there; run `redisgen build` first"));
        }
        Ok((judged, Folder::open(&path)?, name))
    };
    judged.into_iter().zip(folders).map(open).collect::<Result<_, _>>().map(Some)
}

#[derive(Serialize)]
struct Shown<'entry> {
    file: &'entry str,
    subject: &'entry str,
    names: &'entry [String],
    not_before: Option<String>,
    not_after: Option<String>,
    /// Whole days until the end; negative after it.
    days: Option<i64>,
    problems: Vec<String>,
}

#[derive(Serialize)]
struct Deployment<'entry> {
    profile: &'entry str,
    dir: &'entry str,
    certificates: Vec<Shown<'entry>>,
}

fn shown(entry: &Entry, now: OffsetDateTime) -> Shown<'_> {
    let moment = |at: OffsetDateTime| at.format(&Rfc3339).unwrap_or_default();
    Shown {
        file: &entry.file,
        subject: &entry.subject,
        names: &entry.names,
        not_before: entry.valid.map(|(from, _)| moment(from)),
        not_after: entry.valid.map(|(_, to)| moment(to)),
        days: entry.valid.map(|(_, to)| (to - now).whole_days()),
        problems: entry.problems.iter().map(ToString::to_string).collect(),
    }
}

fn status(keeper: &Keeper, format: ListFormat, now: OffsetDateTime) -> Result<Exit, String> {
    let Some(trees) = trees(keeper, now)? else { return Ok(Exit::Found) };
    let now = keeper.strictness.as_of.map_or(now, |date| date.0.with_time(now.time()).assume_utc());
    let mut all = Vec::new();
    for (judged, out, name) in &trees {
        let entries = match &judged.model {
            Some(model) if model.tls() => inventory(out, model, now)?,
            _ => Vec::new(),
        };
        all.push((judged.path.name.as_str(), name.as_str(), entries));
    }
    match format {
        ListFormat::Json => {
            let profiles: Vec<Deployment<'_>> = all
                .iter()
                .map(|(profile, dir, entries)| Deployment {
                    profile,
                    dir,
                    certificates: entries.iter().map(|entry| shown(entry, now)).collect(),
                })
                .collect();
            console::json(&serde_json::json!({ "version": 1, "profiles": profiles }));
        }
        ListFormat::Human => console::out(&all.iter().map(|one| table(one, now)).collect::<Vec<_>>().join("\n")),
    }
    let good = all.iter().all(|(.., entries)| entries.iter().all(|entry| entry.problems.is_empty()));
    Ok(if good { Exit::Fine } else { Exit::Found })
}

fn table((profile, dir, entries): &(&str, &str, Vec<Entry>), now: OffsetDateTime) -> String {
    let mut text = format!("{profile} in {dir}\n");
    if entries.is_empty() {
        text.push_str("  no certificates: TLS is off\n");
    }
    let rows: Vec<Shown<'_>> = entries.iter().map(|entry| shown(entry, now)).collect();
    let width = rows.iter().map(|row| row.file.len()).max().unwrap_or_default();
    for row in rows {
        let until = match (&row.not_after, row.days) {
            (Some(to), Some(days)) => format!("{} {days:>6} days", to.get(..10).unwrap_or(to)),
            _ => " ".repeat(22),
        };
        let verdict = if row.problems.is_empty() { "ok".to_owned() } else { row.problems.join("; ") };
        // What stands in a certificate may be anybody's.
        let subject = row.subject.escape_debug();
        text.push_str(&format!("  {:width$}  {until}  {subject}: {verdict}\n", row.file));
    }
    text
}

/// Plans the change of every tree, then writes.
fn change(
    keeper: &Keeper,
    now: OffsetDateTime,
    plan: impl Fn(&Folder, &Model) -> Result<Provision, String>,
    idle: &str,
) -> Result<Exit, String> {
    let Some(trees) = trees(keeper, now)? else { return Ok(Exit::Found) };
    let mut planned = Vec::new();
    for (judged, out, name) in &trees {
        let Some(model) = judged.model.as_ref().filter(|model| model.tls()) else {
            return Err(format!("{}: no certificates: TLS is off", judged.path.name));
        };
        out.lock()?;
        planned.push((out, model, name, plan(out, model).map_err(|reason| format!("{name}: {reason}"))?));
    }
    for (out, model, name, provision) in planned {
        write::write_secrets(out, &provision)?;
        let made =
            if provision.made.is_empty() { idle.to_owned() } else { format!("made {}", provision.made.join(", ")) };
        console::err(&format!("{name}: {made}\n"));
        for note in &provision.notes {
            console::err(&format!("  note: {note}\n"));
        }
        if !provision.made.is_empty() {
            console::err(&reload(model));
        }
    }
    Ok(Exit::Fine)
}

/// How the running server and its services get to see what was written.
fn reload(model: &Model) -> String {
    let folder = &model.layout.secrets;
    let mut text = if model.renames.away.contains(&"config") {
        "  next: restart the server, which reads certificates when it starts: CONFIG is renamed away\n".to_owned()
    } else {
        // Set to the same value it is read anew, key and authority with it, and open connections live on (measured).
        format!(
            "  next: as an admin, CONFIG SET tls-cert-file {folder}/redis.crt; the server reads all three files again, connections stay\n"
        )
    };
    if model.profile.monitoring.exporter {
        text.push_str("        and docker compose restart exporter, which reads them when it starts\n");
    }
    if model.mutual() {
        text.push_str("        clients show a new certificate from their next connection on\n");
    }
    text
}

/// What a step is followed by.
fn after(step: Step) -> &'static str {
    match step {
        Step::Begin => {
            "  then: bring secrets/server/ca.crt, which trusts both, to every client; then `certs rollover switch`\n"
        }
        Step::Switch => {
            "  then: bring the new client certificates to every client; when none shows an old one, `certs rollover finish`\n"
        }
        Step::Finish => {
            "  then: bring secrets/server/ca.crt to every client. Certificates of the old authority open nothing any more; connections that they opened stay until CLIENT KILL\n"
        }
    }
}
