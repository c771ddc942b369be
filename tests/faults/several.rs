//! Several profiles in one run, and a failure while a later one gets its names: those before it are new, those after it are
//! old, it is each file the one or the other, and the next run completes all.

use crate::common::{MUTUAL, Room, Tree, content};
use crate::inject::{self, Call, Fault};
use crate::state;

const BUILD: [&str; 4] = ["build", "p", "--out", "all"];
const SITES: [&str; 3] = ["site-0", "site-1", "site-2"];

/// The room with the profiles built, and other ones in their place since.
fn before() -> Tree {
    let room = Room::new();
    let write = |port: u16| {
        for site in SITES {
            let profile = MUTUAL.replacen("name: demo", &format!("name: {site}\nnetwork: {{ port: {port} }}"), 1);
            room.file(&format!("p/{site}.yaml"), profile);
        }
    };
    write(6379);
    room.run(BUILD).ended(0);
    write(7000);
    room.tree("")
}

/// What lies in one profile's folder.
fn of(tree: &Tree, site: &str) -> Tree {
    let folder = format!("all/{site}");
    let inside = tree.iter().filter(|(path, _)| path.starts_with(&folder));
    inside.map(|(path, entry)| (path.clone(), entry.clone())).collect()
}

#[test]
fn a_failure_at_a_later_profile_is_told_and_the_next_run_completes_all() {
    let before = before();
    let whole = inject::room(&before);
    let calls = inject::calls(&whole, &BUILD, "all");
    let after = whole.tree("");
    let names: Vec<&Call> =
        calls.iter().filter(|call| call.name == "renameat" && call.path.starts_with("all/site-1/")).collect();
    assert!(names.len() > 5, "a build with another port changes few files: {names:?}");
    let chosen = [names[0], names[1], names[names.len() / 2], names[names.len() - 1]];
    let faults: Vec<(&Call, Fault)> =
        chosen.into_iter().flat_map(|call| [(call, Fault::Error), (call, Fault::Kill)]).collect();
    inject::each(&faults, |(call, fault)| {
        let when = format!("{fault:?} at {}", call.text);
        let room = inject::room(&before);
        let out = inject::run(&room, &BUILD, call, *fault);
        let now = room.tree("");
        state::closed(&now, &when);
        state::old_or_new(&before, &after, &now, &when);
        assert!(content(&of(&now, "site-0")) == content(&of(&after, "site-0")), "{when}: the first one is not new");
        assert!(out.stderr.contains("all/site-0: wrote "), "{when}: the first one is not told: {}", out.stderr);
        assert!(!out.stderr.contains("all/site-1: "), "{when}: {}", out.stderr);
        if *fault == Fault::Error {
            assert_eq!(out.code, Some(2), "{when}: {}", out.stderr);
            let told = format!("redisgen: {}: {}", call.path, call.cause());
            assert!(out.stderr.contains(&told), "{when}: {}", out.stderr);
            assert!(content(&of(&now, "site-2")) == content(&of(&before, "site-2")), "{when}: the last one is not old");
            let left: Vec<&String> = now.keys().filter(|path| state::is_temporary(path)).collect();
            assert!(left.is_empty(), "{when}: {left:?} are left");
        } else {
            assert_eq!(out.code, None, "{when}: {}", out.stderr);
        }
        let out = room.run(BUILD).ended(0);
        assert!(!out.stderr.contains("edited by hand"), "{when}: {}", out.stderr);
        assert!(content(&room.tree("")) == content(&after), "{when}: the next run left something to do");
    });
}
