//! `application_encryption: fernet`: what Redis and its disk hold, what the keys do, and where they come from.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use crate::deployment::{Deployment, replaced};
use crate::lab::{Lab, Steps, clear, encrypted, printed};

const MARK: &[u8] = b"MARK of a patient's file";

/// Files of the server's data folder that hold the mark, and how many there are.
fn with_mark(folder: &Path) -> (usize, usize) {
    let (mut marked, mut all) = (0, 0);
    for entry in fs::read_dir(folder).expect("folder") {
        let path = entry.expect("entry").path();
        let (below, files) = if path.is_dir() {
            with_mark(&path)
        } else {
            let bytes = fs::read(&path).expect("readable");
            (usize::from(bytes.windows(MARK.len()).any(|window| window == MARK)), 1)
        };
        marked += below;
        all += files;
    }
    (marked, all)
}

#[test]
fn no_plaintext_reaches_the_disk() {
    for (profile, in_clear) in [(encrypted(), false), (clear(), true)] {
        let deployment = Deployment::build(&profile);
        let lab = Lab::new(&deployment);
        let script = "
from redis_sessions import SessionStore
say(SessionStore(connect()).create({'note': \"MARK of a patient's file\"}).id)
";
        let id = printed(&mut lab.python(script));
        assert_eq!(lab.admin("save"), "OK");
        lab.server.signal("TERM");
        while Path::new(&format!("/proc/{}/exe", lab.server.pid())).exists() {
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        let (marked, files) = with_mark(&deployment.data());
        assert!(files >= 3, "{files} files: a snapshot and an append-only file");
        // The control: without encryption both of them show it.
        assert_eq!(marked >= 2, in_clear, "{marked} of {files}");
        assert!(!id.is_empty());
    }
}

/// A record belongs to its key and to the keys of the file; a changed one is none.
#[test]
fn records_cannot_be_swapped_or_changed() {
    let deployment = Deployment::build(&encrypted());
    let lab = Lab::new(&deployment);
    let script = "
from redis_sessions import SessionStore
store = SessionStore(connect())
mine, other = store.create({'user': 'me'}), store.create({'user': 'admin'})
say(store._records.key(mine.id), store._records.key(other.id))
input()
say(store.load(mine.id), store.load(other.id).data)
input()
say(store.load(other.id))
input()
say(store.load(mine.id).data)
";
    let mut steps = Steps::start(&mut lab.python(script));
    let keys = steps.said();
    let (mine, other) = keys.split_once(' ').expect("two keys");
    let (kept, theirs) = (lab.admin(&format!("get {mine}")), lab.admin(&format!("get {other}")));
    assert!(kept.starts_with("gAAAAA") && theirs.starts_with("gAAAAA"), "tokens of Fernet");
    assert_eq!(lab.admin(&format!("set {mine} {theirs}")), "OK");
    assert_eq!(steps.next(), "None {'user': 'admin'}");
    let changed = theirs.replace(&theirs[20..21], if &theirs[20..21] == "A" { "B" } else { "A" });
    assert_eq!(lab.admin(&format!("set {other} {changed}")), "OK");
    assert_eq!(steps.next(), "None");
    // The control: back at its place it is read.
    assert_eq!(lab.admin(&format!("set {mine} {kept}")), "OK");
    assert_eq!(steps.next(), "{'user': 'me'}");
}

/// The procedure that the module's text tells, in a process that goes on running.
#[test]
fn keys_are_changed_without_a_session_lost() {
    let deployment = Deployment::build(&encrypted());
    let lab = Lab::new(&deployment);
    let script = "
from dataclasses import replace
from cryptography.fernet import Fernet
from redis_sessions import SessionStore
client = connect()
store = SessionStore(client)
first, second = store.create({'n': 1}), store.create({'n': 2})
# Only now: whoever hears the key replaces the file, and a store must not read a half of it.
say(Fernet.generate_key().decode())
def by(key, session):
    try:
        Fernet(key).decrypt(client.get(store._records.key(session.id)))
        return 'new'
    except Exception:
        return 'old'
new = input()
say(store.load(first.id).data, store.save(first), by(new, first))
input()
say(store.load(first.id).data, by(new, first), store.save(first), by(new, first), by(new, store.create({})), store.load(second.id).data)
input()
say(store.load(first.id).data, store.load(second.id))
input()
try:
    say(store.create({}))
except ValueError:
    say('refused')
";
    let mut steps = Steps::start(&mut lab.python(script));
    let file = deployment.secret("clients/sessionapp/fernet.keys");
    let (old, new) = (fs::read_to_string(&file).expect("keys"), steps.said());
    let put = |text: String| fs::write(&file, text).expect("written");
    put(format!("{old}\n{new}\n"));
    steps.line(&new);
    assert_eq!(steps.said(), "{'n': 1} True old", "step 1: it is known");
    put(format!("{new}\n{old}\n"));
    assert_eq!(steps.next(), "{'n': 1} old True new new {'n': 2}", "step 2: it encrypts, and both are read");
    put(format!("{new}\n"));
    assert_eq!(steps.next(), "{'n': 1} None", "step 3: what only the old one could read is gone");
    put("\n".to_owned());
    assert_eq!(steps.next(), "refused", "without a key nothing is stored");
}

/// `build` makes a key for each application that keeps sessions, once.
#[test]
fn build_makes_keys_and_keeps_them() {
    let two = replaced(
        &encrypted(),
        "  - { name: monitor, role: monitoring }\n",
        "  - { name: shop, role: application, keys: [\"shop:*\"] }\n  - { name: idle, role: application, keys: [\"idle:*\"], enabled: false }\n",
    );
    let deployment = Deployment::build(&two);
    let file = |user: &str| deployment.secret(&format!("clients/{user}/fernet.keys"));
    let (first, second) = (fs::read(file("sessionapp")).expect("key"), fs::read(file("shop")).expect("key"));
    assert!(first != second && first.len() == 44, "32 bytes in Base64 each");
    for user in ["admin", "readonly", "idle"] {
        assert!(!file(user).exists(), "{user} keeps no sessions");
    }
    assert_eq!(fs::metadata(file("shop")).expect("key").permissions().mode() & 0o7777, 0o644, "below secrets/, 0700");
    deployment.rebuild(&two);
    assert_eq!(fs::read(file("sessionapp")).expect("key"), first);
    // A person's file stays, whatever its order; a damaged one stops the build before anything is written.
    fs::write(file("shop"), [&second[..], b"\n\n", &first[..], b"\n"].concat()).expect("written");
    deployment.rebuild(&two);
    assert_eq!(fs::read(file("shop")).expect("key").len(), 91);
    for damaged in [&b""[..], b"\n", b"secret\n", &first[..43], &[&first[..], b" x"].concat(), b"\xff"] {
        fs::write(file("shop"), damaged).expect("written");
        let output = Command::new(env!("CARGO_BIN_EXE_redisgen"))
            .args(["build", "--deny", "error", "--out"])
            .arg(deployment.out())
            .arg(deployment.folder().join("profile.yaml"))
            .output()
            .expect("redisgen runs");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains("secrets/clients/shop/fernet.keys is damaged"), "{said}");
        assert!(!said.contains("secret\n"), "{said}");
        assert_eq!(fs::read(file("shop")).expect("key"), damaged);
    }
    // Without the wish there are none.
    assert!(!Deployment::build(&clear()).secret("clients/sessionapp/fernet.keys").exists());
}
