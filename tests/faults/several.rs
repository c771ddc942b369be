//! Several profiles in one run: what fails is told, and leaves each file old or new; two runs at once; a system that gives few
//! threads or open files.

use std::process::Stdio;

use crate::common::{MUTUAL, Out, REDISGEN, Room, Tree, content, text_of};
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

/// A room with so many profiles.
fn many(count: usize) -> Room {
    let room = Room::below("/dev/shm");
    for place in 0..count {
        let name = format!("site-{place:03}");
        room.file(&format!("p/{name}.yaml"), MUTUAL.replacen("name: demo", &format!("name: {name}"), 1));
    }
    room
}

#[test]
fn of_builds_at_once_one_builds_all() {
    let mut refused = 0;
    for _ in 0..10 {
        let room = many(9);
        // Named from either end: whoever began with its own first one would keep the others from theirs.
        let mut files: Vec<String> = (0..9).map(|place| format!("p/site-{place:03}.yaml")).collect();
        let mut start = || {
            files.reverse();
            let arguments = ["build", "--out", "all"].into_iter().chain(files.iter().map(String::as_str));
            room.command(arguments).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("starts")
        };
        let children: Vec<_> = (0..4).map(|_| start()).collect();
        let ends: Vec<Out> =
            children.into_iter().map(|child| Out::from(child.wait_with_output().expect("ends"))).collect();
        assert!(ends.iter().any(|out| out.code == Some(0)), "nobody won: {ends:?}");
        for out in ends.iter().filter(|out| out.code != Some(0)) {
            assert_eq!(out.code, Some(2), "{}", out.stderr);
            // All begin with the same one.
            assert!(out.stderr.contains("all/site-000: another redisgen is writing here"), "{}", out.stderr);
            refused += 1;
        }
        let before = room.tree("all");
        room.run(BUILD).ended(0);
        assert!(content(&before) == content(&room.tree("all")), "the winner left something to do");
    }
    assert!(refused > 0, "they never met");
}

/// A limit on processes, as containers have: what is there does the work.
#[test]
fn a_system_that_gives_no_more_threads() {
    let room = many(9);
    text_of(std::process::Command::new("install").args(["-m", "0755", REDISGEN]).arg(room.path("redisgen")));
    room.shell("chown -R 65534:65534 .").ended(0);
    room.chmod("", 0o755);
    let run = "exec setpriv --reuid 65534 --regid 65534 --clear-groups prlimit --nproc=1 ./redisgen";
    let thread = room.shell(&format!("{} sh -c 'true & wait'", run.trim_end_matches(" ./redisgen")));
    assert!(thread.stderr.contains("fork"), "the limit does not hold here: {}", thread.stderr);
    for command in ["validate p", "build p --out all"] {
        let out = room.shell(&format!("{run} {command}"));
        out.no_panic();
        assert_eq!(out.code, Some(0), "{command}: {}", out.stderr);
    }
    for place in 0..9 {
        assert!(room.path(&format!("all/site-{place:03}/redisgen.lock")).exists());
    }
}

#[test]
fn a_system_that_lets_few_files_be_open() {
    let room = many(60);
    let out = room.shell("set -e; ulimit -Sn 20; ulimit -Hn 80; exec \"$REDISGEN\" build p --out all").ended(2);
    out.no_panic();
    assert!(
        out.stderr.contains("so many profiles at once, 60, need ") && out.stderr.contains("(`ulimit -n`)"),
        "{}",
        out.stderr
    );
    assert!(!room.path("all").exists(), "something was made");
    // What it asks for is enough, and a soft limit is raised.
    let needed = out.stderr.split("need ").nth(1).and_then(|rest| rest.split(' ').next()).expect("a number");
    room.shell(&format!("set -e; ulimit -Sn 20; ulimit -Hn {needed}; exec \"$REDISGEN\" build p --out all")).ended(0);
}
