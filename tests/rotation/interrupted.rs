//! A rotation that stops before any of its steps. Whatever a client reads then opens the server as it runs and as it would
//! start anew; from there the rotation goes on, or goes back.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

use redisgen::folder::Folder;
use redisgen::model::Model;
use redisgen::resolve;
use redisgen::rotation::State;
use redisgen::rotation::files::{Rotation, Server};
use time::OffsetDateTime;

use crate::common::Room;
use crate::lab::{built, digest, file, password, profile, sealed};

const USERS: [&str; 2] = ["app", "health"];

/// Stands in for the server: digests by user. Real ones are in `load.rs`.
#[derive(Clone, Default)]
struct Fake(BTreeMap<String, BTreeSet<String>>);

impl Server for Fake {
    fn teach(&mut self, user: &str, digests: &[String]) -> Result<(), String> {
        self.0.entry(user.to_owned()).or_default().extend(digests.iter().cloned());
        Ok(())
    }

    fn forget(&mut self, user: &str, digest: &str) -> Result<(), String> {
        self.0.entry(user.to_owned()).or_default().remove(digest);
        Ok(())
    }

    fn opens(&mut self, user: &str, password: &str) -> Result<bool, String> {
        Ok(self.0.get(user).is_some_and(|known| known.contains(&digest(password))))
    }
}

fn model(room: &Room) -> Model {
    use redisgen::input::{self, DiskParents, ProfilePath};
    let path = ProfilePath { name: "p.yaml".to_owned(), path: Some(room.path("p.yaml")) };
    let input = input::read(&path).expect("read");
    let Ok((profile, loaded)) = redisgen::load::load(input, &mut DiskParents::new(&path)) else { panic!("loads") };
    let Ok(model) = resolve::resolve(&loaded, profile, "p.yaml") else { panic!("resolves") };
    model
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Forward,
    Finish,
    Back,
}

/// One call of the command, which stops before its step number `stop`; true if it came to its end.
fn call(room: &Room, model: &Model, server: &mut Fake, way: Way, stop: usize) -> Result<(), String> {
    let out = Folder::open(&room.path("deploy")).expect("opens");
    // A child of another test holds what it inherited until it has become another program.
    while out.lock().is_err() {
        std::thread::yield_now();
    }
    let locked = room.read("deploy/redis/users.acl");
    let count = Cell::new(0);
    let pause = |what: &str| {
        count.set(count.get() + 1);
        if count.get() > stop { Err(format!("stopped before: {what}")) } else { Ok(()) }
    };
    let users = USERS.iter().map(|user| (*user).to_owned()).collect();
    let now = OffsetDateTime::from_unix_timestamp(1_800_000_000).expect("a time");
    if way != Way::Forward && State::read(&out)?.is_none() {
        return Ok(());
    }
    let mut rotation = Rotation::begin(&out, model, &locked, &users, now, &pause)?;
    match way {
        Way::Forward => rotation.prepare(Some(server)).and_then(|()| rotation.switch()),
        Way::Finish => rotation.finish(Some(server)),
        Way::Back => rotation.roll_back(Some(server)),
    }
}

struct Start {
    room: Room,
    model: Model,
    server: Fake,
    old: Vec<String>,
}

fn start() -> Start {
    let room = built(&profile("redis", "7.4.11", "disabled"));
    let model = model(&room);
    let mut server = Fake::default();
    let old: Vec<String> = USERS.iter().map(|user| password(&room, user)).collect();
    for (user, old) in USERS.iter().zip(&old) {
        server.teach(user, &[digest(old)]).expect("taught");
    }
    Start { room, model, server, old }
}

impl Start {
    /// What holds between any two steps.
    fn holds(&mut self, when: &str) {
        for (user, old) in USERS.iter().zip(&self.old) {
            let now = password(&self.room, user);
            assert!(self.server.opens(user, &now).expect("told"), "{when}: the server refuses what {user} reads");
            assert!(sealed(&self.room, user).contains(&digest(&now)), "{when}: a restart refuses what {user} reads");
            let _ = old;
        }
        // The sealed file is explained by the state, and a build does not disturb.
        self.room.run(["diff", "--deny", "error", "p.yaml"]).ended(0);
    }

