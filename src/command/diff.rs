//! `redisgen diff`: what build would change, as unified diffs; also files that no profile produces any more,
//! a sealed ACL file that is behind, a `secrets/` that others can read, and what the running server will need. Needs no
//! secrets.

mod unified;

use std::path::Path;

use serde::Serialize;
use time::OffsetDateTime;

use self::unified::unified;
use super::{Exit, Judged, judge_quietly, output_folders, print};
use crate::cli::{Judge, Target};
use crate::console;
use crate::finding::Report;
use crate::folder::Folder;
use crate::lock::Lock;
use crate::model::Model;
use crate::needs::{self, Step};
use crate::output::{Format, human, json};
use crate::provision;
use crate::render::{self, File};
use crate::rotation::{self, State};
use crate::write;

/// What the running server of a profile needs after the next build.
#[derive(Serialize)]
struct Needs {
    profile: String,
    out: String,
    steps: Vec<Step>,
}

pub(super) fn run(target: &Target, judge: &Judge, now: OffsetDateTime) -> Result<Exit, String> {
    let judged = judge_quietly(&target.profiles, judge, now)?;
    let mut needs = Vec::new();
    if judge.format != Format::Json {
        print(&judged, judge.format);
        return compare(target, judge, &judged, now, &mut needs);
    }
    // One document holds both.
    let compared = compare(target, judge, &judged, now, &mut needs);
    let reports: Vec<&Report> = judged.iter().map(|judged| &judged.report).collect();
    console::out(&json::findings_and(&reports, serde_json::to_value(&needs).ok()));
    compared
}

fn compare(
    target: &Target,
    judge: &Judge,
    judged: &[Judged],
    now: OffsetDateTime,
    needs: &mut Vec<Needs>,
) -> Result<Exit, String> {
    let mut exit = Exit::Fine;
    for judged in judged.iter().filter(|judged| !judged.passes()) {
        console::err(&format!("{}: {}, {}\n", judged.path.name, judged.verdict(), human::summary(&judged.report)));
        exit = Exit::Found;
    }
    for (judged, folder) in judged.iter().zip(output_folders(target, judged)?) {
        let Some(model) = judged.model.as_ref().filter(|_| judged.passes()) else { continue };
        let files = render::render(model)?;
        let drift = diff(model, &files, &folder)?;
        let steps = if drift.is_empty() { None } else { needed(model, &files, &folder, now)? };
        if !drift.is_empty() {
            // Standard output holds one document then.
            if judge.format == Format::Human {
                console::out(&drift);
                console::out(&steps.as_deref().map_or(String::new(), told));
            } else {
                console::err(&drift);
            }
            console::err(&format!(
                "{}: {} is behind; mend it with: {}\n",
                judged.path.name,
                folder.display(),
                command(target, judged, &folder)
            ));
            exit = Exit::Found;
        }
        let steps = steps.unwrap_or_default();
        needs.push(Needs { profile: judged.path.name.clone(), out: folder.display().to_string(), steps });
        if let Some(open) = open_secrets(&folder)? {
            console::err(&format!("{}: {open}\n", judged.path.name));
            exit = Exit::Found;
        }
    }
    Ok(exit)
}

fn needed(model: &Model, files: &[File], path: &Path, now: OffsetDateTime) -> Result<Option<Vec<Step>>, String> {
    if !path.exists() {
        return Ok(None);
    }
    needs::of_tree(&Folder::open(path)?, model, files, now)
}

fn told(steps: &[Step]) -> String {
    let mut lines: Vec<String> = steps.iter().map(Step::to_string).collect();
    if lines.is_empty() {
        lines.push("nothing".to_owned());
    }
    lines.iter().flat_map(|line| ["server needs ", line, "\n"]).collect()
}

