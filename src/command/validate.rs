//! `redisgen validate`: with `--fix`, mend the files first; then judge, and print what is asked for.

use std::path::Path;

use time::OffsetDateTime;

use super::{Exit, Judged, judge_work, print};
use crate::cli::{Judge, Review};
use crate::console;
use crate::folder::Folder;
use crate::input::{self, DiskParents, ProfilePath, Projects};
use crate::mend::{self, Edit, Mended};
use crate::output::human;

pub(super) fn run(profiles: &[String], options: &Judge, review: &Review, now: OffsetDateTime) -> Result<Exit, String> {
    let work = Projects::new()?.work(profiles)?;
    if review.fix {
        fix(&work.iter().map(|work| work.path.clone()).collect::<Vec<_>>())?;
    }
    let mut all: Vec<Judged> = judge_work(work, options, now)?;
    // What keeps a profile from being loaded is shown whatever is asked for: it decides how the command ends.
    for judged in all.iter_mut().filter(|judged| judged.model.is_some()) {
        // Of a profile that a project file lists, what is not shown counts all the same.
        judged.refused = judged.listed && !judged.passes();
        judged
            .report
            .retain(|rule| (review.only.is_empty() || review.only.contains(&rule)) && !review.except.contains(&rule));
    }
    print(&all, options.format);
    for judged in &all {
        console::err(&format!("{}: {}, {}\n", judged.path.name, judged.verdict(), human::summary(&judged.report)));
        let report = &judged.report;
        let certain = report.findings.iter().filter(|finding| mend::applies(finding, &report.sources)).count();
        if certain > 0 && judged.path.path.is_some() && !review.fix {
            console::err(&format!("  --fix would mend {certain} of them\n"));
        }
    }
    Ok(if all.iter().all(Judged::passes) { Exit::Fine } else { Exit::Found })
}

/// A file that will be edited.
struct Edited<'profile> {
    profile: &'profile ProfilePath,
    folder: Folder,
    file: &'profile str,
    old: Vec<u8>,
    new: Mended,
}

/// Mends all files, or none: everything is read, edited and staged before the first file has its new content.
fn fix(paths: &[ProfilePath]) -> Result<(), String> {
    let mut all = Vec::new();
    for profile in paths {
        let path = profile.path.as_deref().ok_or("--fix edits files, and standard input is none")?;
        let input = input::read(profile)?;
        let old = input.bytes.clone();
        match mend::mend(input, &mut DiskParents::new(profile)) {
            Ok(new) if new.edits.is_empty() => {}
            Ok(new) => all.push(edited(profile, path, old, new)?),
            Err(reason) => console::err(&format!("{}: not mended: {reason}\n", profile.name)),
        }
    }
    let mut staged = Vec::new();
    for edited in &all {
        staged.push(edited.folder.stage_over(edited.file, &edited.old, edited.new.text.as_bytes())?);
    }
    // Somebody's editor may have saved since.
    for edited in &all {
        edited.folder.unchanged(edited.file, &edited.old)?;
    }
    for (edited, staged) in all.iter().zip(staged) {
        staged.commit()?;
        edited.folder.sync()?;
        tell(edited);
    }
    Ok(())
}

fn edited<'profile>(
    profile: &'profile ProfilePath,
    path: &'profile Path,
    old: Vec<u8>,
    new: Mended,
) -> Result<Edited<'profile>, String> {
    let file = path.file_name().and_then(|name| name.to_str());
    let file = file.ok_or_else(|| format!("{}: it cannot be edited by this name", profile.name))?;
    let parent = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Ok(Edited { profile, folder: Folder::open(parent)?, file, old, new })
}

fn tell(edited: &Edited<'_>) {
    for edit in &edited.new.edits {
        let old = edit.old.as_ref().map(|old| format!(" instead of `{old}`")).unwrap_or_default();
        let Edit { line, rule, new, .. } = edit;
        console::err(&format!("{}:{line}: wrote `{new}`{old} ({rule})\n", edited.profile.name));
    }
}
