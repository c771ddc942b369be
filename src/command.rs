//! One file per command; this one runs them and turns what happened into an exit code.

mod access;
mod advisories;
#[cfg(feature = "verify")]
mod apply;
mod build;
mod certs;
mod diff;
mod explain;
mod init;
mod report;
pub mod rules;
mod secrets;
mod validate;
#[cfg(feature = "verify")]
mod verify;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::CommandFactory;
use time::OffsetDateTime;

use crate::check;
use crate::cli::{Cli, Command, Judge, Target};
use crate::console;
use crate::engine::EngineArgument;
use crate::finding::{Report, Severity};
use crate::format::{Date, EngineVersion};
use crate::input::{self, DiskParents, ProfilePath, Projects, Work};
use crate::load::{self, Input};
use crate::model::Model;
use crate::output::{Format, github, human, json, sarif};
use crate::parallel;
use crate::profile::Environment;
use crate::resolve;
use crate::source::Sources;

/// Where artefacts are if neither the command line nor a project file says.
const OUT: &str = "deploy";

/// How a command ended; the codes are an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// 0: fine.
    Fine,
    /// 1: findings at or above `--deny`, drift, or a failed proof.
    Found,
    /// 2: the command could not do its work.
    Failed,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(match exit {
            Exit::Fine => 0,
            Exit::Found => 1,
            Exit::Failed => 2,
        })
    }
}

/// Runs a command. `now` is the only clock there is.
pub fn run(cli: &Cli, now: OffsetDateTime) -> Exit {
    // Hash maps of libraries panic where the system gives no random numbers: they ask now, rather than amid the writing.
    let result = crate::random(&mut [0]).and_then(|()| {
        let _seeded = std::hash::RandomState::new();
        work(cli, now)
    });
    let exit = result.unwrap_or_else(|reason| {
        console::err(&format!("redisgen: {reason}\n"));
        Exit::Failed
    });
    // An answer that was cut is none.
    if console::lost() { Exit::Failed } else { exit }
}

fn work(cli: &Cli, now: OffsetDateTime) -> Result<Exit, String> {
    match &cli.command {
        Command::Init { environment, file } => init::run(environment, file.as_deref()),
        Command::Validate { profiles, judge, review } => validate::run(profiles, judge, review, now),
        Command::Build { target, judge, no_secrets, reprovision, force } => build::run(
            target,
            judge,
            &build::Options { secrets: !no_secrets, reprovision: *reprovision, force: *force },
            now,
        ),
        Command::Certs { command } => certs::run(command, now),
        Command::Diff { target, judge } => diff::run(target, judge, now),
        Command::Access(arguments) => access::run(arguments, now),
        Command::Explain { subject, path, source, user, command } => {
            let asked = command.as_deref().zip(user.as_deref());
            explain::run(subject, path.as_deref(), *source, asked)
        }
        Command::Advisories { engine, format } => advisories::run(*engine, *format),
        Command::Report(arguments) => report::run(arguments, now),
        #[cfg(feature = "verify")]
        Command::Verify(arguments) => verify::run(arguments, now),
        #[cfg(feature = "verify")]
        Command::Apply(arguments) => apply::run(arguments, now),
        Command::Secrets { command } => secrets::run(command, now),
        Command::Rules { format } => Ok(rules::run(*format)),
        Command::Schema { defaults } => {
            console::out(match defaults.as_deref() {
                None => crate::schema::PUBLISHED,
                Some("development") => load::defaults(Environment::Development),
                Some(_) => load::defaults(Environment::Production),
            });
            Ok(Exit::Fine)
        }
        Command::Completions { shell } => {
            let mut text = Vec::new();
            clap_complete::generate(*shell, &mut Cli::command(), "redisgen", &mut text);
            console::out(&String::from_utf8_lossy(&text));
            Ok(Exit::Fine)
        }
        Command::Man { command } => man(command.as_deref()),
    }
}

fn man(command: Option<&str>) -> Result<Exit, String> {
    let mut all = Cli::command();
    all.build();
    let page = match command {
        None => all,
        Some(name) => all.find_subcommand(name).cloned().ok_or_else(|| format!("there is no command `{name}`"))?,
    };
    let mut text = Vec::new();
    clap_mangen::Man::new(page).render(&mut text).map_err(|error| error.to_string())?;
    console::out(&String::from_utf8_lossy(&text));
    Ok(Exit::Fine)
}

/// A profile that was read and judged.
struct Judged {
    path: ProfilePath,
    report: Report,
    /// None if structural errors stand in the way.
    model: Option<Model>,
    deny: Severity,
    /// The project file that demands more than the command line asked for.
    held_by: Option<String>,
    /// Where a project file says that the artefacts are.
    out: Option<PathBuf>,
    /// True if a project file lists it.
    listed: bool,
    /// True if it was refused before findings were filtered.
    refused: bool,
}

impl Judged {
    fn passes(&self) -> bool {
        !self.refused && self.report_passes()
    }

    /// The same, of the findings that are shown only.
    fn report_passes(&self) -> bool {
        self.model.is_some() && self.report.worst().is_none_or(|worst| worst < self.deny) && !self.report.has_errors()
    }

