//! `redisgen verify`: starts the real consumers on what a profile builds, and shows what held.

use std::collections::BTreeSet;
use std::path::Path;
use std::rc::Rc;

use serde::Serialize;
use time::OffsetDateTime;

use super::explain::profile;
use super::{Exit, Judged, judge_input, print};
use crate::cli::{Judge, VerifyArguments};
use crate::console;
use crate::finding::Report;
use crate::folder::Folder;
use crate::input::{self, DiskParents, Projects, Work};
use crate::live::target::Target;
use crate::load;
use crate::output::{Format, ListFormat, human};
use crate::verify::evidence::Evidence;
use crate::verify::inside::Message;
use crate::verify::lab::Lab;
use crate::verify::level::Level;
use crate::verify::recorder::Reader;
use crate::verify::{self, Options, interrupt};

/// What `--format json` prints and `--evidence` keeps.
#[derive(Serialize)]
struct Document<'run> {
    version: u32,
    generator: String,
    profiles: &'run [Evidence],
    /// Profiles that were refused: nothing was started then.
    refused: &'run [Refused],
}

/// A profile that cannot be built.
#[derive(Serialize)]
struct Refused {
    profile: String,
    verdict: String,
}

pub(super) fn run(arguments: &VerifyArguments, now: OffsetDateTime) -> Result<Exit, String> {
    let asked: Vec<String> = arguments.profile.iter().cloned().collect();
    let work = Projects::new()?.work(&asked)?;
    if work.len() != 1 && (arguments.dir.is_some() || arguments.against.is_some()) {
        return Err("--dir and --against are of one profile: name it".to_owned());
    }
    let options = options(arguments)?;
    if let Some(path) = &arguments.evidence {
        // Before anything runs: nobody wants to prove it all again for a slip in a path.
        can_keep(path)?;
    }
    let format = match arguments.format {
        ListFormat::Human => Format::Human,
        ListFormat::Json => Format::Json,
    };
    let judging = Judge { deny: arguments.deny, as_of: arguments.as_of, format };
    let read = work.into_iter().map(|work| read(work, &judging, now)).collect::<Result<Vec<_>, _>>()?;
    let (judged, resolved): (Vec<Judged>, Vec<String>) = read.into_iter().unzip();
    if judged.iter().any(|judged| !judged.passes()) {
        let mut refused = Vec::new();
        for judged in judged.iter().filter(|judged| !judged.passes()) {
            console::err(&format!("{}: {}; nothing was started\n", judged.path.name, judged.verdict()));
            refused.push(Refused { profile: judged.path.name.clone(), verdict: judged.verdict() });
        }
        if format == Format::Json {
            // Standard output holds the document that --evidence keeps.
            let reports: Vec<&Report> = judged.iter().map(|judged| &judged.report).collect();
            console::err(&human::all(&reports));
        } else {
            print(&judged, format);
        }
        report(arguments, &[], &refused)?;
        return Ok(Exit::Found);
    }
    interrupt::listen()?;
    let reader = if arguments.inside { Reader::Parent } else { Reader::of_stderr() };
    let mut proven = Vec::new();
    for (judged, resolved) in judged.into_iter().zip(resolved) {
        let Some(model) = judged.model.map(Rc::new) else { continue };
        // In a project it is known where the artefacts are: those that are there are what is deployed.
        let listed = judged.out.filter(|out| arguments.dir.is_none() && out.is_dir());
        let dir = arguments.dir.clone().or(listed);
        let lab = Rc::new(Lab::new(&model, resolved, dir.as_deref(), now)?);
        let evidence = verify::prove(&model, &lab, &options, now, reader);
        if reader != Reader::Parent && arguments.format == ListFormat::Human {
            console::out(&evidence.table());
        }
        proven.push(evidence);
        if interrupt::asked() {
            break;
        }
    }
    if reader == Reader::Parent {
        for evidence in proven {
            Message::Judges(evidence.judges).say();
        }
        return Ok(Exit::Fine);
    }
    report(arguments, &proven, &[])
}

