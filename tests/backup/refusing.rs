//! What must not be restored, and what is as before when it was tried.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::data::{Contents, same};
use crate::engine;
use crate::place::{Place, Said, said};
use crate::returning::beside;

/// A server with data that is newer than its backup.
struct Case {
    place: Place,
    file: PathBuf,
    before: Contents,
    pid: String,
}

impl Case {
    fn new(aof: &str) -> Case {
        let place = Place::running(&engine::debian(), aof);
        place.fill();
        let file = place.back_up();
        assert_eq!(place.tell("SET newer 1"), "OK");
        let (before, pid) = (place.contents(), place.pid());
        Case { place, file, before, pid }
    }

    /// A copy with other bytes; its SHA-256 fits.
    fn copy(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.place.path(name);
        fs::write(&path, bytes).expect("copy");
        let sum = redisgen::lock::sha256(bytes);
        fs::write(self.place.path(&format!("{name}.sha256")), format!("{sum}  {name}\n")).expect("sum");
        path
    }

    /// Refused before anything was done to the server or its data.
    #[track_caller]
    fn nothing_happens(&self, said: Said, code: i32, text: &str) {
        said.is(code, text);
        assert_eq!(self.place.pid(), self.pid, "the server was stopped");
        assert_eq!(beside(&self.place), Vec::<String>::new(), "something is left");
        same(text, &self.before, &self.place.contents());
    }

    /// Encrypts as backup.sh does.
    fn encrypted(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let plain = self.place.path("plain");
        fs::write(&plain, bytes).expect("plain");
        let key = fs::read_to_string(self.place.path("key")).expect("key");
        let recipient = key.lines().find_map(|line| line.strip_prefix("# public key: ")).expect("a public key");
        let output = Command::new("age").args(["--recipient", recipient]).arg(plain).output().expect("age runs");
        assert!(output.status.success());
        self.copy(name, &output.stdout)
    }

    fn snapshot(&self) -> Vec<u8> {
        let mut age = Command::new("age");
        let output = age.arg("--decrypt").arg("--identity").arg(self.place.path("key")).arg(&self.file).output();
        output.expect("age runs").stdout
    }
}

#[test]
fn damaged_and_foreign_backups_are_refused() {
    let case = Case::new("everysec");
    let place = &case.place;
    let bytes = fs::read(&case.file).expect("backup");
    let restore = |file: &Path| place.bring_back(file);

    // As a disk does it, without anybody's intent.
    let cut = case.copy("cut", &bytes);
    fs::write(&cut, &bytes[..bytes.len() - 1]).expect("cut");
    case.nothing_happens(restore(&cut), 1, "its SHA-256 is another");
    fs::remove_file(place.path("cut.sha256")).expect("removed");
    case.nothing_happens(restore(&cut), 2, "there is no");
    case.nothing_happens(restore(&place.path("absent")), 2, "there is no");

    // As somebody does it, who mends the sum as well.
    let ways: [fn(&mut Vec<u8>); 5] = [
        |bytes| bytes.truncate(bytes.len() - 1),
        |bytes| bytes.truncate(bytes.len() / 2),
        |bytes| bytes.truncate(0),
        |bytes| *bytes.last_mut().expect("a byte") ^= 1,
        |bytes| bytes.push(0),
    ];
    for way in ways {
        let mut changed = bytes.clone();
        way(&mut changed);
        case.nothing_happens(restore(&case.copy("changed", &changed)), 1, "age refuses the backup");
    }
    for at in [30, bytes.len() / 3, bytes.len() * 2 / 3] {
        let mut changed = bytes.clone();
        changed[at] ^= 0x20;
        case.nothing_happens(restore(&case.copy("changed", &changed)), 1, "age refuses the backup");
    }
    place.key("other-key");
    let (file, other) = (case.file.display().to_string(), place.path("other-key").display().to_string());
    case.nothing_happens(place.restore(&[&file, "--identity", &other, "--yes"]), 1, "age refuses the backup");

    // Encrypted well, and no whole snapshot.
    let plain = case.snapshot();
    let mut flipped = plain.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    for wrong in [&plain[..plain.len() - 9], &flipped, b"not a snapshot", b""] {
        case.nothing_happens(restore(&case.encrypted("wrong", wrong)), 1, "the snapshot is refused");
    }
    // The control: it is the very backup that is accepted.
    restore(&case.encrypted("right", &plain)).is(0, "the server is healthy");
    assert_eq!(place.tell("EXISTS newer"), "0");
}

#[test]
fn without_its_checks_restoring_loses_data() {
    let case = Case::new("everysec");
    let mut flipped = case.snapshot();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    let wrong = case.encrypted("wrong", &flipped);
    case.place.mutate(
        "replace.sh",
        "said=$(redis-check-rdb \"$STAGE/dump.rdb\" 2>&1)",
        "said='[info] 9 keys read\n[info] 0 already expired'",
    );
    let said = case.place.bring_back(&wrong).is(3, "--undo goes back");
    assert_ne!(case.place.pid(), case.pid, "{said:?}");
    // And that is what --undo is for.
    case.place.restore(&["--undo", "--yes"]).is(0, "the server is healthy");
    same("undone", &case.before, &case.place.contents());
}

#[test]
fn what_age_refuses_is_not_restored_for_its_first_part() {
    let case = Case::new("disabled");
    // All of the snapshot arrives, and then age, which reads in chunks, sees that the file is not what was made.
    let mut padded = case.snapshot();
    padded.resize(padded.len() + 300_000, 0);
    let mut longer = fs::read(case.encrypted("padded", &padded)).expect("backup");
    longer.push(0);
    let longer = case.copy("longer", &longer);
    case.nothing_happens(case.place.bring_back(&longer), 1, "age refuses the backup");
    case.place.mutate("restore.sh", "if [ ! -f \"$work/age.status\" ] && [ -s \"$work/age\" ]; then", "if false; then");
    case.place.mutate(
        "restore.sh",
        "[ ! -f \"$work/age.status\" ] || [ ! -f \"$work/take.status\" ]",
        "[ ! -f \"$work/take.status\" ]",
    );
    case.place.bring_back(&longer).is(0, "the server is healthy");
    assert_eq!(case.place.tell("EXISTS newer"), "0", "the control");
}

#[test]
fn a_failed_replacement_leaves_the_data() {
    let case = Case::new("everysec");
    // What is taken in vanishes half way, as on a disk with errors.
    case.place.mutate(
        "replace.sh",
        "	move_all \"$new\" \"$DATA\"\n	sync",
        "	false\n	move_all \"$new\" \"$DATA\"\n	sync",
    );
    case.place.bring_back(&case.file).is(1, "the data was not replaced");
    case.place.start();
    assert_eq!(beside(&case.place), Vec::<String>::new());
    same("as before", &case.before, &case.place.contents());
}

#[test]
fn one_at_a_time_and_usage() {
    let place = Place::new(&engine::debian(), "everysec");
    let lock = place.path("lock");
    let mut held = place.command("flock");
    let script = place.path("out/backup/restore.sh");
    let output = held.arg(&lock).arg(&script).args(["--undo", "--yes"]).output();
    said(&output.expect("flock runs")).is(4, "at work");
    for words in [&["--undo", "file"][..], &[], &["file"], &["--identity"], &["a", "b", "--identity", "c"], &["--odd"]]
    {
        place.restore(words).is(2, "usage: restore.sh");
    }
    place.restore(&["help"]).is(0, "usage: restore.sh");
    place.restore(&["--undo", "--yes"]).is(1, "the data was not replaced");
}
