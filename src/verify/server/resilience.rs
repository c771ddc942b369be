//! What happens under load, at the end, and after it: limits, the health check, a clean stop, a restart with the data there,
//! and a server that finds only locked passwords.

use std::path::Path;
use std::time::Duration;

use super::running::Running;
use crate::artefact::redis_conf::effective;
use crate::engine::memory;
use crate::folder::Folder;
use crate::format::MIB;
use crate::model::{HEALTH, Login, Model};
use crate::profile::Aof;
use crate::verify::check::{Check, Outcome, Trouble};
use crate::verify::interrupt;
use crate::verify::process;
use crate::verify::reply::Reply;
use crate::verify::wire::Connection;

pub(super) const CHECKS: &[Check<Running>] = &[
    Check {
        id: "health-green",
        title: "The health check passes on a healthy server",
        applies: |_| true,
        prove: health_green,
    },
    Check {
        id: "health-red",
        title: "The health check fails with wrong credentials",
        applies: Model::passwords,
        prove: health_red,
    },
    Check {
        id: "memory-limit",
        title: "The memory limit holds",
        applies: |model| model.maxmemory.is_some(),
        prove: memory_limit,
    },
    Check {
        id: "output-limit",
        title: "A client that does not read is dropped before it fills the memory",
        applies: |model| output_limit(model).is_some(),
        prove: drops_slow_readers,
    },
    Check { id: "clean-stop", title: "SIGTERM ends the server cleanly", applies: |_| true, prove: clean_stop },
    Check {
        id: "restart",
        title: "After a restart the data is there",
        applies: |model| {
            model.profile.persistence.aof != Aof::Disabled || !model.profile.persistence.snapshots.is_empty()
        },
        prove: restart,
    },
    Check {
        id: "locked-users",
        title: "With the reviewed, locked users nobody gets in",
        applies: Model::passwords,
        prove: locked_users,
    },
];

/// Prefix of what these checks store.
const KEY: &str = "redisgen-verify:";

/// The program that the health check starts. The tree's runs with the container's PATH, on the host's `/usr`.
fn client_program(server: &Running) -> Result<(), Trouble> {
    let name = crate::artefact::cli(&server.model);
    let found = process::need(name, "redis-tools or valkey-tools")?;
    let seen = ["/usr/sbin", "/usr/bin", "/sbin", "/bin"].map(|folder| Path::new(folder).join(name));
    if server.site.is_tree() && !seen.iter().any(|path| process::is_program(path)) {
        return Err(Trouble::missing(
            format!("{} is not where the server's files have programs", found.display()),
            format!("have `{name}` in /usr/bin, or leave --dir out"),
        ));
    }
    Ok(())
}

fn health_green(server: &mut Running) -> Outcome {
    client_program(server)?;
    let said = server.health()?;
    if said.well() { Ok("ended with 0".to_owned()) } else { Trouble::failed(said.told()) }
}

fn health_red(server: &mut Running) -> Outcome {
    client_program(server)?;
    let name = format!("{HEALTH}.password");
    let folder = Folder::open(&server.site.secrets).map_err(Trouble::Failed)?;
    let right = folder.read(&name).map_err(Trouble::Failed)?;
    let Some((right, mode)) = right else { return Trouble::failed(format!("{name} is missing")) };
    let put = |bytes: &[u8]| {
        folder.stage(&name, bytes, mode, false).and_then(crate::folder::Staged::commit).map_err(Trouble::Failed)
    };
    put(b"redisgen-wrong")?;
    let wrong = server.health();
    put(&right)?;
    if wrong?.well() {
        return Trouble::failed("it passes with a wrong password");
    }
    // Right again: what failed was the password.
    health_green(server)
}

/// Largest limit that is really filled.
const MOST: u64 = 1024 * MIB;
/// What is written at once.
const CHUNK: u64 = 4 * MIB;

fn memory_limit(server: &mut Running) -> Outcome {
    let limit = server.model.maxmemory.map_or(0, |size| size.0);
    if limit > MOST {
        return Err(Trouble::missing(
            format!("filling {limit} bytes could harm this machine; the setting itself is proven by `settings`"),
            format!("prove a profile with at most {MOST} bytes"),
        ));
    }
    let mut connection = server.prover()?;
    let result = fill(&mut connection, limit);
    for place in 0..=writes(limit) {
        connection.call(&["DEL", &format!("{KEY}{place}")])?;
    }
    result
}

fn writes(limit: u64) -> u64 {
    limit / CHUNK * 3 / 2 + 8
}

