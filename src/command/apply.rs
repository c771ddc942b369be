//! `redisgen apply`: brings a running server to the profile, as far as that is possible without a restart.

use serde::Serialize;
use time::OffsetDateTime;
use zeroize::Zeroizing;

use super::secrets::{opened, profiles};
use super::{Exit, diff};
use crate::access::Access;
use crate::artefact::compose;
use crate::certificate::Certificate;
use crate::cli::{ApplyArguments, Target};
use crate::console;
use crate::folder::Folder;
use crate::live::apply::{Authority, Plan, Running, Told, Wanted};
use crate::live::target;
use crate::lock::sha256;
use crate::model::Model;
use crate::needs::{Need, Step};
use crate::output::ListFormat;
use crate::write;

/// Which server read which authority, below `secrets/`; no secret.
const TOLD: &str = "reloaded.toml";

#[derive(Serialize)]
struct Document<'run> {
    version: u32,
    profile: &'run str,
    dry_run: bool,
    steps: Vec<Row<'run>>,
}

#[derive(Serialize)]
struct Row<'run> {
    #[serde(flatten)]
    step: &'run Step,
    state: &'static str,
}

pub(super) fn run(arguments: &ApplyArguments, now: OffsetDateTime) -> Result<Exit, String> {
    crate::verify::interrupt::listen()?;
    let place = Target { profiles: arguments.profile.iter().cloned().collect(), out: arguments.out.clone() };
    let found = profiles(&place, arguments.strictness, arguments.format, now)?;
    let Some(mut all) = found else { return Ok(Exit::Found) };
    let (Some((judged, path)), true) = (all.pop(), all.is_empty()) else {
        return Err("a server is one profile's: name it".to_owned());
    };
    let Some(model) = &judged.model else { return Ok(Exit::Found) };
    if !path.is_dir() || !diff::diff(model, &crate::render::render(model)?, &path)?.is_empty() {
        // Otherwise a restart would bring something else than what is told now.
        return Err(format!(
            "{} is not what the profile builds, `redisgen diff` shows it: run `redisgen build` first; nothing was changed",
            path.display()
        ));
    }
    let out = opened(&path)?;
    let secrets =
        |path: &str| Ok(write::read(&out, &format!("secrets/{path}"))?.map(|(bytes, _)| Zeroizing::new(bytes)));
    let wanted = wanted(&out, model, &secrets)?;
    let server = target::Target {
        url: arguments.against.clone(),
        user: arguments.user.clone(),
        password: arguments.password_file.clone(),
        authority: arguments.ca.clone(),
        identity: arguments.cert.clone().zip(arguments.key.clone()),
    };
    let mut running = Running::new(&wanted, &server, &secrets)?;
    let plan = running.plan(now)?;
    if arguments.dry_run {
        return Ok(tell(arguments, (&judged.path.name, model), &[], &plan.steps));
    }
    let refused = running.apply(&plan)?;
    let (rest, told) = running.rest(&plan, &server, &secrets, now)?;
    if let Some(told) = told {
        remember(&out, &told)?;
    }
    for reason in &refused {
        console::err(&format!("the server refused {reason}\n"));
    }
    Ok(tell(arguments, (&judged.path.name, model), &done(&plan, &rest), &rest.steps))
}

/// Reads what a server that starts with the tree would have.
fn wanted<'run>(out: &Folder, model: &'run Model, secrets: target::Secrets<'_>) -> Result<Wanted<'run>, String> {
    let path = if model.has_secrets() { "secrets/server/users.acl" } else { "redis/users.acl" };
    let missing = |path: &str| format!("{path} is missing: `redisgen build` on the host makes it; nothing was changed");
    let (text, _) = write::read(out, path)?.ok_or_else(|| missing(path))?;
    let text = Zeroizing::new(text);
    let users = Access::of_file(model.line, &String::from_utf8_lossy(&text))
        .map_err(|_| format!("{path} is no ACL file of {}", model.line))?;
    let mut wanted = Wanted { model, users: users.without(&model.renames.away), certificate: None, authority: None };
    if model.tls() {
        let read = |name: &str| secrets(name)?.ok_or_else(|| missing(&format!("secrets/{name}")));
        wanted.certificate = Some(Certificate::der(&read("server/redis.crt")?)?);
        let folder = out.subfolder("secrets")?.map(|secrets| secrets.subfolder("server")).transpose()?.flatten();
        let placed = folder.ok_or_else(|| missing("secrets/server"))?.placed("ca.crt")?;
        let told = secrets(TOLD)?.and_then(|bytes| toml::from_str(&String::from_utf8_lossy(&bytes)).ok());
        wanted.authority = Some(Authority { digest: sha256(&read("server/ca.crt")?), placed, told });
    }
    Ok(wanted)
}

fn remember(out: &Folder, told: &Told) -> Result<(), String> {
    let Some(secrets) = out.subfolder("secrets")? else { return Ok(()) };
    let text = toml::to_string(told).map_err(|error| error.to_string())?;
    secrets
        .stage(
            TOLD,
            format!("# What redisgen told a running server to read. DO NOT EDIT.\n{text}").as_bytes(),
            0o600,
            true,
        )?
        .commit()?;
    secrets.sync()
}

/// The steps that are not needed any more.
fn done<'plan>(plan: &'plan Plan, rest: &Plan) -> Vec<&'plan Step> {
    let left = |step: &Step| rest.steps.iter().any(|left| (left.need, &left.subject) == (step.need, &step.subject));
    plan.steps.iter().filter(|step| !left(step)).collect()
}

/// Prints what was done and what is left.
fn tell(arguments: &ApplyArguments, (profile, model): (&str, &Model), done: &[&Step], left: &[Step]) -> Exit {
    let rows = done.iter().map(|step| Row { step, state: "done" });
    let steps: Vec<Row<'_>> = rows.chain(left.iter().map(|step| Row { step, state: "left" })).collect();
    match arguments.format {
        ListFormat::Json => {
            console::json(&Document { version: 1, profile, dry_run: arguments.dry_run, steps });
        }
        ListFormat::Human if steps.is_empty() => console::out("nothing\n"),
        ListFormat::Human => {
            for Row { step, state } in &steps {
                console::out(&format!("{state} {step}\n"));
            }
        }
    }
    for (need, what) in [(Need::Restart, "restart".to_owned()), (Need::Recreate, "up --wait".to_owned())] {
        if left.iter().any(|step| step.need == need) {
            console::err(&format!("left: docker compose -f {} {what}\n", compose::file_name(model)));
        }
    }
    if left.is_empty() { Exit::Fine } else { Exit::Found }
}
