//! In: a loaded profile. Out: the model, in which every value that follows from others stands.

mod users;

use crate::acl;
use crate::allowlist::Allowlist;
use crate::artefact::users_acl;
use crate::engine::{self, CommandSet};
use crate::exporter::Exporter;
use crate::finding::Finding;
use crate::firewall::{self, Firewall};
use crate::format::{Address, MIB, Size};
use crate::layout::Layout;
use crate::load::Loaded;
use crate::model::Model;
use crate::profile::{EngineKind, Environment, Exposure, Profile};
use crate::rename::Renames;

/// Makes the model.
///
/// # Errors
/// The line of the engine is unknown: then nothing else can be judged.
pub fn resolve(loaded: &Loaded, profile: Profile, source: &str) -> Result<Model, Finding> {
    let Some(line) = engine::line(profile.engine.kind, profile.engine.version) else {
        let known = engine::known_lines(profile.engine.kind).join(", ");
        // With a version of the defaults, it is the kind that the profile chose.
        let at = |path: &str| loaded.tree.locate(&crate::path::Path::parse(path).unwrap_or_default()).span();
        let own = |path: &&str| loaded.sources.get(at(path).file).is_some_and(|source| !source.embedded);
        let path = ["engine.version", "engine.kind"].into_iter().find(own).unwrap_or("engine.version");
        let span = at(path);
        return Err(Finding::structure(
            "engine-line-unknown",
            span,
            format!("redisgen does not know this line of {}", profile.engine.kind.word()),
        )
        .at(&path)
        .help(format!("state a `version` of a known line: {known}; every patch of them is fine")));
    };
    let denied =
        acl::denied(line, &profile.commands.disabled).unwrap_or_else(|_| CommandSet::none(line.commands.len()));
    let project = project(&profile);
    let users = users::users(&profile, line, &denied);
    let server_names = server_names(&profile);
    Ok(Model {
        accounts: users_acl::accounts(line, &users),
        source: source.to_owned(),
        digest: loaded.digest.clone(),
        line,
        users,
        renames: Renames::new(line, &profile.commands, &denied),
        denied,
        maxmemory: maxmemory(&profile),
        image: image(&profile),
        published: published(&profile),
        allowed: allowed(&profile),
        exporter: Exporter::new(&profile, &project, &server_names),
        server_names,
        app_bridge: format!("{}-app", firewall::tag(&project)),
        edge_bridge: format!("{}-pub", firewall::tag(&project)),
        layout: Layout::container(),
        firewall: Firewall::new(&profile, &project),
        project,
        profile,
    })
}

/// Five eighths of the container's limit: while a snapshot is written, changed pages exist twice. With
/// equal numbers the kernel ended the container under load, at this share it held (measured).
fn maxmemory(profile: &Profile) -> Option<Size> {
    let resources = &profile.resources;
    resources.maxmemory.or_else(|| resources.memory.map(|memory| Size((memory.0 / 8 * 5 / MIB).max(1) * MIB)))
}

/// The official Debian image; Debian's release changed with Redis 8.4.
fn image(profile: &Profile) -> String {
    let engine = &profile.engine;
    if let Some(image) = &engine.image {
        return image.to_string();
    }
    match engine.kind {
        EngineKind::Redis if engine.version.line >= (8, 4) => format!("redis:{}-trixie", engine.version),
        EngineKind::Redis => format!("redis:{}-bookworm", engine.version),
        EngineKind::Valkey => format!("valkey/valkey:{}", engine.version),
    }
}

fn published(profile: &Profile) -> Vec<Address> {
    let loopback = || vec![Address(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST))];
    match profile.network.exposure {
        Exposure::Internal => Vec::new(),
        Exposure::Localhost => loopback(),
        Exposure::Allowlist | Exposure::Open if profile.network.listen.is_empty() => vec![
            Address(std::net::IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED)),
            Address(std::net::IpAddr::V6(std::net::Ipv6Addr::UNSPECIFIED)),
        ],
        Exposure::Allowlist | Exposure::Open => profile.network.listen.clone(),
    }
}

fn allowed(profile: &Profile) -> Allowlist {
    match profile.network.exposure {
        Exposure::Allowlist => Allowlist::new(&profile.network.allow),
        Exposure::Internal | Exposure::Localhost | Exposure::Open => Allowlist::default(),
    }
}

fn server_names(profile: &Profile) -> Vec<String> {
    let names = profile.network.hostname.iter().chain(&profile.tls.names).map(ToString::to_string);
    let names: Vec<String> = names.chain(profile.tls.addresses.iter().map(ToString::to_string)).collect();
    users::unique(&names)
}

fn project(profile: &Profile) -> String {
    match profile.environment {
        Environment::Production => profile.name.to_string(),
        Environment::Development => format!("{}-dev", profile.name),
    }
}