/// Writes half as much again as there is room for.
fn fill(connection: &mut Connection, limit: u64) -> Outcome {
    let offset = (CHUNK - 1).to_string();
    let mut refused = 0;
    for place in 0..writes(limit) {
        match connection.call(&["SETRANGE", &format!("{KEY}{place}"), &offset, "x"])? {
            Reply::Error(error) if error.starts_with("OOM ") => refused += 1,
            Reply::Number(_) => {}
            other => return Trouble::failed(format!("SETRANGE: {other}")),
        }
    }
    let used = number(&info(connection, "memory")?, "used_memory");
    let evicted = number(&info(connection, "stats")?, "evicted_keys");
    // The last write may be over it; the next one is refused, or evicts.
    if used > limit + 2 * CHUNK {
        return Trouble::failed(format!("{used} bytes are used, {limit} is the limit"));
    }
    match (refused, evicted) {
        (0, 0) => Trouble::failed("nothing was refused and nothing evicted"),
        (0, evicted) => Ok(format!("{used} of {limit} bytes used, {evicted} keys evicted")),
        (refused, _) => Ok(format!("{used} of {limit} bytes used, {refused} writes refused")),
    }
}

fn info(connection: &mut Connection, section: &str) -> Result<String, Trouble> {
    let reply = connection.call(&["INFO", section])?;
    reply.text().ok_or_else(|| Trouble::Failed(format!("INFO: {reply}")))
}

fn number(info: &str, name: &str) -> u64 {
    let line = info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.and_then(|number| number.trim().parse().ok()).unwrap_or(0)
}

/// Bytes that a client may leave unread at once, if they are limited.
fn output_limit(model: &Model) -> Option<u64> {
    let lines = crate::artefact::redis_conf::settings(model);
    let words = lines.filter(|(name, _)| name == "client-output-buffer-limit").map(|(_, words)| words);
    let normal = words.into_iter().find(|words| words.first().is_some_and(|class| class == "normal"))?;
    normal.get(1).and_then(|hard| memory(hard)).and_then(|hard| u64::try_from(hard).ok()).filter(|hard| *hard > 0)
}

fn drops_slow_readers(server: &mut Running) -> Outcome {
    let limit = output_limit(&server.model).unwrap_or(0);
    let mut connection = server.prover()?;
    let key = format!("{KEY}output");
    let room = effective(&server.model, "maxmemory").and_then(|words| memory(&words)).filter(|room| *room > 0);
    // A small memory limit leaves room for a small value.
    let size = room.map_or(CHUNK, |room| u64::try_from(room).unwrap_or(CHUNK).min(CHUNK * 8) / 8).max(1024);
    connection.call(&["SETRANGE", &key, &(size - 1).to_string(), "x"])?;
    let count = limit / size + 8;
    // Not GET: Valkey from 9.0 sends its answer out of the value, and such an answer fills no buffer.
    let whole = ["GETRANGE", key.as_str(), "0", "-1"];
    // The control: who reads is served.
    for _ in 0..count.min(24) {
        let reply = connection.call(&whole)?;
        if !matches!(&reply, Reply::Text(Some(bytes)) if bytes.len() as u64 == size) {
            return Trouble::failed(format!("the control: {reply}"));
        }
    }
    let mut deaf = server.prover()?;
    let id = deaf.call(&["CLIENT", "ID"])?.text().unwrap_or_default();
    for _ in 0..count {
        // The server may hang up meanwhile.
        if deaf.send(&whole).is_err() {
            break;
        }
    }
    let dropped = interrupt::wait(Duration::from_secs(10), || {
        let list = connection.call(&["CLIENT", "LIST"])?.text().unwrap_or_default();
        Ok((!list.contains(&format!("id={id} "))).then_some(()))
    })?;
    connection.call(&["DEL", &key])?;
    if dropped.is_some() {
        Ok(format!("dropped at {limit} bytes"))
    } else {
        Trouble::failed(format!("{} bytes wait for it", size * count))
    }
}

fn clean_stop(server: &mut Running) -> Outcome {
    let reply = server.prover()?.call(&["SET", &format!("{KEY}kept"), "kept"])?;
    if reply != Reply::Status("OK".to_owned()) {
        return Trouble::failed(format!("SET: {reply}"));
    }
    server.stop()
}

fn restart(server: &mut Running) -> Outcome {
    server.start()?;
    let reply = server.prover()?.call(&["GET", &format!("{KEY}kept")])?;
    match reply.text() {
        Some(text) if text == "kept" => Ok(String::new()),
        _ => Trouble::failed(format!("GET: {reply}")),
    }
}

/// As if somebody mounted the reviewed file in place of the sealed one.
fn locked_users(server: &mut Running) -> Outcome {
    let locked = server.locked()?;
    server.start_with(&locked)?;
    let mut count = 0;
    for user in server.model.users.iter().filter(|user| user.login == Login::Password) {
        match server.user(user) {
            Err(reason) if reason.0.starts_with("WRONGPASS ") => count += 1,
            Err(reason) => return Trouble::failed(format!("{}: {reason}", user.name)),
            Ok(_) => return Trouble::failed(format!("{} got in", user.name)),
        }
    }
    let reply = server.stranger()?.call(&["PING"])?;
    if reply.is_refusal() { Ok(format!("{count} users refused")) } else { Trouble::failed(format!("PING: {reply}")) }
}
