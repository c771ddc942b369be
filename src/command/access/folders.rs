//! `redisgen access --diff OLD NEW` of two folders, as two commits of a repository: what changed in each profile of the
//! project. A profile that is in one of them only gives its users everything, or takes it.

use std::collections::BTreeMap;
use std::path::Path;

use super::{Read, Side, compare_two, read_one, refuse};
use crate::access::Access;
use crate::access::difference::Difference;
use crate::cli::{AccessArguments, AccessFormat};
use crate::command::Exit;
use crate::console;
use crate::engine::EngineArgument;
use crate::finding::Report;
use crate::input::{Projects, Work};

pub(super) fn compare(
    old: &str,
    new: &str,
    arguments: &AccessArguments,
    now: time::OffsetDateTime,
) -> Result<Exit, String> {
    let mut projects = Projects::new()?;
    let was = projects.inside(Path::new(old))?;
    let mut pairs: BTreeMap<String, (Option<Work>, Option<Work>)> =
        was.into_iter().map(|(name, work)| (name, (Some(work), None))).collect();
    for (name, work) in projects.inside(Path::new(new))? {
        // The old project may not have listed it yet.
        let unlisted = projects.one(&Path::new(old).join(&name))?;
        pairs.entry(name).or_insert((unlisted, None)).1 = Some(work);
    }
    if pairs.is_empty() {
        return Err(format!("{new}: no profiles in this folder, and no redisgen.toml that lists some"));
    }
    let (first, last) = (arguments.engine.first().copied(), arguments.engine.last().copied());
    let (mut differences, mut refused, mut unreadable) = (BTreeMap::new(), Vec::new(), Vec::new());
    for (name, (was, is)) in &pairs {
        let shown = crate::access::human::shown(name);
        let was = read(was.as_ref(), first, Side::Old, arguments, now)?.unwrap_or_else(|_| {
            // A change that mends a profile must get through; whatever the profile gives shows as gained.
            console::err(&format!("{shown}: the old one cannot be read and counts for nothing\n"));
            unreadable.push(name.as_str());
            None
        });
        match read(is.as_ref(), last, Side::New, arguments, now)? {
            Err(report) => refused.push(report),
            Ok(is) => {
                console::err(&format!("{shown}: "));
                differences.extend(both(was, is).map(|difference| (name.as_str(), difference)));
            }
        }
    }
    if !refused.is_empty() {
        return Ok(refuse(&refused.iter().collect::<Vec<_>>(), arguments.format));
    }
    print(&differences, &unreadable, arguments.format);
    Ok(if differences.values().any(Difference::gains) { Exit::Found } else { Exit::Fine })
}

fn read(
    work: Option<&Work>,
    engine: Option<EngineArgument>,
    side: Side,
    arguments: &AccessArguments,
    now: time::OffsetDateTime,
) -> Result<Result<Option<Read>, Report>, String> {
    work.map_or(Ok(Ok(None)), |work| Ok(read_one(work, engine, side, arguments, now)?.map(Some)))
}

fn both(was: Option<Read>, is: Option<Read>) -> Option<Difference> {
    let line = was.as_ref().or(is.as_ref())?.access.line;
    let of =
        |read: Option<Read>| read.map_or(Access { line, users: Vec::new(), renamed: Vec::new() }, |read| read.access);
    Some(compare_two(&of(was), &of(is)))
}

/// Profiles that changed, each under its name; JSON has them all. The title says that this is an answer: a profile that
/// is refused prints findings instead.
fn print(differences: &BTreeMap<&str, Difference>, unreadable: &[&str], format: AccessFormat) {
    use crate::access::difference::{human, markdown};
    if format == AccessFormat::Json {
        console::json(&serde_json::json!({ "profiles": differences, "unreadable": unreadable }));
        return;
    }
    let note = |name: &str| {
        let note = "The old one could not be read: all that the new one gives counts as gained.\n\n";
        if unreadable.contains(&name) { note } else { "" }
    };
    let mut text =
        if format == AccessFormat::Markdown { "## Changes of access\n" } else { "Changes of access\n" }.to_owned();
    let changed: Vec<_> = differences.iter().filter(|(_, difference)| difference.changed()).collect();
    for (name, difference) in &changed {
        text.push_str(&match format {
            AccessFormat::Markdown => {
                format!("\n### {}\n\n{}{}", crate::encode::markdown(name), note(name), markdown(difference))
            }
            _ => format!("\n== {}\n\n{}{}", crate::access::human::shown(name), note(name), human(difference)),
        });
    }
    if changed.is_empty() {
        text.push_str("\nNone.\n");
    }
    console::out(&text);
}
