//! `redisgen secrets`: what it looks at, for `status`, `seal` and `rotate`.

mod rotate;
mod runbook;
mod status;

use std::path::{Path, PathBuf};

use time::OffsetDateTime;

use super::{Exit, Judged, judge, output_folders, print};
use crate::cli::{Judge, SecretsArguments, SecretsCommand, Strictness, Target};
use crate::console;
use crate::folder::Folder;
use crate::input::Projects;
use crate::model::Model;
use crate::output::{Format, ListFormat};
use crate::provision::{self, strength};
use crate::render;
use crate::write;

/// The ACL file without passwords.
const LOCKED: &str = "redis/users.acl";

pub(super) fn run(command: &SecretsCommand, now: OffsetDateTime) -> Result<Exit, String> {
    match command {
        SecretsCommand::Status(arguments) => status::run(arguments, now),
        SecretsCommand::Seal(arguments) => seal(arguments, now),
        SecretsCommand::Rotate(arguments) => rotate::run(arguments, now),
    }
}

/// Profiles that are not refused, with the folders of their artefacts; none if one is, which is told then.
pub(super) fn profiles(
    target: &Target,
    strictness: Strictness,
    format: ListFormat,
    now: OffsetDateTime,
) -> Result<Option<Vec<(Judged, PathBuf)>>, String> {
    let format = match format {
        ListFormat::Human => Format::Human,
        ListFormat::Json => Format::Json,
    };
    let judging = Judge { format, ..strictness.judge() };
    let work = Projects::new()?.work(&target.profiles)?;
    let judged: Vec<Judged> = work.into_iter().map(|work| judge(work, &judging, now)).collect::<Result<_, _>>()?;
    if judged.iter().any(|judged| !judged.passes()) {
        print(&judged, format);
        for judged in judged.iter().filter(|judged| !judged.passes()) {
            console::err(&format!("{}: {}; nothing was done\n", judged.path.name, judged.verdict()));
        }
        return Ok(None);
    }
    let folders = output_folders(target, &judged)?;
    Ok(Some(judged.into_iter().zip(folders).collect()))
}

/// The ACL file as the profile builds it.
fn locked(model: &Model) -> Result<String, String> {
    let files = render::render(model)?;
    let acl = files.iter().find(|file| file.path == LOCKED);
    Ok(acl.map(|file| String::from_utf8_lossy(&file.bytes).into_owned()).unwrap_or_default())
}

/// The same, if it is what lies in the tree: whoever seals passwords must not change rights on the way.
fn built(out: &Folder, model: &Model, path: &Path) -> Result<String, String> {
    let locked = locked(model)?;
    match write::read(out, LOCKED)? {
        Some((bytes, _)) if bytes == locked.as_bytes() => Ok(locked),
        _ => Err(format!("{}/{LOCKED} is not what the profile builds: run `redisgen build` first", path.display())),
    }
}

/// An open tree that this process holds the lock of.
pub(super) fn opened(path: &Path) -> Result<Folder, String> {
    let out = Folder::open(path)?;
    out.lock()?;
    Ok(out)
}

fn seal(arguments: &SecretsArguments, now: OffsetDateTime) -> Result<Exit, String> {
    let Some(all) = profiles(&arguments.keeper.target, arguments.keeper.strictness, arguments.format, now)? else {
        return Ok(Exit::Found);
    };
    // All are read and checked before the first is written.
    let mut planned = Vec::new();
    let mut exit = Exit::Fine;
    for (judged, path) in &all {
        let Some(model) = judged.model.as_ref().filter(|model| model.passwords()) else { continue };
        let out = opened(path)?;
        let locked = built(&out, model, path)?;
        let mut wrong = Vec::new();
        for user in model.logins() {
            let keep = user.keep();
            let file = keep.path(keep.password);
            match write::read(&out, &format!("secrets/{file}"))? {
                None => wrong.push(format!("secrets/{file} is missing")),
                Some((bytes, _)) => {
                    let bytes = zeroize::Zeroizing::new(bytes);
                    let text = String::from_utf8_lossy(&bytes);
                    let weak = strength::weakness(text.trim_end_matches('\n'));
                    let weak = weak.map(|why| format!("secrets/{file} is weak: {why}"));
                    let damaged =
                        provision::checked(&text).err().map(|why| format!("secrets/{file} is damaged: {why}"));
                    wrong.extend(weak.or(damaged));
                }
            }
        }
        if wrong.is_empty() {
            let sealed = provision::seal(&out, model, &locked, now);
            let sealed = sealed.map_err(|reason| format!("{}: {reason}", path.display()))?;
            planned.push((judged, path, out, sealed));
        }
        for reason in wrong {
            console::err(&format!("{}: {}: {reason}\n", judged.path.name, path.display()));
            exit = Exit::Found;
        }
    }
    if exit == Exit::Found {
        console::err("nothing was sealed\n");
        return Ok(exit);
    }
    for (judged, path, out, sealed) in planned {
        write::write_secrets(&out, &sealed)?;
        let done =
            if sealed.made.is_empty() { "was sealed already" } else { "sealed; the server knows it after a restart" };
        console::err(&format!("{}: {}: {done}\n", judged.path.name, path.display()));
        for note in sealed.notes {
            console::err(&format!("  note: {note}\n"));
        }
    }
    Ok(exit)
}