    /// `ok`, or that it is refused, at which severity, and whether by what is shown.
    fn verdict(&self) -> String {
        let deny = self.deny.word();
        let held = self.held_by.as_ref().map_or(String::new(), |place| format!(", which {place} demands"));
        match self.passes() {
            true if held.is_empty() => "ok".to_owned(),
            true => format!("ok at --deny {deny}{held}"),
            false if self.report_passes() => format!("refused at --deny {deny}{held}, by findings that are not shown"),
            false => format!("refused at --deny {deny}{held}"),
        }
    }
}

fn judge(work: Work, judge: &Judge, now: OffsetDateTime) -> Result<Judged, String> {
    let input = input::read(&work.path)?;
    judge_input(work, input, None, judge, now)
}

/// Judges what was read, perhaps as if it named another engine. A line stands for its newest build then.
fn judge_input(
    work: Work,
    input: Input,
    engine: Option<EngineArgument>,
    judge: &Judge,
    now: OffsetDateTime,
) -> Result<Judged, String> {
    let Work { path, out, terms } = work;
    let listed = !terms.is_empty();
    let source = input::base_name(&path)?;
    let today = judge.as_of.unwrap_or(Date(now.date()));
    let unjudged = |path, out, report| {
        let deny = judge.deny.unwrap_or(Severity::Error);
        Ok(Judged { path, report, model: None, deny, held_by: None, out, listed, refused: false })
    };
    let (mut profile, loaded) = match load::load(input, &mut DiskParents::new(&path)) {
        Ok(loaded) => loaded,
        Err(report) => return unjudged(path, out, report),
    };
    if let Some(engine) = engine {
        profile.engine.kind = engine.kind;
        profile.engine.version = EngineVersion { line: engine.line, patch: engine.patch.unwrap_or(u16::MAX) };
    }
    let model = match resolve::resolve(&loaded, profile, &source) {
        Ok(model) => model,
        Err(finding) => return unjudged(path, out, Report::new(vec![finding], loaded.sources)),
    };
    let findings = check::check_under(&terms, &loaded, &model, today);
    let default = if model.production() { Severity::Warning } else { Severity::Error };
    let asked = judge.deny.unwrap_or(default);
    // The strictest of all wins.
    let demanded = terms.into_iter().filter_map(|terms| terms.deny).min();
    let (deny, held_by) = match demanded.filter(|(demanded, _)| *demanded < asked) {
        Some((demanded, place)) => (demanded, Some(place)),
        None => (asked, None),
    };
    let report = Report::new(findings, loaded.sources);
    Ok(Judged { path, report, model: Some(model), deny, held_by, out, listed, refused: false })
}

/// Reads and judges the profiles, or all of the project if none is named, and prints the findings.
fn judge_all(profiles: &[String], options: &Judge, now: OffsetDateTime) -> Result<Vec<Judged>, String> {
    let judged = judge_quietly(profiles, options, now)?;
    print(&judged, options.format);
    Ok(judged)
}

/// The same, and prints nothing.
fn judge_quietly(profiles: &[String], options: &Judge, now: OffsetDateTime) -> Result<Vec<Judged>, String> {
    judge_work(Projects::new()?.work(profiles)?, options, now)
}

fn judge_work(work: Vec<Work>, options: &Judge, now: OffsetDateTime) -> Result<Vec<Judged>, String> {
    parallel::map(work, |work| judge(work, options, now)).into_iter().collect()
}

fn print(judged: &[Judged], format: Format) {
    let reports: Vec<&Report> = judged.iter().map(|judged| &judged.report).collect();
    let relative = |name: &str| input::in_repository(name);
    console::out(&match format {
        Format::Json => json::findings(&reports),
        Format::Human => human::all(&reports),
        Format::Sarif => sarif::findings(&reports, &relative),
        Format::Github => github::findings(&reports, &relative),
    });
}

/// The folder of each profile's artefacts: below `--out` if that is given, else where the project file says.
///
/// # Errors
/// Two profiles would share one.
fn output_folders(target: &Target, judged: &[Judged]) -> Result<Vec<PathBuf>, String> {
    let mut folders: Vec<PathBuf> = Vec::new();
    let mut taken = BTreeSet::new();
    let below = target.out.as_deref().unwrap_or(Path::new(OUT));
    for one in judged {
        let stem = one.path.path.as_deref().and_then(Path::file_stem).unwrap_or("stdin".as_ref());
        let folder = match (&one.out, &target.out) {
            (Some(listed), None) => listed.clone(),
            _ if judged.len() == 1 => below.to_owned(),
            _ => below.join(stem),
        };
        if !taken.insert(folder.clone()) {
            return Err(format!("two profiles would be written to {}", folder.display()));
        }
        folders.push(folder);
    }
    Ok(folders)
}

/// Name and position of a span, as `prod.yaml:3`.
fn place(sources: &Sources, span: crate::source::Span) -> String {
    format!("{}:{}", sources.name(span.file), sources.positions(span).0.line)
}
