//! Each call of the write phase fails, and at each that changes something the process is killed: an error that names the
//! file and the cause, every file old or new and whole, nothing left over, no secret readable in between, and the next run
//! completes the work.

use std::collections::{BTreeMap, BTreeSet};

use crate::common::{Room, Tree, content, deterministic};
use crate::inject::{self, Call, Fault};
use crate::state;

/// Few files, and one of every kind: a password, the sealed file, an authority, leaves.
const SMALL: &str = "version: 1\nname: demo\nenvironment: development\nusers: [{ name: app, role: application, keys: [\"app:*\"] }]\ntls: { mode: mutual }\n";
/// The same with a folder that another profile does not have.
const OLDER: &str = "version: 1\nname: demo\nenvironment: development\nusers: [{ name: app, role: application, keys: [\"app:*\"] }]\ntls: { mode: mutual }\nmonitoring: { exporter: true }\n";
/// Other bytes in most files, and a user more.
const NEWER: &str = "version: 1\nname: demo\nenvironment: development\nusers: [{ name: app, role: application, keys: [\"app:*\"] }, { name: new, role: application, keys: [\"new:*\"] }]\ntls: { mode: mutual }\nnetwork: { port: 7000 }\n";
/// A slip that can mean one thing only.
const SLIP: &str = "version: 1\nname: demo\nenvironment: develpment\n";

/// A piece of work that is interrupted.
struct Work<'work> {
    /// The room before it.
    before: Tree,
    /// What is run.
    command: &'work [&'work str],
    /// In the text of the first call of its write phase.
    from: &'work str,
    /// What completes it after an interruption, besides itself.
    then: &'work [&'work [&'work str]],
    /// What must have happened at least: calls by name.
    kinds: &'work [&'work str],
}

/// The room in which the profile was built, perhaps with another one in its place since.
fn built(profile: &str, next: &str) -> Tree {
    let room = Room::built(profile);
    room.file("p.yaml", next);
    room.tree("")
}

#[test]
fn a_first_build() {
    Work {
        before: Room::with(SMALL).tree(""),
        command: &["build", "p.yaml"],
        from: "mkdir",
        then: &[],
        kinds: &["flock", "getrandom", "mkdirat", "openat", "write", "fchmod", "fsync", "renameat"],
    }
    .interrupted();
}

#[test]
fn a_build_over_an_older_one_with_files_that_go_and_secrets_that_come() {
    let room = Room::built(OLDER);
    room.file("p.yaml", NEWER);
    // A mode that somebody chose is there again after an error.
    room.chmod("deploy/client", 0o700);
    Work {
        before: room.tree(""),
        command: &["build", "p.yaml"],
        from: "deploy",
        then: &[],
        kinds: &["read", "getdents64", "mkdirat", "openat", "write", "fchmod", "fsync", "renameat", "unlinkat"],
    }
    .interrupted();
}

/// What a killed build left goes with the next one, also where that no longer has the user, the secret or the file.
#[test]
fn a_build_that_was_killed_and_another_profile() {
    let bigger = NEWER.replacen("tls:", "monitoring: { exporter: true }\ntls:", 1);
    let before = built(SMALL, &bigger);
    let calls = inject::calls(&inject::room(&before), &["build", "p.yaml"], "deploy");
    let first = calls.iter().find(|call| call.name == "renameat").expect("a rename");
    let room = inject::room(&before);
    assert_eq!(inject::run(&room, &["build", "p.yaml"], first, Fault::Kill).code, None);
    let left = || room.tree("").into_keys().filter(|path| state::is_temporary(path)).collect::<Vec<String>>();
    for place in ["secrets/clients/new/", "secrets/exporter/", "monitoring/"] {
        assert!(left().iter().any(|path| path.starts_with(&format!("deploy/{place}"))), "{place}: {:?}", left());
    }
    room.file("p.yaml", SMALL);
    room.run(["build", "p.yaml"]).ended(0);
    assert_eq!(left(), Vec::<String>::new());
    for place in ["secrets/clients/new", "secrets/exporter", "monitoring"] {
        assert!(!room.path(&format!("deploy/{place}")).exists(), "an empty {place} stays");
    }
}

/// Folders are synced once each, when all their files have their names; of files only secrets and the lock are.
#[test]
fn what_is_synced() {
    let room = inject::room(&Room::with(SMALL).tree(""));
    let calls = inject::calls(&room, &["build", "p.yaml"], "mkdir");
    let mut synced = BTreeMap::<&str, usize>::new();
    calls.iter().filter(|call| call.name == "fsync").for_each(|call| *synced.entry(&call.path).or_default() += 1);
    let tree = room.tree("");
    let wanted: BTreeMap<&str, usize> = tree
        .iter()
        .filter(|(path, entry)| match entry.kind {
            'd' => true,
            _ => path.starts_with("deploy/secrets/") || path.ends_with("/redisgen.lock"),
        })
        .map(|(path, _)| (path.as_str(), 1))
        .collect();
    assert_eq!(synced, wanted);
}

