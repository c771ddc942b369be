//! Words of systemd units: systemd tells the path of a program that it does not find, as it read it.

use std::process::Command;

use proptest::prelude::*;
use redisgen::encode;

use crate::common::Room;
use crate::nasty::{batches, same, taken};

#[test]
fn words_of_units_arrive() {
    batches(|texts| {
        let room = Room::new();
        // systemd simplifies a path with empty parts and `.`; that is no question of words.
        let plain = |text: &&String| text.split('/').all(|part| !matches!(part, "" | "." | ".."));
        let texts: Vec<String> = texts.iter().filter(plain).cloned().collect();
        let mut pairs = taken(&texts, encode::unit)?;
        pairs.sort();
        let mut command = Command::new("systemd-analyze");
        command.args(["verify", "--recursive-errors=no"]).current_dir(room.path(""));
        let comments: String =
            texts.iter().filter_map(|text| encode::comment(text).ok()).map(|text| format!("# {text}\n")).collect();
        for (place, (_, written)) in pairs.iter().enumerate() {
            let name = format!("u{place:04}.service");
            let unit = format!(
                "[Unit]\nDescription={written}\n{comments}[Service]\nType=oneshot\nExecStart=/nowhere/{written} {written}\n"
            );
            room.file(&name, unit);
            command.arg(format!("./{name}"));
        }
        let told = command.output().expect("systemd-analyze starts: install the package systemd");
        let told = String::from_utf8_lossy(&told.stderr).into_owned();
        let mut read: Vec<String> = Vec::new();
        for line in told.lines() {
            let path = line.split_once(": Command /nowhere/").and_then(|(unit, rest)| {
                Some((unit, rest.strip_suffix(" is not executable: No such file or directory")?))
            });
            // Nothing else is wrong with the units, as a key that none was.
            prop_assert!(path.is_some(), "systemd says {}", line);
            read.extend(path.map(|(unit, path)| format!("{unit} {path}")));
        }
        read.sort();
        read.dedup();
        let read: Vec<String> =
            read.iter().filter_map(|line| line.split_once(' ')).map(|(_, path)| path.to_owned()).collect();
        same(&pairs, &read)
    });
}
