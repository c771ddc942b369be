//! Level `server`: a real server on the emitted configuration, asked whether each protection holds.
//!
//! Without --dir the same emitters write the configuration for a private folder and a free loopback port ([`site`]).
//! With --dir the tree's own files run at the compose file's paths, in namespaces of their own: an edited file is judged
//! by what the server then does.

mod access;
mod authentication;
mod encryption;
mod program;
mod resilience;
mod running;
mod settings;
mod site;

use std::rc::Rc;

use super::Bench;
use super::check::Trouble;
use super::inside::{self, Root};
use crate::load::{self, Input, Parents};
use crate::model::Model;
use crate::resolve;
use program::Program;
use running::Running;
use site::Site;

/// A profile that was resolved needs no parents.
struct NoParents;

impl Parents for NoParents {
    fn read(&mut self, _from: &str, _target: &str) -> Result<Input, String> {
        Err("a resolved profile extends nothing".to_owned())
    }
}

/// The model for the server that is at hand.
fn model_for(bench: &Bench<'_>, program: &Program) -> Result<Model, Trouble> {
    let failed = |reason: &str| Trouble::Failed(format!("the resolved profile: {reason}"));
    let input = Input { name: bench.model.source.clone(), bytes: bench.lab.resolved.clone().into_bytes() };
    let (mut profile, loaded) = load::load(input, &mut NoParents).map_err(|_| failed("it cannot be read again"))?;
    profile.engine.version = program.version;
    resolve::resolve(&loaded, profile, &bench.model.source).map_err(|finding| failed(&finding.message))
}

/// Proves the level.
pub(super) fn prove(bench: &mut Bench<'_>) -> Result<(), Trouble> {
    let tree = bench.lab.dir.is_some();
    if tree && !bench.options.inside {
        return inside::prove(bench, Root::Ours);
    }
    let program = Program::find(bench.model, bench.options)?;
    bench.judge(program.kind.word(), &program.version.to_string());
    let (asked, line) = (bench.model.profile.engine.version, bench.model.line.number);
    let other = program.line.number != line;
    bench.prove("line", "The server is of the line that the profile asks for", || {
        if !other {
            return Ok(format!("{}; the profile asks for {asked}", program.name()));
        }
        Err(Trouble::missing(
            format!("{} was at hand, the profile asks for {asked}: the rest is proven for that server", program.name()),
            "name a server of that line by --server",
        ))
    });
    if tree && other {
        return Err(Trouble::missing(
            format!(
                "the files of --dir are for {}, and {} would read them otherwise",
                bench.model.line,
                program.name()
            ),
            "name a server of that line by --server, or leave --dir out",
        ));
    }
    let mut model = model_for(bench, &program)?;
    let site = if tree { Site::tree(bench.lab, &model, &program)? } else { Site::layout(bench.lab, &mut model)? };
    let model = Rc::new(model);
    let mut running = Running::new(Rc::clone(&model), Rc::clone(bench.lab), program, site, bench.now)?;
    let booted = bench.prove("boot", "The server starts with the emitted configuration", || {
        running.start().map(|()| String::new()).map_err(|trouble| without_tls(&model, trouble))
    });
    if booted {
        for checks in [settings::CHECKS, authentication::CHECKS, encryption::CHECKS, access::CHECKS, resilience::CHECKS]
        {
            bench.run_on(&model, checks, &mut running);
        }
    }
    Ok(())
}

/// A server that was built without TLS fails no proof of ours.
fn without_tls(model: &Model, trouble: Trouble) -> Trouble {
    // Until Valkey 9 it does not know the directives; since then it knows them and lacks the module.
    let lacks = |seen: &str| {
        (seen.contains("Bad directive") && seen.contains("tls-")) || seen.contains("Failed finding TLS support")
    };
    match trouble {
        Trouble::Failed(seen) if model.tls() && lacks(&seen) => {
            Trouble::missing("this server was built without TLS", "name another one by --server")
        }
        other => other,
    }
}
