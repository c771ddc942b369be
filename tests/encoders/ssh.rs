//! Words of `ssh_config`, told again by `ssh -G`.

use std::process::Command;

use redisgen::encode;

use crate::common::{Room, text_of};
use crate::nasty::{batches, same, taken};

/// ssh takes a hundred of these.
const MOST: usize = 100;

#[test]
fn words_for_ssh_arrive() {
    let room = Room::new();
    batches(|texts| {
        let mut pairs = taken(texts, encode::ssh_config)?;
        // Of two equal ones ssh keeps one.
        pairs.sort();
        pairs.dedup();
        for some in pairs.chunks(MOST) {
            let lines: String = some.iter().map(|(_, written)| format!("  IdentityFile {written}\n")).collect();
            let comments: String =
                texts.iter().filter_map(|text| encode::comment(text).ok()).map(|text| format!("# {text}\n")).collect();
            room.file("ssh_config", format!("{comments}Host a\n{comments}{lines}"));
            let told = text_of(Command::new("ssh").arg("-G").arg("-F").arg(room.path("ssh_config")).arg("a"));
            let read: Vec<String> =
                told.lines().filter_map(|line| line.strip_prefix("identityfile ")).map(str::to_owned).collect();
            same(some, &read)?;
        }
        Ok(())
    });
    // Names, one at a time: ssh has one of each for a host.
    batches(|texts| {
        let pairs = taken(&texts[..texts.len().min(40)], encode::ssh_config)?;
        let hosts: String = pairs
            .iter()
            .enumerate()
            .map(|(place, (_, written))| format!("Host h{place}\n  User {written}\n"))
            .collect();
        room.file("ssh_config", hosts);
        for (place, pair) in pairs.iter().enumerate() {
            let told =
                text_of(Command::new("ssh").arg("-G").arg("-F").arg(room.path("ssh_config")).arg(format!("h{place}")));
            let read: Vec<String> =
                told.lines().filter_map(|line| line.strip_prefix("user ")).map(str::to_owned).collect();
            same(std::slice::from_ref(pair), &read)?;
        }
        Ok(())
    });
}
