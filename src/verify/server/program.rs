//! The server program: which one, and what it is.

use std::path::PathBuf;
use std::time::Duration;

use crate::engine::{self, Line};
use crate::format::EngineVersion;
use crate::model::Model;
use crate::profile::EngineKind;
use crate::verify::Options;
use crate::verify::check::Trouble;
use crate::verify::process;

/// A server that can be started.
#[derive(Clone, Debug)]
pub(super) struct Program {
    /// Its file.
    pub path: PathBuf,
    /// What it is, by its own word.
    pub kind: EngineKind,
    /// The same.
    pub version: EngineVersion,
    /// What we know of its line.
    pub line: &'static Line,
}

impl Program {
    /// Takes the one that was named, else the one on PATH.
    pub(super) fn find(model: &Model, options: &Options) -> Result<Program, Trouble> {
        let name = match model.profile.engine.kind {
            EngineKind::Redis => "redis-server",
            EngineKind::Valkey => "valkey-server",
        };
        let path = match &options.server {
            Some(path) if !process::is_program(path) => {
                return Trouble::failed(format!("--server: {} cannot be started", path.display()));
            }
            // The server is started in other folders than this one. Links stay: one program is server, check and client by
            // the name that it is called.
            Some(path) => std::path::absolute(path).map_err(|error| Trouble::Failed(format!("--server: {error}")))?,
            None => process::find(name).ok_or_else(|| {
                let package = match model.profile.engine.kind {
                    EngineKind::Redis => name.to_owned(),
                    // Debian 12 has none.
                    EngineKind::Valkey => format!("{name}, which Debian has from 13 on"),
                };
                Trouble::missing(format!("no `{name}` on PATH"), format!("install {package}, or name one by --server"))
            })?,
        };
        let said = process::run(process::command(&path).arg("--version"), Duration::from_secs(10))?;
        let Some((kind, version)) = read(&said.out) else {
            return Trouble::failed(format!(
                "{}: no version of Redis or Valkey in {:?}",
                path.display(),
                said.all().trim()
            ));
        };
        let line = engine::line(kind, version).ok_or_else(|| {
            Trouble::missing(
                format!("{} is {} {version}, a line that redisgen does not know", path.display(), kind.word()),
                "name another one by --server",
            )
        })?;
        if kind != model.profile.engine.kind {
            return Err(Trouble::missing(
                format!(
                    "{} is {}, the profile asks for {}",
                    path.display(),
                    kind.word(),
                    model.profile.engine.kind.word()
                ),
                "name another one by --server",
            ));
        }
        Ok(Program { path, kind, version, line })
    }

    /// As people call it.
    pub(super) fn name(&self) -> String {
        format!("{} {}", self.kind.word(), self.version)
    }
}

/// Kind and version out of `Redis server v=7.0.15 sha=…`.
fn read(text: &str) -> Option<(EngineKind, EngineVersion)> {
    let kind = if text.starts_with("Valkey ") { EngineKind::Valkey } else { EngineKind::Redis };
    let version = text.split(' ').find_map(|word| word.strip_prefix("v="))?;
    Some((kind, version.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_say_what_they_are() {
        let (kind, version) =
            read("Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64 build=x").expect("read");
        assert_eq!((kind, version.to_string().as_str()), (EngineKind::Redis, "7.0.15"));
        let (kind, version) = read("Valkey server v=9.1.2 sha=00000000:0").expect("read");
        assert_eq!((kind, version.to_string().as_str()), (EngineKind::Valkey, "9.1.2"));
        assert!(read("nginx version: nginx/1.22.1").is_none());
    }
}