/// What to say of a `secrets/` that others may enter, if there is one. `build` makes it 0700, Git checks folders out with
/// 0755 or 0775: a change that brings secrets would choose the passwords of the next build.
fn open_secrets(path: &Path) -> Result<Option<String>, String> {
    let folder = if path.exists() { Folder::open(path)?.subfolder("secrets")? } else { None };
    let Some(mode) = folder.map(|folder| folder.mode()).transpose()?.filter(|mode| mode & 0o077 != 0) else {
        return Ok(None);
    };
    Ok(Some(format!(
        "{}/ is open to others (mode {mode:04o}): if Git brought it, everybody who reads the repository has it; remove it \
         from the repository and replace all passwords and certificates",
        path.join("secrets").display()
    )))
}

fn command(target: &Target, judged: &Judged, folder: &Path) -> String {
    let name = if judged.path.path.is_some() { judged.path.name.as_str() } else { "-" };
    // Build finds the folder itself if nobody named it.
    let single = folder == Path::new(super::OUT) || judged.out.is_some();
    let out = if single && target.out.is_none() {
        String::new()
    } else {
        format!(" --out {}", crate::encode::shell(&folder.display().to_string()))
    };
    format!("redisgen build {}{out}", crate::encode::shell(name))
}

/// Everything in which a folder differs from the files of a model; empty if nothing does.
pub(super) fn diff(model: &Model, files: &[File], path: &Path) -> Result<String, String> {
    let lock = Lock::new(model, files).to_file(model)?;
    let all = files.iter().chain([&lock]);
    let mut text = String::new();
    if !path.exists() {
        for file in all {
            text.push_str(&difference(file, "", true));
        }
        return Ok(text);
    }
    let out = Folder::open(path)?;
    let mut tree = write::Tree::of(&out);
    for file in all {
        match tree.read(&file.path)? {
            None => text.push_str(&difference(file, "", true)),
            Some((bytes, mode)) => {
                if bytes != file.bytes {
                    text.push_str(&difference(file, &String::from_utf8_lossy(&bytes), false));
                }
                if mode != file.mode {
                    text.push_str(&format!("mode {mode:04o} of {} should be {:04o}\n", file.path, file.mode));
                }
            }
        }
    }
    text.push_str(&stale(&out, &mut tree, files)?);
    if let Some(acl) = files.iter().find(|file| file.path == "redis/users.acl") {
        text.push_str(&behind(&out, model, acl)?);
    }
    Ok(text)
}

fn difference(file: &File, old: &str, new: bool) -> String {
    let content = String::from_utf8_lossy(&file.bytes);
    let from = if new { "/dev/null".to_owned() } else { format!("a/{}", file.path) };
    unified((&from, old), (&format!("b/{}", file.path), &content))
}

fn stale(out: &Folder, tree: &mut write::Tree, files: &[File]) -> Result<String, String> {
    let mut text = String::new();
    // A lock that cannot be read shows as drift of the lock itself.
    let Ok(Some(lock)) = write::read_lock(out) else { return Ok(text) };
    for locked in lock.files.iter().filter(|locked| files.iter().all(|file| file.path != locked.path)) {
        if tree.read(&locked.path)?.is_some() {
            text.push_str(&format!("stale: {} is produced by no profile any more\n", locked.path));
        }
    }
    Ok(text)
}

/// A revoked right that has not reached the sealed file is still there on the server.
fn behind(out: &Folder, model: &Model, locked: &File) -> Result<String, String> {
    if !model.has_secrets() || out.subfolder("secrets")?.is_none() {
        return Ok(String::new());
    }
    let path = "secrets/server/users.acl";
    let Some((sealed, _)) = write::read(out, path)? else { return Ok(format!("{path} is missing\n")) };
    let rotation = State::read(out)?;
    let sealed = provision::masked(&String::from_utf8_lossy(&sealed), &rotation::pending(rotation.as_ref()));
    let locked = String::from_utf8_lossy(&locked.bytes);
    if sealed == *locked {
        return Ok(String::new());
    }
    Ok(unified((&format!("a/{path} (digests masked)"), &sealed), (&format!("b/{path}"), &locked)))
}