/// Reads and judges a profile; also as YAML that needs no other file.
fn read(work: Work, judging: &Judge, now: OffsetDateTime) -> Result<(Judged, String), String> {
    let input = input::read(&work.path)?;
    let resolved = load::load(input.clone(), &mut DiskParents::new(&work.path));
    let resolved = resolved.map(|(_, loaded)| profile::yaml(&loaded.tree, &loaded.sources)).unwrap_or_default();
    Ok((judge_input(work, input, None, judging, now)?, resolved))
}

fn report(arguments: &VerifyArguments, proven: &[Evidence], refused: &[Refused]) -> Result<Exit, String> {
    let generator = format!("redisgen {}", env!("CARGO_PKG_VERSION"));
    let document = Document { version: 1, generator, profiles: proven, refused };
    if arguments.format == ListFormat::Json {
        console::json(&document);
    }
    if let Some(path) = &arguments.evidence {
        let text = serde_json::to_string_pretty(&document).map_err(|error| error.to_string())?;
        keep(path, &format!("{text}\n"))?;
    }
    if proven.iter().any(|evidence| evidence.interrupted) {
        return Err("interrupted; what was started is stopped".to_owned());
    }
    Ok(if proven.iter().all(|evidence| evidence.passed) { Exit::Fine } else { Exit::Found })
}

fn options(arguments: &VerifyArguments) -> Result<Options, String> {
    let required: BTreeSet<Level> = arguments.require.iter().copied().collect();
    let mut levels: BTreeSet<Level> = arguments.level.iter().copied().collect();
    let default = levels.is_empty() && arguments.against.is_none();
    if levels.is_empty() {
        levels = match arguments.against {
            Some(_) => BTreeSet::from([Level::Live]),
            // A profile names the image that would run; whoever wants that says so.
            None => Level::ALL.into_iter().filter(|level| !matches!(level, Level::Compose | Level::Live)).collect(),
        };
    }
    levels.extend(&required);
    if levels.contains(&Level::Live) != arguments.against.is_some() {
        return Err("level live and --against go together".to_owned());
    }
    let live = arguments.against.clone().map(|url| Target {
        url,
        user: arguments.user.clone(),
        password: arguments.password_file.clone(),
        authority: arguments.ca.clone(),
        identity: arguments.cert.clone().zip(arguments.key.clone()),
    });
    Ok(Options {
        levels,
        required,
        default,
        server: arguments.server.clone(),
        image: arguments.image.clone(),
        providers: arguments.providers.clone(),
        live,
        inside: arguments.inside,
    })
}

/// Writes a file as a whole, or not at all.
fn keep(path: &Path, text: &str) -> Result<(), String> {
    if path == Path::new(input::STDIN) {
        console::out(text);
        return Ok(());
    }
    let (folder, name) = place(path)?;
    folder.stage(name, text.as_bytes(), 0o644, true)?.commit()
}

/// Fails where [`keep`] would.
fn can_keep(path: &Path) -> Result<(), String> {
    if path == Path::new(input::STDIN) {
        return Ok(());
    }
    if path.is_dir() {
        return Err(format!("--evidence: {} is a folder", path.display()));
    }
    let (folder, name) = place(path).map_err(|reason| format!("--evidence: {reason}"))?;
    // It goes with what is not committed.
    folder.stage(name, b"", 0o600, false).map(drop).map_err(|reason| format!("--evidence: {reason}"))
}

/// The folder of a file, and its name there.
fn place(path: &Path) -> Result<(Folder, &str), String> {
    let shown = path.display();
    let name = path.file_name().and_then(|name| name.to_str()).ok_or_else(|| format!("{shown}: not a file name"))?;
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let parent = parent.canonicalize().map_err(|error| format!("{}: {error}", parent.display()))?;
    Ok((Folder::open(&parent)?, name))
}
