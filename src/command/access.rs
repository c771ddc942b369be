//! `redisgen access`: who may do what, by a profile or by an ACL file of anybody's; with `--diff`, what changed.

mod folders;

use std::collections::BTreeMap;

use super::{Exit, Judged, judge_input};
use crate::access::difference::Difference;
use crate::access::{self, Access, difference, json, sheet};
use crate::acl::file::BadLine;
use crate::artefact::access_sheet;
use crate::cli::{AccessArguments, AccessFormat};
use crate::console;
use crate::engine::{self, EngineArgument, Line};
use crate::finding::{Finding, Report};
use crate::input::{self, ProfilePath, Projects, Work};
use crate::load::Input;
use crate::output::{human, json as findings};
use crate::profile::EngineKind;
use crate::render;
use crate::source::{FileId, Source, Sources, Span};
use crate::yaml::MAX_BYTES;

/// The line that an ACL file is read for when nobody says which: the profile's default.
const DEFAULT_LINE: EngineArgument = EngineArgument { kind: EngineKind::Redis, line: (7, 4), patch: None };

pub(super) fn run(arguments: &AccessArguments, now: time::OffsetDateTime) -> Result<Exit, String> {
    match (arguments.files.as_slice(), arguments.diff, arguments.engine.as_slice()) {
        ([file], false, [] | [_]) => show(file, arguments, now),
        ([], false, [] | [_]) => show_all(arguments, now),
        ([old, new], true, [] | [_] | [_, _]) if [old, new].iter().all(|file| std::path::Path::new(file).is_dir()) => {
            folders::compare(old, new, arguments, now)
        }
        ([old, new], true, [] | [_] | [_, _]) => compare(old, new, arguments, now),
        ([] | [_], true, _) => Err("--diff takes two files: the old one and the new one".to_owned()),
        (_, false, [_, _, ..]) | (_, true, [_, _, _, ..]) => {
            Err("--engine is given once, or with --diff for the old and for the new file".to_owned())
        }
        _ => Err("access takes one file; `--diff OLD NEW` compares two".to_owned()),
    }
}

fn show(file: &str, arguments: &AccessArguments, now: time::OffsetDateTime) -> Result<Exit, String> {
    let engine = arguments.engine.first().copied();
    let read = match read(&mut Projects::new()?, file, engine, Side::New, arguments, now)? {
        Ok(read) => read,
        Err(report) => return Ok(refuse(&[&report], arguments.format)),
    };
    if arguments.format == AccessFormat::Json {
        console::json(&json::Document(&read.access));
    } else {
        console::out(&text(&read, arguments.format)?);
    }
    Ok(Exit::Fine)
}

/// All profiles of the project, each under its name; JSON is one object by name.
fn show_all(arguments: &AccessArguments, now: time::OffsetDateTime) -> Result<Exit, String> {
    let engine = arguments.engine.first().copied();
    let (mut all, mut refused) = (Vec::new(), Vec::new());
    for work in Projects::new()?.work(&[])? {
        match read_one(&work, engine, Side::New, arguments, now)? {
            Ok(read) => all.push(read),
            Err(report) => refused.push(report),
        }
    }
    // On a refusal nothing else is shown: half of a project would look like all of it.
    if !refused.is_empty() {
        return Ok(refuse(&refused.iter().collect::<Vec<_>>(), arguments.format));
    }
    if arguments.format == AccessFormat::Json {
        let profiles: BTreeMap<&str, json::Document<'_>> =
            all.iter().map(|read| (read.path.name.as_str(), json::Document(&read.access))).collect();
        console::json(&BTreeMap::from([("profiles", profiles)]));
        return Ok(Exit::Fine);
    }
    for (place, read) in all.iter().enumerate() {
        let text = text(read, arguments.format)?;
        let gap = if place == 0 { "" } else { "\n" };
        let mark = if arguments.format == AccessFormat::Markdown { "# " } else { "== " };
        console::out(&format!("{gap}{mark}{}\n\n{text}", read.path.name));
    }
    Ok(Exit::Fine)
}

