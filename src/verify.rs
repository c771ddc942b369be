//! In: a model and, perhaps, the tree that was built of it. Out: what held when the real consumers read it.
//!
//! A [`lab`] is a private copy of the tree. Each [`level`] is one file that starts the software of its kind on the lab and
//! is a table of [`check`]s; the [`recorder`] shows them as they end; the [`evidence`] is what is kept. What was started
//! ends by destructors: on success, on failure, on [`interrupt`]s and on panics.

pub mod check;
pub mod encryption;
pub mod evidence;
mod firewall;
pub mod inside;
pub mod interrupt;
pub mod lab;
pub mod level;
pub mod live;
pub mod process;
pub mod recorder;

mod alerts;
mod certificates;
mod compose;
mod docker;
mod host;
mod scripts;
mod server;
pub mod settings;
mod terraform;
mod tree;
pub mod users;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::rc::Rc;

use time::OffsetDateTime;

use check::{Check, Outcome, Record, Trouble};
use evidence::Evidence;
use lab::Lab;
use level::Level;
use recorder::{Reader, Recorder};

use crate::live::{reply, tls, wire};
use crate::model::Model;

/// What to prove, and with what.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Levels to run.
    pub levels: BTreeSet<Level>,
    /// Levels that must not be left unproven.
    pub required: BTreeSet<Level>,
    /// True if nobody chose levels: those that run only when they are named are told as not run then.
    pub default: bool,
    /// The server to start, in place of the one on PATH.
    pub server: Option<PathBuf>,
    /// The image to run, in place of the profile's.
    pub image: Option<String>,
    /// A folder of Terraform providers, as `terraform providers mirror` makes it.
    pub providers: Option<PathBuf>,
    /// The running server to compare with, at level live.
    pub live: Option<crate::live::target::Target>,
    /// True in a proof that another one started: the network, the mounts and the processes are its own.
    pub inside: bool,
}

/// What a level works with.
pub struct Bench<'run> {
    /// What the profile asks for.
    pub model: &'run Rc<Model>,
    /// The private copy of the tree.
    pub lab: &'run Rc<Lab>,
    /// What to prove, and with what.
    pub options: &'run Options,
    /// When the proof began; dates are judged by it.
    pub now: OffsetDateTime,
    level: Level,
    recorder: &'run mut Recorder,
    judges: &'run mut BTreeMap<String, String>,
}

impl Bench<'_> {
    /// Runs the checks that the profile asks for, in order, on one subject.
    pub fn run<Subject>(&mut self, checks: &[Check<Subject>], subject: &mut Subject) {
        self.run_on(self.model, checks, subject);
    }

    /// The same for another model of the profile, as for another engine.
    pub fn run_on<Subject>(&mut self, model: &Model, checks: &[Check<Subject>], subject: &mut Subject) {
        for check in checks.iter().filter(|check| (check.applies)(model)) {
            self.prove(check.id, check.title, || (check.prove)(subject));
        }
    }

    /// Runs one check; true if it held.
    pub fn prove(&mut self, id: &str, title: &str, prove: impl FnOnce() -> Outcome) -> bool {
        self.recorder.run(self.level, id, title, prove)
    }

    /// Takes over a record of a proof that ran elsewhere.
    fn add(&mut self, record: Record) {
        self.recorder.add(record);
    }

    /// Takes over what a proof that ran elsewhere noted.
    fn add_judges(&mut self, judges: BTreeMap<String, String>) {
        self.judges.extend(judges);
    }

    /// Notes the version of a program that judges.
    pub fn judge(&mut self, name: &str, version: &str) {
        self.judges.insert(name.to_owned(), version.trim().to_owned());
    }
}

/// How a level is proven: starts what reads the artefacts of its kind.
type Prover = fn(&mut Bench<'_>) -> Result<(), Trouble>;

/// Each level has one file.
const fn prover(level: Level) -> Prover {
    match level {
        Level::Tree => tree::prove,
        Level::Server => server::prove,
        Level::Firewall => firewall::prove,
        Level::Certificates => certificates::prove,
        Level::Terraform => terraform::prove,
        Level::Alerts => alerts::prove,
        Level::Live => live::prove,
        Level::Host => host::prove,
        Level::Scripts => scripts::prove,
        Level::Compose => compose::prove,
    }
}

/// True if a level uses passwords or certificates.
const fn needs_secrets(level: Level) -> bool {
    matches!(level, Level::Server | Level::Certificates | Level::Compose)
}

/// Why a level has no record.
fn nothing(level: Level, options: &Options) -> Trouble {
    let remedy =
        if options.required.contains(&level) { "leave it out of --require" } else { "leave it out of --level" };
    match level {
        Level::Tree => Trouble::missing(
            "what is proven was built for this proof: there is no tree to compare with it",
            "name one by --dir",
        ),
        _ => Trouble::missing("this deployment has nothing that this level proves", remedy),
    }
}

/// Leaves the host behind. The folder of the proof that started this one holds this one's.
fn confine(lab: &Lab, options: &Options) -> Result<(), Trouble> {
    let server = options.server.as_deref().and_then(std::path::Path::parent);
    let server: Vec<PathBuf> = server.into_iter().map(std::path::Path::to_owned).collect();
    inside::confine(lab.path().parent().unwrap_or(lab.path()), &server)
}

/// Proves a profile at the levels asked for.
///
/// # Errors
/// The lab cannot be made.
pub fn prove(model: &Rc<Model>, lab: &Rc<Lab>, options: &Options, now: OffsetDateTime, reader: Reader) -> Evidence {
    let start = std::time::Instant::now();
    let mut recorder = Recorder::new(reader);
    let mut judges = BTreeMap::new();
    for level in &options.levels {
        let mut bench = Bench { model, lab, options, now, level: *level, recorder: &mut recorder, judges: &mut judges };
        let before = bench.recorder.proofs(*level);
        if !options.inside && lab.dir.is_some() && lab.own_secrets && model.has_secrets() && needs_secrets(*level) {
            bench.prove("own-secrets", "The secrets are the tree's own", || {
                Err(Trouble::Advice(
                    "the tree has no secrets/: what this level proves of passwords and certificates, it proves of some \
                     that were made for it"
                        .to_owned(),
                ))
            });
        }
        // An inner proof has one level.
        let confined = if options.inside { confine(lab, options) } else { Ok(()) };
        if let Err(trouble) = confined.and_then(|()| prover(*level)(&mut bench)) {
            // What a level cannot do without.
            bench.prove("start", "What this level needs is there", || Err(trouble));
        } else if !options.inside && bench.recorder.proofs(*level) == before {
            let nothing = nothing(*level, options);
            bench.prove("nothing", "There is something to prove", || Err(nothing));
        }
    }
    for level in [Level::Compose, Level::Live] {
        if options.default && !options.levels.contains(&level) {
            let trouble = match level {
                Level::Compose => {
                    Trouble::missing("not asked for, since it runs the image that the profile names", "--level compose")
                }
                _ => Trouble::missing("no running server was named", "--against URL"),
            };
            recorder.run(level, "not-asked", "What this level proves", || Err(trouble));
        }
    }
    Evidence::new(model, lab, &options.required, (now, now + start.elapsed()), (judges, recorder.finish()))
}
