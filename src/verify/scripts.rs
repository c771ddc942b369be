//! Level `scripts`: shellcheck reads every shell script of the tree.

use std::time::Duration;

use super::Bench;
use super::check::Trouble;
use super::process;

/// Takes the scripts of the lab's tree; gives a record for each.
pub(super) fn prove(bench: &mut Bench<'_>) -> Result<(), Trouble> {
    let shellcheck = process::need("shellcheck", "shellcheck")?;
    let limit = Duration::from_mins(1);
    let version = process::run(process::command(&shellcheck).arg("--version"), limit)?;
    let number = version.out.lines().find_map(|line| line.strip_prefix("version: ")).unwrap_or_default();
    bench.judge("shellcheck", number);
    let scripts = bench.lab.files.iter().filter(|file| file.bytes.starts_with(b"#!/bin/sh"));
    for script in scripts {
        let title = format!("shellcheck has nothing to say of {}", script.path);
        bench.prove(&script.path, &title, || {
            // No configuration of the user's, who may have switched warnings off.
            let mut command = process::command(&shellcheck);
            command
                .current_dir(bench.lab.tree())
                .args(["--norc", "--shell", "sh", "--format", "gcc"])
                .arg(&script.path);
            let said = process::run(&mut command, limit)?;
            if said.well() { Ok(String::new()) } else { Trouble::failed(said.all()) }
        });
    }
    Ok(())
}