/// The sheet of one file, for people.
fn text(read: &Read, format: AccessFormat) -> Result<String, String> {
    if format == AccessFormat::Markdown {
        // The name stands in the page's header: one that could end a comment is refused.
        let data = access_sheet::of_file(&read.access, &input::base_name(&read.path)?);
        return render::one(access_sheet::TEMPLATE, data);
    }
    Ok(access::human::sheet(&sheet::sheet(&read.access)))
}

fn compare(old: &str, new: &str, arguments: &AccessArguments, now: time::OffsetDateTime) -> Result<Exit, String> {
    let (first, last) = (arguments.engine.first().copied(), arguments.engine.last().copied());
    let projects = &mut Projects::new()?;
    let old = read(projects, old, first, Side::Old, arguments, now)?;
    let new = read(projects, new, last, Side::New, arguments, now)?;
    let (old, new) = match (old, new) {
        (Ok(old), Ok(new)) => (old.access, new.access),
        (old, new) => {
            let reports: Vec<Report> = [old.err(), new.err()].into_iter().flatten().collect();
            return Ok(refuse(&reports.iter().collect::<Vec<_>>(), arguments.format));
        }
    };
    let difference = compare_two(&old, &new);
    match arguments.format {
        AccessFormat::Human => console::out(&difference::human(&difference)),
        AccessFormat::Json => console::json(&difference),
        AccessFormat::Markdown => console::out(&difference::markdown(&difference)),
    }
    Ok(if difference.gains() { Exit::Found } else { Exit::Fine })
}

/// Compares, and says how many users it concerns.
fn compare_two(old: &Access, new: &Access) -> Difference {
    let difference = difference::difference(old, new);
    let gained = difference.users.values().filter(|change| !change.gained.is_empty()).count();
    let poorer = difference.users.values().filter(|change| !change.lost.is_empty()).count();
    let users = if gained == 1 { "user" } else { "users" };
    console::err(&format!("{} to {}: {gained} {users} gained rights, {poorer} lost some\n", old.line, new.line));
    difference
}

/// Which of two files it is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    /// What was: not judged, since a date that has passed, or a rule that is new, changes nobody's access.
    Old,
    /// What is, or will be.
    New,
}

struct Read {
    access: Access,
    path: ProfilePath,
}

/// Reads a profile or an ACL file; the report says why it cannot be used.
fn read(
    projects: &mut Projects,
    file: &str,
    engine: Option<EngineArgument>,
    side: Side,
    arguments: &AccessArguments,
    now: time::OffsetDateTime,
) -> Result<Result<Read, Report>, String> {
    let work = projects.work(&[file.to_owned()])?;
    let [one] = work.as_slice() else { return Err(format!("{file}: access takes one profile")) };
    read_one(one, engine, side, arguments, now)
}

fn read_one(
    work: &Work,
    engine: Option<EngineArgument>,
    side: Side,
    arguments: &AccessArguments,
    now: time::OffsetDateTime,
) -> Result<Result<Read, Report>, String> {
    let path = &work.path;
    let input = input::read(path)?;
    if is_acl_file(path, &input.bytes) {
        let line = line(engine.unwrap_or(DEFAULT_LINE))?;
        if engine.is_none() {
            console::err(&format!("{}: read as {line} reads it; --engine names another line\n", path.name));
        }
        return Ok(acl_file(line, input).map(|access| Read { access, path: path.clone() }));
    }
    let options = arguments.strictness.judge();
    let judged = judge_input(work.clone(), input, engine, &options, now)?;
    let refused = if judged.passes() || side == Side::Old { None } else { Some(judged.verdict()) };
    let Judged { model: Some(model), report, .. } = judged else { return Ok(Err(judged.report)) };
    if let Some(verdict) = refused {
        console::err(&format!("{}: {verdict}\n", path.name));
        return Ok(Err(report));
    }
    Ok(Ok(Read { access: Access::of_model(&model), path: path.clone() }))
}

