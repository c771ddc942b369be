//! `redisgen build`: judge all profiles; if none is refused, write each tree and provision what is missing.

use std::path::Path;

use time::OffsetDateTime;

use super::{Exit, Judged, judge_all, output_folders};
use crate::cli::{Judge, Target};
use crate::console;
use crate::folder::Folder;
use crate::model::Model;
use crate::output::human;
use crate::provision::{self, Provision};
use crate::render::{self, File};
use crate::write::{self, Written};

pub(super) struct Options {
    pub secrets: bool,
    pub reprovision: bool,
    pub force: bool,
}

/// How many users a summary names.
const SHOWN: usize = 12;

pub(super) fn run(target: &Target, judge: &Judge, options: &Options, now: OffsetDateTime) -> Result<Exit, String> {
    let judged = judge_all(&target.profiles, judge, now)?;
    let refused: Vec<&Judged> = judged.iter().filter(|judged| !judged.passes()).collect();
    if !refused.is_empty() {
        for judged in refused {
            console::err(&format!(
                "{}: refused, {}; nothing was written\n",
                judged.path.name,
                human::summary(&judged.report)
            ));
        }
        return Ok(Exit::Found);
    }
    for (judged, folder) in judged.iter().zip(output_folders(target, &judged)?) {
        if let Some(model) = &judged.model {
            build(model, &folder, options, now, judged)?;
        }
    }
    Ok(Exit::Fine)
}

fn build(model: &Model, path: &Path, options: &Options, now: OffsetDateTime, judged: &Judged) -> Result<(), String> {
    // Everything that can fail in memory fails before the first folder is made.
    let files = render::render(model)?;
    let existed = path.exists();
    let result = write_tree(model, path, &files, options, now);
    if result.is_err() && !existed {
        let _not_empty = std::fs::remove_dir(path);
    }
    let (written, provision) = result?;
    console::err(&summary(model, path, &written, &provision, options, judged));
    Ok(())
}

fn write_tree(
    model: &Model,
    path: &Path,
    files: &[File],
    options: &Options,
    now: OffsetDateTime,
) -> Result<(Written, Provision), String> {
    let out = Folder::create(path)?;
    out.lock()?;
    let provision = if options.secrets {
        let acl = files
            .iter()
            .find(|file| file.path == "redis/users.acl")
            .map(|file| String::from_utf8_lossy(&file.bytes).into_owned());
        provision::provision(
            &out,
            model,
            &acl.unwrap_or_default(),
            now,
            provision::Options { reprovision: options.reprovision },
        )?
    } else {
        Provision::default()
    };
    let written = write::write(&out, model, files, &provision, options.force)?;
    Ok((written, provision))
}

fn summary(
    model: &Model,
    path: &Path,
    written: &Written,
    provision: &Provision,
    options: &Options,
    judged: &Judged,
) -> String {
    let mut text = format!("{}: ok, {}\n", judged.path.name, human::summary(&judged.report));
    let folder = path.display();
    if written.changed.is_empty() {
        text.push_str(&format!("  {folder}: all {} files were up to date\n", written.unchanged));
    } else {
        text.push_str(&format!(
            "  {folder}: wrote {} ({} up to date)\n",
            written.changed.join(", "),
            written.unchanged
        ));
    }
    if !written.removed.is_empty() {
        text.push_str(&format!("  removed what the profile no longer produces: {}\n", written.removed.join(", ")));
    }
    if !provision.made.is_empty() {
        text.push_str(&format!("  secrets: made {}\n", provision.made.join(", ")));
    }
    for note in &provision.notes {
        text.push_str(&format!("  note: {note}\n"));
    }
    let users = &model.profile.users;
    let mut shown: Vec<String> =
        users.iter().take(SHOWN).map(|user| format!("{} ({})", user.name, user.role.word())).collect();
    if users.len() > SHOWN {
        shown.push(format!("and {} more", users.len() - SHOWN));
    }
    if shown.is_empty() {
        text.push_str("  users: default, without a password\n");
    } else {
        text.push_str(&format!("  users: {}\n", shown.join(", ")));
    }
    if options.secrets && model.passwords() {
        text.push_str(&format!("  passwords: {folder}/secrets/clients/<user>/password\n"));
    }
    let file = format!("{folder}/docker-compose.{}.yml", model.environment_suffix());
    let compose = format!("docker compose -f {} up --wait", crate::encode::shell(&file));
    if model.has_secrets() && !options.secrets {
        text.push_str("  next: run build without --no-secrets on the host, it makes the passwords\n");
    } else {
        text.push_str(&format!("  next: {compose}\n"));
    }
    text
}
