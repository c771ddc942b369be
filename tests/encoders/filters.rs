//! Words of files for nft and iptables-restore, read in a network namespace of its own and told again.

use std::path::Path;
use std::process::Command;

use proptest::prelude::*;
use redisgen::encode;
use serde_json::Value;

use crate::common::{Room, text_of};
use crate::nasty::{batches, same, taken};

/// Runs a script in a network namespace that ends with it.
fn inside(script: &str, folder: &Path) -> String {
    text_of(Command::new("unshare").args(["--map-root-user", "--net", "sh", "-eu", "-c", script]).current_dir(folder))
}

/// The kernel keeps comments of 127 bytes for nft and 255 for iptables.
fn short(texts: &[String]) -> Vec<String> {
    texts.iter().filter(|text| text.len() <= 100).cloned().collect()
}

#[test]
fn words_of_nftables_arrive() {
    let room = Room::new();
    batches(|texts| {
        // Every word of ours starts so, since a keyword stays one for nft.
        let texts: Vec<String> = short(texts).iter().map(|text| format!("rg-{text}")).collect();
        for text in texts.iter().filter(|text| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')) {
            prop_assert!(encode::nft(text).is_ok(), "{:?} is refused", text);
        }
        let pairs = taken(&texts, encode::nft)?;
        let rules: String = pairs.iter().map(|(_, written)| format!("counter comment {written}\n")).collect();
        let comments: String =
            texts.iter().filter_map(|text| encode::comment(text).ok()).map(|text| format!("# {text}\n")).collect();
        room.file("rules.nft", format!("{comments}table inet t {{\nchain c {{\n{comments}{rules}}}\n}}\n"));
        let told = inside("nft -f rules.nft; nft -j list chain inet t c", &room.path(""));
        let told: Value = serde_json::from_str(&told).expect("JSON of nft");
        let rules = told["nftables"].as_array().expect("a list").iter().filter(|entry| !entry["rule"].is_null());
        let read: Vec<String> = rules.map(|entry| entry["rule"]["comment"].as_str().unwrap_or("").to_owned()).collect();
        same(&pairs, &read)
    });
}

#[test]
fn words_of_iptables_arrive() {
    let room = Room::new();
    batches(|texts| {
        let texts = short(texts);
        let pairs = taken(&texts, encode::iptables)?;
        let rules: String =
            pairs.iter().map(|(_, written)| format!("-A INPUT -m comment --comment {written} -j ACCEPT\n")).collect();
        let comments: String =
            texts.iter().filter_map(|text| encode::comment(text).ok()).map(|text| format!("# {text}\n")).collect();
        room.file("rules.v4", format!("{comments}*filter\n{comments}{rules}COMMIT\n"));
        let told = inside("iptables-restore rules.v4; iptables-save", &room.path(""));
        // iptables-save quotes what has blanks, and of what we write escapes a single quote only.
        let rules = told.lines().filter_map(|line| line.strip_prefix("-A INPUT -m comment --comment "));
        let read = rules.map(|rest| rest.strip_suffix(" -j ACCEPT").unwrap_or(rest));
        let bare = |word: &str| {
            word.strip_prefix('"').and_then(|word| word.strip_suffix('"')).unwrap_or(word).replace("\\'", "'")
        };
        same(&pairs, &read.map(bare).collect::<Vec<_>>())
    });
}