/// A key that goes is not back after a power cut.
#[test]
fn what_is_synced_when_something_goes() {
    let room = Room::built(SMALL);
    room.run(["certs", "rollover", "begin", "p.yaml"]).ended(0);
    room.run(["certs", "rollover", "switch", "p.yaml"]).ended(0);
    let calls = inject::calls(&room, &["certs", "rollover", "finish", "p.yaml"], "deploy");
    let of = |name: &str| calls.iter().position(|call| call.name == name && call.path.starts_with("deploy/secrets/ca"));
    let (gone, synced) = (of("unlinkat").expect("a key goes"), of("fsync").expect("its folder is synced"));
    assert!(gone < synced);
}

#[test]
fn renewed_certificates() {
    Work {
        before: built(SMALL, SMALL),
        command: &["certs", "renew", "p.yaml", "--force"],
        from: "deploy",
        then: &[],
        kinds: &["openat", "write", "fchmod", "fsync", "renameat"],
    }
    .interrupted();
}

#[test]
fn another_authority() {
    let room = Room::built(SMALL);
    room.run(["certs", "rollover", "begin", "p.yaml"]).ended(0);
    Work {
        before: room.tree(""),
        command: &["certs", "rollover", "switch", "p.yaml"],
        from: "deploy",
        then: &[&["certs", "rollover", "finish", "p.yaml"]],
        kinds: &["openat", "write", "renameat"],
    }
    .interrupted();
}

#[test]
fn rotated_passwords() {
    Work {
        before: built(SMALL, SMALL),
        command: &["secrets", "rotate", "p.yaml", "--user", "app"],
        from: "deploy",
        then: &[&["secrets", "rotate", "p.yaml", "--finish"]],
        kinds: &["openat", "write", "fsync", "renameat", "linkat"],
    }
    .interrupted();
}

#[test]
fn sealed_passwords() {
    let room = Room::built(SMALL);
    room.file("deploy/secrets/clients/app/password", redisgen::lock::sha256(b"another password"));
    Work {
        before: room.tree(""),
        command: &["secrets", "seal", "p.yaml"],
        from: "deploy",
        then: &[],
        kinds: &["openat", "write", "fsync", "renameat"],
    }
    .interrupted();
}

/// A sandbox may know no random numbers: nothing is made without them, and no key is called damaged for it.
#[test]
fn no_random_numbers() {
    for (before, command) in [
        (Room::with(SMALL).tree(""), &["build", "p.yaml"][..]),
        (built(SMALL, SMALL), &["certs", "renew", "p.yaml", "--force"]),
        (built(SMALL, SMALL), &["secrets", "rotate", "p.yaml"]),
        (built(SMALL, SMALL), &["build", "p.yaml"]),
    ] {
        let calls = inject::calls(&inject::room(&before), command, "deploy");
        let first = calls.iter().find(|call| call.name == "getrandom").expect("random numbers");
        let room = inject::room(&before);
        let out = inject::run(&room, command, first, Fault::Errors).ended(2);
        assert!(out.stderr.contains("no random numbers: "), "{command:?}: {}", out.stderr);
        let now: BTreeSet<String> = room.tree("").into_keys().collect();
        assert_eq!(now, before.keys().cloned().collect(), "{command:?}: something was made");
    }
    // None from the start, for want of which libraries would panic.
    let room = Room::with(SMALL);
    let calls = inject::calls(&room, &["schema"], "getrandom");
    let out = inject::run(&room, &["schema"], &calls[0], Fault::Errors).ended(2);
    assert!(out.stderr.contains("redisgen: no random numbers: "), "{}", out.stderr);
}

#[test]
fn a_folder_that_was_made_for_the_output_goes_with_it() {
    let command = ["build", "p.yaml", "--out", "some/where/else"];
    let before = Room::with(SMALL).tree("");
    let calls = inject::calls(&inject::room(&before), &command, "some");
    let write = calls.iter().rfind(|call| call.name == "write").expect("a write");
    let room = inject::room(&before);
    inject::run(&room, &command, write, Fault::Error).ended(2);
    assert!(content(&before) == content(&room.tree("")), "{:?} are left", room.tree("").keys());
}

#[test]
fn a_mended_profile() {
    Work {
        before: Room::with(SLIP).tree(""),
        command: &["validate", "--fix", "p.yaml"],
        from: ".tmp",
        then: &[],
        kinds: &["openat", "write", "fsync", "renameat"],
    }
    .interrupted();
}

