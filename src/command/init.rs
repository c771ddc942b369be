//! `redisgen init`: a starter profile that explains itself.

use std::path::Path;

use super::Exit;
use crate::console;
use crate::folder::Folder;

/// The starter of an environment.
pub(super) fn starter(environment: &str) -> &'static str {
    match environment {
        "development" => include_str!("../../schema/starter/development.yaml"),
        _ => include_str!("../../schema/starter/production.yaml"),
    }
}

pub(super) fn run(environment: &str, file: Option<&Path>) -> Result<Exit, String> {
    let text = starter(environment);
    let Some(path) = file else {
        console::out(text);
        return Ok(Exit::Fine);
    };
    let name = path
        .file_name()
        .and_then(|name| name.to_str())
        .ok_or_else(|| format!("{}: not a file name", path.display()))?;
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let folder = Folder::open(&parent.canonicalize().map_err(|error| format!("{}: {error}", parent.display()))?)?;
    if std::fs::symlink_metadata(path).is_ok() {
        return Err(format!("{}: exists already", path.display()));
    }
    folder.stage(name, text.as_bytes(), 0o644, false)?.commit()?;
    let path = crate::encode::shell(&path.display().to_string());
    console::err(&format!("wrote {path}; next: redisgen build {path}\n"));
    Ok(Exit::Fine)
}