    fn ended(&mut self, new: bool, when: &str) {
        self.holds(when);
        for (user, old) in USERS.iter().zip(&self.old) {
            let now = password(&self.room, user);
            assert_eq!(now != *old, new, "{when}: {user}");
            assert_eq!(sealed(&self.room, user), [digest(&now)], "{when}: {user}");
            assert_eq!(self.server.0[*user], BTreeSet::from([digest(&now)]), "{when}: {user}");
            for end in [".old", ".new"] {
                assert!(!self.room.path(&format!("{}{end}", file(user))).exists(), "{when}: {user}{end}");
            }
        }
        assert!(!self.room.path("deploy/secrets/rotation.toml").exists(), "{when}");
    }
}

/// Stops `first` before each of its steps in turn; then `rest` brings it to its end.
fn everywhere(before: &[Way], first: Way, rest: &[Way], new: bool) -> usize {
    for stop in 0.. {
        let mut it = start();
        for way in before {
            call(&it.room, &it.model, &mut it.server, *way, usize::MAX).expect("done");
        }
        let stopped = call(&it.room, &it.model, &mut it.server, first, stop);
        let when = format!("{first:?} {}", stopped.as_ref().err().map_or("done", String::as_str));
        it.holds(&when);
        for way in rest {
            if let Err(reason) = call(&it.room, &it.model, &mut it.server, *way, usize::MAX) {
                // Of the old ones some are gone: it only goes on.
                assert!(*way == Way::Back && reason.contains("gone already"), "{when}, then {way:?}: {reason}");
                call(&it.room, &it.model, &mut it.server, Way::Finish, usize::MAX).expect("finished");
                it.ended(true, &when);
            }
        }
        if rest.last() == Some(&Way::Back) && stopped.is_err() && password(&it.room, "app") != it.old[0] {
            it.ended(true, &when);
        } else if stopped.is_err() || first != Way::Finish {
            it.ended(new, &when);
        }
        if stopped.is_ok() {
            return stop;
        }
    }
    0
}

#[test]
fn stopped_on_the_way_it_goes_on() {
    let steps = everywhere(&[], Way::Forward, &[Way::Forward, Way::Finish], true);
    assert!(steps >= 15, "{steps}");
}

#[test]
fn stopped_on_the_way_it_goes_back() {
    assert!(everywhere(&[], Way::Forward, &[Way::Back], false) >= 15);
}

#[test]
fn stopped_at_the_end_it_goes_on() {
    assert!(everywhere(&[Way::Forward], Way::Finish, &[Way::Finish], true) > 5);
}

#[test]
fn stopped_at_the_end_it_goes_back_while_the_old_ones_are_there() {
    assert!(everywhere(&[Way::Forward], Way::Finish, &[Way::Back], false) > 5);
}

#[test]
fn stopped_on_the_way_back_it_goes_on_back() {
    assert!(everywhere(&[Way::Forward], Way::Back, &[Way::Back], false) > 10);
}

/// Where the files themselves refuse: something else has the name, as root can do everything to a file that is only closed.
#[test]
fn a_file_in_the_way_stops_it_and_harms_nothing() {
    for name in ["app/password.new", "app/password.old"] {
        let mut it = start();
        let path = it.room.path(&format!("deploy/secrets/clients/{name}"));
        std::fs::create_dir(&path).expect("made");
        call(&it.room, &it.model, &mut it.server, Way::Forward, usize::MAX).expect_err("a folder has the name");
        it.holds(name);
        std::fs::remove_dir(&path).expect("removed");
        call(&it.room, &it.model, &mut it.server, Way::Forward, usize::MAX).expect("goes on");
        call(&it.room, &it.model, &mut it.server, Way::Back, usize::MAX).expect("goes back");
        it.ended(false, name);
    }
}