impl Work<'_> {
    #[track_caller]
    fn interrupted(&self) {
        let whole = inject::room(&self.before);
        let calls = inject::calls(&whole, self.command, self.from);
        let kinds: BTreeSet<&str> = calls.iter().map(|call| call.name.as_str()).collect();
        for kind in self.kinds {
            assert!(kinds.contains(kind), "no {kind} among {kinds:?}");
        }
        let after = whole.tree("");
        self.completed(&whole, &after, "uninterrupted", true);

        let (mut looked, mut late) = (0_usize, false);
        let faults = calls.iter().filter(|call| !call.library).flat_map(|call| {
            // Hundreds of calls only look at what is open, one like the other: of an error in those, each sixth.
            let look = matches!(call.name.as_str(), "read" | "newfstatat" | "getdents64");
            looked += usize::from(look);
            late |= call.name.starts_with("rename");
            let error = (!look || looked % 6 == 1).then_some((call, Fault::Error, late));
            // Killed between two changes, or a moment earlier: the disk is the same.
            let kill = call.changes.then_some((call, Fault::Kill, late));
            error.into_iter().chain(kill)
        });
        let faults: Vec<(&Call, Fault, bool)> = faults.collect();
        inject::each(&faults, |fault| self.one(fault, &after));
        println!("{:?}: {} faults at {} calls", self.command, faults.len(), calls.len());
    }

    /// `late`: files have got their names already.
    fn one(&self, (call, fault, late): &(&Call, Fault, bool), after: &Tree) {
        let when = format!("{fault:?} at {}", call.text);
        let room = inject::room(&self.before);
        let out = inject::run(&room, self.command, call, *fault);
        let now = room.tree("");
        state::closed(&now, &when);
        state::old_or_new(&self.before, after, &now, &when);
        match fault {
            Fault::Kill => assert_eq!(out.code, None, "{when}: it was not killed: {}", out.stderr),
            // It looked for leftovers of others, where it need not see anything: that makes no difference.
            Fault::Error if out.code == Some(0) && !call.changes => {
                return self.completed(&room, after, &when, true);
            }
            Fault::Error | Fault::Errors => {
                assert_eq!(out.code, Some(2), "{when}: {}", out.stderr);
                let line = out.stderr.lines().find(|line| line.starts_with("redisgen: "));
                let line = line.unwrap_or_else(|| panic!("{when}: no error is told: {}", out.stderr));
                assert!(line.contains(&call.path), "{when}: it does not name {}: {line}", call.path);
                assert!(line.contains(call.cause()), "{when}: it does not say why: {line}");
                let left: Vec<&String> = now.keys().filter(|path| state::is_temporary(path)).collect();
                assert!(left.is_empty(), "{when}: {left:?} are left");
                // Nothing at all was done, not even a folder made; that the next run works is known then.
                let renamed = content(&now) != content(&self.before);
                assert!(!renamed || *late, "{when}: something was written");
                if !renamed {
                    return;
                }
            }
        }
        let out = room.run(self.command).ended(0);
        // The lock comes last: what is new already was not somebody else's edit.
        assert!(!out.stderr.contains("edited by hand"), "{when}: {}", out.stderr);
        // Before the first file gets its name, only temporary ones are there: the next run is one without an interruption.
        self.completed(&room, after, &when, *late);
    }

    /// The room is as the work leaves it if nothing goes wrong.
    fn completed(&self, room: &Room, after: &Tree, when: &str, whole: bool) {
        let now = room.tree("");
        let shape = |tree: &Tree| -> BTreeMap<String, (char, u32)> {
            tree.iter().map(|(path, entry)| (path.clone(), (entry.kind, entry.mode))).collect()
        };
        let now_shape = |tree: &Tree| {
            // Nobody holds a lock on a folder of people's own files: what a killed `--fix` leaves there, stays.
            let stays = |path: &String| self.command.contains(&"--fix") && state::is_temporary(path);
            shape(tree).into_iter().filter(|(path, _)| !stays(path)).collect::<BTreeMap<_, _>>()
        };
        // The umask of the run in between was another one, and what makes `deploy` is it.
        let mut wanted = shape(after);
        if let (Some(now), Some(wanted)) = (now.get("deploy"), wanted.get_mut("deploy")) {
            wanted.1 = now.mode;
        }
        assert_eq!(wanted, now_shape(&now), "{when}");
        let below = |tree: &Tree| -> Tree {
            tree.iter()
                .filter_map(|(path, entry)| Some((path.strip_prefix("deploy/")?.to_owned(), entry.clone())))
                .collect()
        };
        assert!(deterministic(&below(after)) == deterministic(&below(&now)), "{when}: other files than without it");
        if !whole {
            return;
        }
        for then in self.then {
            room.run(*then).ended(0);
        }
        if self.command.contains(&"--fix") {
            assert!(now["p.yaml"].bytes == after["p.yaml"].bytes, "{when}: another profile");
            return;
        }
        state::consistent(room, when);
    }
}
