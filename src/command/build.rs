//! `redisgen build`: judge all profiles; if none is refused, write each tree and provision what is missing.

use std::path::{Path, PathBuf};

use time::OffsetDateTime;

use super::{Exit, Judged, judge_all, output_folders};
use crate::cli::{Judge, Target};
use crate::console;
use crate::folder::Folder;
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
    // Everything of all profiles is made and waits under temporary names before the first file gets its own. Each
    // profile's folder stays open and locked meanwhile.
    raise_open_files();
    let folders = output_folders(target, &judged)?;
    let wanted = judged.iter().zip(folders).filter_map(|(judged, path)| Some((judged, judged.model.as_ref()?, path)));
    let prepared = parallel::map(wanted.collect(), |(judged, model, path)| {
        prepare(model, path, options, now).map(|tree| (judged, tree))
    });
    let trees = all_or_nothing(prepared)?;
    let made: Vec<PathBuf> =
        trees.iter().filter(|(_, tree)| !tree.existed).map(|(_, tree)| tree.path.clone()).collect();
    let mut trees = trees.into_iter();
    while let Some((judged, tree)) = trees.next() {
        match tree.waiting.commit() {
            Ok(written) => {
                console::err(&summary(tree.model, &tree.path, &written, &tree.provision, options, judged));
            }
            Err(reason) => {
                // What still waits goes, then the folders that were made for it.
                drop(trees);
                for path in &made {
                    unmake(path, false);
                }
                return Err(reason);
            }
        }
    }
    Ok(Exit::Fine)
}

/// As many open files as the system lets this process have: a profile that waits holds two handles of its folder.
fn raise_open_files() {
    let resource = rustix::process::Resource::Nofile;
    let limit = rustix::process::getrlimit(resource);
    let raised = rustix::process::Rlimit { current: limit.maximum, maximum: limit.maximum };
    // Without it, a build of many profiles ends with a message that says so.
    let _as_before = rustix::process::setrlimit(resource, raised);
}

/// Everything, or the first error; then folders that were made for the others are gone again.
fn all_or_nothing<'all>(
    prepared: Vec<Result<(&'all Judged, Tree<'all>), String>>,
) -> Result<Vec<(&'all Judged, Tree<'all>)>, String> {
    let mut trees = Vec::new();
    let mut first = None;
    for result in prepared {
        match result {
            Ok(tree) => trees.push(tree),
            Err(reason) => drop(first.get_or_insert(reason)),
        }
    }
    let Some(reason) = first else { return Ok(trees) };
    for (_, Tree { path, existed, out, waiting, .. }) in trees {
        drop(waiting);
        unmake(&path, existed);
        // Until here it held the lock.
        drop(out);
    }
    Err(reason)
}

/// All that one profile will write.
struct Tree<'model> {
    model: &'model Model,
    path: PathBuf,
    /// True if the folder was there before.
    existed: bool,
    out: Folder,
    waiting: write::Waiting,
    provision: Provision,
}

fn prepare<'model>(
    model: &'model Model,
    path: PathBuf,
    options: &Options,
    now: OffsetDateTime,
) -> Result<Tree<'model>, String> {
    // What can fail in memory fails before a folder is made.
    let files = render::render(model)?;
    let existed = path.try_exists().map_err(|error| format!("{}: {error}", path.display()))?;
    let out = Folder::create(&path).inspect_err(|_| unmake(&path, existed))?;
    out.lock()?;
    let result = provision(&out, model, &files, options, now).and_then(|mut provision| {
        let plan = write::plan(&out, model, &files, options.force)?;
        let waiting = write::stage(&out, model, &files, &provision, plan)?;
        // Written already: a thousand profiles need not hold their secrets at once.
        provision.files.clear();
        Ok((provision, waiting))
    });
    let (provision, waiting) = result.inspect_err(|_| unmake(&path, existed))?;
    Ok(Tree { model, path, existed, out, waiting, provision })
}

/// After an error, removes an output folder that was made for nothing. Only who holds the lock may: another build could be
/// about to write.
fn unmake(path: &Path, existed: bool) {
    if !existed {
        let _not_empty = std::fs::remove_dir(path);
    }
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
        text.push_str(&format!("  note: replaced what was edited by hand: {}\n", written.edited.join(", ")));
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