/// By its name, or by its first word: no profile starts with `user NAME`.
fn is_acl_file(path: &ProfilePath, bytes: &[u8]) -> bool {
    let extension = path.path.as_deref().and_then(|path| path.extension()).and_then(|extension| extension.to_str());
    match extension {
        Some("acl") => true,
        Some("yaml" | "yml") => false,
        _ => bytes.trim_ascii_start().starts_with(b"user "),
    }
}

fn line(engine: EngineArgument) -> Result<&'static Line, String> {
    let version = crate::format::EngineVersion { line: engine.line, patch: engine.patch.unwrap_or(0) };
    engine::line(engine.kind, version).ok_or_else(|| format!("{engine} is not known"))
}

fn acl_file(line: &'static Line, input: Input) -> Result<Access, Report> {
    let mut sources = Sources::default();
    let refused = |at: Span, message: String| Finding::structure("acl-file-refused", at, message);
    let too_big = input.bytes.len() > MAX_BYTES;
    let text = match String::from_utf8(input.bytes) {
        Ok(text) if !too_big => text,
        Ok(_) => return Err(whole(input.name, "an ACL file has at most 4 MiB")),
        Err(_) => return Err(whole(input.name, "an ACL file that is read here is UTF-8")),
    };
    match Access::of_file(line, &text) {
        Ok(access) => Ok(access),
        Err(bad) => {
            let spans: Vec<(std::ops::Range<usize>, BadLine)> =
                bad.into_iter().take(crate::finding::CAP + 1).map(|bad| (place(&text, &bad), bad)).collect();
            let file = sources.add(Source { name: input.name, text, echo: true, embedded: false, named_at: None });
            let findings = spans.into_iter().map(|(range, bad)| {
                refused(span(file, range), format!("{line} refuses the whole file: {}", bad.reason))
            });
            Err(Report::new(findings.collect::<Vec<_>>(), sources))
        }
    }
}

fn whole(name: String, message: &str) -> Report {
    let mut sources = Sources::default();
    let file = sources.add(Source { name, text: String::new(), echo: false, embedded: false, named_at: None });
    Report::new(vec![Finding::structure("acl-file-refused", span(file, 0..0), message)], sources)
}

fn span(file: FileId, range: std::ops::Range<usize>) -> Span {
    let byte = |place: usize| u32::try_from(place).unwrap_or(u32::MAX);
    Span { file, start: byte(range.start), end: byte(range.end) }
}

/// The bytes of a refused word, or of the line.
fn place(text: &str, bad: &BadLine) -> std::ops::Range<usize> {
    let mut start = 0;
    let mut line = "";
    for (number, part) in text.split('\n').enumerate() {
        line = part;
        if number + 1 == bad.line {
            break;
        }
        start += part.len() + 1;
    }
    let lead = line.len() - line.trim_start_matches([' ', '\t', '\r']).len();
    let trimmed = line.trim_matches([' ', '\t', '\r']);
    let begin = start + lead;
    let Some(word) = bad.word else { return begin..begin + trimmed.len() };
    let mut at = begin;
    for (place, part) in trimmed.split(' ').enumerate() {
        if place == word {
            return at..at + part.len();
        }
        at += part.len() + 1;
    }
    begin..begin + trimmed.len()
}

/// Findings instead of an answer: in the answer's form where there is one, else where they are not taken for it.
fn refuse(reports: &[&Report], format: AccessFormat) -> Exit {
    let text = || reports.iter().map(|report| human::findings(report)).collect::<String>();
    match format {
        AccessFormat::Human => console::out(&text()),
        AccessFormat::Json => console::out(&findings::findings(reports)),
        AccessFormat::Markdown => console::err(&text()),
    }
    Exit::Found
}
