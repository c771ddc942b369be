//! `redisgen build`: judge all profiles; if none is refused, write each tree and provision what is missing.

use std::path::{Path, PathBuf};

use time::OffsetDateTime;

use super::{Exit, Judged, judge_all, output_folders};
use crate::cli::{Judge, Target};
use crate::console;
use crate::folder::{Folder, Made};
use crate::model::Model;
use crate::output::human;
use crate::parallel;
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
                "{}: {}, {}; nothing was written\n",
                judged.path.name,
                judged.verdict(),
                human::summary(&judged.report)
            ));
        }
        return Ok(Exit::Found);
    }
    let wanted: Vec<(&Judged, &Model, PathBuf)> = judged
        .iter()
        .zip(output_folders(target, &judged)?)
        .filter_map(|(judged, path)| Some((judged, judged.model.as_ref()?, path)))
        .collect();
    raise_open_files(wanted.len())?;
    // All locks first, in the order of their paths whatever that of the profiles: of two builds at once that name the folders
    // alike, one has them all and the other none.
    let mut above = Made::default();
    let mut order: Vec<usize> = (0..wanted.len()).collect();
    order.sort_by_key(|place| wanted.get(*place).map(|(.., path)| path));
    let mut outputs: Vec<(usize, Output)> = Vec::new();
    for place in order {
        let Some((.., path)) = wanted.get(place) else { continue };
        above.make(path.parent().unwrap_or(path))?;
        outputs.push((place, Output::open(path)?));
    }
    outputs.sort_by_key(|(place, _)| *place);
    // Everything of all profiles is made and waits under temporary names before the first file gets its own.
    let prepared = parallel::map(wanted.iter().zip(&outputs).collect(), |((judged, model, _), (_, output))| {
        prepare(model, output, options, now).map(|tree| (*judged, *model, tree))
    });
    let trees: Vec<(&Judged, &Model, Tree<'_>)> = prepared.into_iter().collect::<Result<_, String>>()?;
    for (judged, model, tree) in trees {
        let written = tree.waiting.commit()?;
        console::err(&summary(model, &tree.output.path, &written, &tree.provision, options, judged));
    }
    Ok(Exit::Fine)
}

/// As many open files as the system lets this process have.
///
/// # Errors
/// That is too few for so many profiles.
fn raise_open_files(profiles: usize) -> Result<(), String> {
    let resource = rustix::process::Resource::Nofile;
    let limit = rustix::process::getrlimit(resource);
    let raised = rustix::process::Rlimit { current: limit.maximum, maximum: limit.maximum };
    let allowed = if rustix::process::setrlimit(resource, raised).is_ok() { limit.maximum } else { limit.current };
    // Each profile's folder stays open and locked; each thread has those open that it works in, and there are a few others.
    let needed = profiles + parallel::threads(profiles) * write::OPEN + 32;
    match allowed {
        Some(allowed) if u64::try_from(needed).is_ok_and(|needed| needed > allowed) => Err(format!(
            "so many profiles at once, {profiles}, need {needed} open files, and this process may have {allowed} (`ulimit -n`)"
        )),
        _ => Ok(()),
    }
}

/// A profile's output folder, open and locked; one that was made goes again, where nothing came into it.
struct Output {
    path: PathBuf,
    // Before the folder, which holds the lock: a folder that another build could have begun to fill is not removed.
    _made: Made,
    folder: Folder,
}

impl Output {
    fn open(path: &Path) -> Result<Output, String> {
        let mut made = Made::default();
        made.make(path)?;
        let folder = Folder::open(path)?;
        if !folder.try_lock()? {
            // Who has the lock may be about to write there.
            made.keep();
            return Err(folder.busy());
        }
        Ok(Output { path: path.to_owned(), _made: made, folder })
    }
}

/// All that one profile will write.
struct Tree<'out> {
    output: &'out Output,
    waiting: write::Waiting<'out>,
    provision: Provision,
}

fn prepare<'out>(
    model: &Model,
    output: &'out Output,
    options: &Options,
    now: OffsetDateTime,
) -> Result<Tree<'out>, String> {
    let out = &output.folder;
    let files = render::render(model)?;
    let mut provision = provision(out, model, &files, options, now)?;
    let plan = write::plan(out, model, &files, options.force)?;
    let waiting = write::stage(out, model, &files, &provision, plan)?;
    // Written already: a thousand profiles need not hold their secrets at once.
    provision.files.clear();
    Ok(Tree { output, waiting, provision })
}

fn provision(
    out: &Folder,
    model: &Model,
    files: &[File],
    options: &Options,
    now: OffsetDateTime,
) -> Result<Provision, String> {
    if !options.secrets {
        return Ok(Provision::default());
    }
    let acl = files.iter().find(|file| file.path == "redis/users.acl");
    let acl = acl.map(|file| String::from_utf8_lossy(&file.bytes).into_owned()).unwrap_or_default();
    provision::provision(
        out,
        model,
        &acl,
        now,
        provision::Options { reprovision: options.reprovision, ..provision::Options::default() },
    )
    .map_err(|reason| format!("{}: {reason}", out.full("").trim_end_matches('/')))
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
    if !written.edited.is_empty() {
        // An interrupted build of yet another profile looks the same: the lock it would have written is not there.
        text.push_str(&format!(
            "  note: replaced what was edited by hand or left by an interrupted build: {}\n",
            written.edited.join(", ")
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
        // The filter first: a port that Docker publishes is open from that moment on.
        let filter = crate::encode::shell(&format!("{folder}/firewall/apply.sh"));
        let filter =
            if model.firewall.is_some() && model.production() { format!("sudo {filter} && ") } else { String::new() };
        // Compose refuses to start on a volume that is not there.
        let script = crate::encode::shell(&format!("{folder}/storage/luks.sh"));
        let volume = model.luks().map(|_| format!("sudo {script} setup, once; then ")).unwrap_or_default();
        text.push_str(&format!("  next: {volume}{filter}{compose}\n"));
    }
    text
}
