//! What a folder may look like while redisgen writes there, and afterwards.

use redisgen::certificate::Certificate;

use crate::common::{Entry, Room, Tree, content};

/// True for the names that files have before they have their own.
pub fn is_temporary(path: &str) -> bool {
    path.ends_with(".tmp")
}

/// Nobody but the owner gets at a secret, wherever it lies just now.
pub fn closed(tree: &Tree, when: &str) {
    let secrets: Vec<&Entry> =
        tree.iter().filter(|(path, entry)| secret(path, entry)).map(|(_, entry)| entry).collect();
    for (path, entry) in tree.iter().filter(|(path, entry)| entry.kind == 'f' && open(tree, path)) {
        assert!(!path.contains("secrets/"), "{when}: others can read {path}");
        let text = String::from_utf8_lossy(&entry.bytes);
        assert!(!text.contains("PRIVATE KEY"), "{when}: others can read a key in {path}");
        for secret in &secrets {
            assert!(
                !text.contains(&*String::from_utf8_lossy(&secret.bytes)),
                "{when}: others can read a secret in {path}"
            );
        }
    }
    for (path, entry) in tree {
        // Even inside, the authority's key is for its owner alone.
        let key = path.contains("/secrets/ca/") && entry.kind == 'f';
        assert!(!key || entry.mode & 0o077 == 0, "{when}: {path} has mode {:o}", entry.mode);
        // Half a file is its owner's, and so is what had no time to get its mode.
        let half = is_temporary(path) && !entry.bytes.ends_with(b"\n") && !path.contains("password");
        assert!(!half || entry.mode & 0o077 == 0, "{when}: {path} is half and has mode {:o}", entry.mode);
    }
}

/// True for a file whose content must stay secret.
fn secret(path: &str, entry: &Entry) -> bool {
    entry.kind == 'f'
        && !entry.bytes.is_empty()
        && path.contains("secrets/")
        && (path.contains("password") || path.contains(".key"))
}

/// True if others can read it: its own mode, and a way through every folder.
fn open(tree: &Tree, path: &str) -> bool {
    let folders = path.match_indices('/').map(|(end, _)| &path[..end]);
    let way = |bits: u32| folders.clone().all(|folder| tree.get(folder).is_none_or(|entry| entry.mode & bits != 0));
    let mode = tree[path].mode;
    mode & 0o040 != 0 && way(0o010) || mode & 0o004 != 0 && way(0o001)
}

/// Each file is the old one or the new one; of random ones, some whole one.
pub fn old_or_new(before: &Tree, after: &Tree, now: &Tree, when: &str) {
    let (before, after) = (content(before), content(after));
    for (path, it) in content(now) {
        if it.0 != 'f' || is_temporary(path) || before.get(path) == Some(&it) || after.get(path) == Some(&it) {
            continue;
        }
        // Made anew in this run, so its bytes are known to nobody.
        let text = String::from_utf8_lossy(it.2);
        let name = path.rsplit('/').next().unwrap_or(path);
        let whole = path.starts_with("deploy/secrets/")
            && match name.rsplit_once('.').map_or(name, |(_, end)| end) {
                "crt" | "key" => text.starts_with("-----BEGIN ") && text.ends_with("-----\n"),
                "password" | "new" | "old" => text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit()),
                "acl" => text.ends_with('\n') && text.lines().all(|line| line.starts_with("user ")),
                "toml" | "json" => text.ends_with('\n'),
                _ => false,
            };
        assert!(whole, "{when}: {path} (mode {:o}) is neither the old nor the new one:\n{text}", it.1);
        let modes: Vec<u32> = [before.get(path), after.get(path)].into_iter().flatten().map(|it| it.1).collect();
        assert!(modes.is_empty() || modes.contains(&it.1), "{when}: {path} has mode {:o}", it.1);
    }
    // What was there before and stays is not gone in between.
    for path in before.keys().filter(|path| after.contains_key(*path)) {
        assert!(now.contains_key(*path), "{when}: {path} is gone");
    }
}

/// The deployment is one piece: files as the profile says, passwords sealed, certificates of one authority, and a build
/// has nothing more to do.
pub fn consistent(room: &Room, when: &str) {
    let before = room.tree("");
    let out = room.run(["build", "p.yaml"]);
    assert_eq!(out.code, Some(0), "{when}: {}", out.stderr);
    assert!(!out.stderr.contains("secrets: made") && !out.stderr.contains("  note: "), "{when}: {}", out.stderr);
    assert!(content(&before) == content(&room.tree("")), "{when}: a build had something left to do");
    let sealed = room.read("deploy/secrets/server/users.acl");
    let authority = Certificate::parse(&room.read("deploy/secrets/server/ca.crt")).expect("an authority");
    for (path, entry) in before.iter().filter(|(path, _)| path.contains("/secrets/")) {
        let text = String::from_utf8_lossy(&entry.bytes);
        if path.ends_with("password") && !path.contains("/exporter/") {
            assert!(sealed.contains(&redisgen::lock::sha256(text.as_bytes())), "{when}: {path} is not sealed");
        }
        if path.ends_with(".crt") && !path.ends_with("/ca.crt") {
            let leaf = Certificate::parse(&text).expect("a certificate");
            assert!(leaf.signed_by(&authority), "{when}: {path} is another authority's");
            let key = redisgen::certificate::read_key(&room.read(&path.replace(".crt", ".key"))).expect("a key");
            assert!(leaf.belongs_to(&key), "{when}: {path} and its key are no pair");
        }
    }
}
