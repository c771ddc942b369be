//! Real servers under load: clients connect with old and new passwords all the time, and none is refused.

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use redisgen::live::tls::Tls;
use redisgen::live::wire::Connection;

use crate::common::Room;
use crate::lab::{OTHERS, Server, built, digest, file, password, profile};

/// What clients saw.
#[derive(Default)]
struct Seen {
    commands: AtomicUsize,
    logins: AtomicUsize,
    refused: Mutex<Vec<String>>,
}

impl Seen {
    fn one(&self, what: &str, result: Result<(), String>) {
        match result {
            Ok(()) => drop(self.commands.fetch_add(1, Ordering::Relaxed)),
            Err(reason) => self.refused.lock().expect("whole").push(format!("{what}: {reason}")),
        }
    }
}

fn work(connection: &mut Connection, user: &str) -> Result<(), String> {
    let words: &[&str] = if user == "health" { &["PING"] } else { &["SET", "app:x", "1"] };
    let reply = connection.call(words).map_err(|reason| reason.to_string())?;
    reply.error().map_or(Ok(()), |error| Err(error.to_owned()))
}

/// Connects, logs in, works.
fn visit(server: &Server, tls: Option<&Tls>, user: &str, password: &str, seen: &Seen) -> Result<(), String> {
    let mut connection = Connection::open(server.address(), tls).map_err(|reason| reason.to_string())?;
    connection.login(user, password).map_err(|reason| reason.to_string())?;
    seen.logins.fetch_add(1, Ordering::Relaxed);
    (0..5).try_for_each(|_| work(&mut connection, user))
}

/// Clients of each kind while `operate` runs; it may say what the slow ones know.
fn under_load(room: &Room, server: &Server, operate: impl FnOnce(&Mutex<String>)) -> Seen {
    let seen = Seen::default();
    let stop = AtomicBool::new(false);
    let tls = server.handshake();
    // Somebody who does not read the file again until told. Who tells waits for a login that is under way.
    let slow = Mutex::new(password(room, "app"));
    std::thread::scope(|scope| {
        for user in ["app", "app", "health"] {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    seen.one(user, visit(server, tls.as_ref(), user, password(room, user).trim(), &seen));
                }
            });
        }
        for _ in 0..2 {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let known = slow.lock().expect("whole");
                    let result = visit(server, tls.as_ref(), "app", &known, &seen);
                    drop(known);
                    seen.one("slow app", result);
                    std::thread::yield_now();
                }
            });
        }
        scope.spawn(|| {
            let mut connection = Connection::open(server.address(), tls.as_ref()).expect("connects");
            connection.login("app", &password(room, "app")).expect("logs in");
            while !stop.load(Ordering::Relaxed) {
                seen.one("an open connection of app", work(&mut connection, "app"));
                std::thread::sleep(Duration::from_millis(2));
            }
        });
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| operate(&slow)));
        stop.store(true, Ordering::Relaxed);
        if let Err(panic) = result {
            std::panic::resume_unwind(panic);
        }
    });
    seen
}

fn pause() {
    std::thread::sleep(Duration::from_millis(700));
}

#[test]
fn nobody_is_refused_for_thirty_seconds() {
    let room = built(&profile("redis", "7.0.15", "mutual"));
    let server = Server::start(&room, Path::new("redis-server"), true);
    let mut rounds = 0;
    let seen = under_load(&room, &server, |slow| {
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(30) {
            rounds += 1;
            let before = password(&room, "app");
            if rounds % 3 == 0 {
                // By steps, the server last taught by hand.
                server.rotate(&room, &["--prepare"]).ended(0);
                pause();
            }
            server.rotate(&room, &[]).ended(0);
            assert!(server.opens("app", &before) && server.opens("app", &password(&room, "app")));
            pause();
            if rounds % 2 == 0 {
                server.rotate(&room, &["--rollback"]).ended(0);
                assert_eq!(password(&room, "app"), before);
            } else {
                *slow.lock().expect("whole") = password(&room, "app");
                pause();
                server.rotate(&room, &["--finish"]).ended(0);
                assert!(!server.opens("app", &before), "the old password still opens");
            }
            pause();
        }
    });
    let refused = seen.refused.into_inner().expect("whole");
    let (commands, logins) = (seen.commands.into_inner(), seen.logins.into_inner());
    assert_eq!(refused, [""; 0], "{rounds} rotations, {logins} logins, {commands} commands");
    assert!(rounds >= 5 && logins > 1000, "{rounds} rotations, {logins} logins");
    // What the server holds now is what it would start with.
    let mut admin = server.admin(&room);
    let held = admin.call(&["ACL", "GETUSER", "app"]).expect("told");
    let held = format!("{held:?}").contains(&format!("{:?}", digest(&password(&room, "app")).into_bytes()));
    assert!(held, "the server holds another password");
}

/// The control: the same load sees it when a password is replaced at once.
#[test]
fn replacing_at_once_refuses() {
    let room = built(&profile("redis", "7.0.15", "disabled"));
    let server = Server::start(&room, Path::new("redis-server"), false);
    let seen = under_load(&room, &server, |_| {
        pause();
        let new = digest("another password");
        let mut admin = server.admin(&room);
        room.file(&file("app"), &new);
        let reply = admin.call(&["ACL", "SETUSER", "app", "resetpass", &format!("#{}", digest(&new))]).expect("done");
        assert_eq!(reply.text().as_deref(), Some("OK"));
        pause();
    });
    let refused = seen.refused.into_inner().expect("whole");
    assert!(refused.iter().any(|reason| reason.starts_with("slow app") && reason.contains("WRONGPASS")), "{refused:?}");
}

#[test]
fn every_line_keeps_its_connections() {
    let own = [("redis".to_owned(), "redis-server".into())];
    for (kind, program) in own.iter().chain(&*OTHERS) {
        // The rules of the oldest line are known to all.
        let version = if kind == "redis" { "6.2.14" } else { "7.2.5" };
        let room = built(&profile(kind, version, "disabled"));
        let server = Server::start(&room, program, false);
        let old = password(&room, "app");
        let mut open = server.open().expect("answers");
        open.login("app", &old).expect("logs in");
        server.rotate(&room, &[]).ended(0);
        let new = password(&room, "app");
        assert!(server.opens("app", &old) && server.opens("app", &new), "{}", program.display());
        server.rotate(&room, &["--finish"]).ended(0);
        assert!(!server.opens("app", &old) && server.opens("app", &new), "{}", program.display());
        assert_eq!(work(&mut open, "app"), Ok(()), "{}: the connection ended", program.display());
    }
}

#[test]
fn a_server_that_is_away_stops_it_and_it_goes_on() {
    let room = built(&profile("redis", "7.0.15", "mutual"));
    let old = password(&room, "app");
    let server = Server::start(&room, Path::new("redis-server"), true);
    let port = server.port;
    drop(server);
    let away = |more: &[&str]| {
        let url = format!("rediss://localhost:{port}");
        crate::lab::rotate(&room, &[&["--against", &url, "--as", "admin"], more].concat()).ended(2);
    };
    away(&[]);
    assert_eq!(password(&room, "app"), old, "clients keep what the server knows");
    // Rotated without the server, which is then taught although its administrator's file holds a password it does not know.
    let server = Server::start(&room, Path::new("redis-server"), true);
    crate::lab::rotate(&room, &[]).ended(0);
    assert!(!server.opens("app", &password(&room, "app")), "it was not told yet");
    server.rotate(&room, &[]).ended(0);
    assert!(server.opens("app", &password(&room, "app")) && server.opens("app", &old));
    // A restart amid the rotation knows both, too.
    drop(server);
    let server = Server::start(&room, Path::new("redis-server"), true);
    assert!(server.opens("app", &password(&room, "app")) && server.opens("app", &old));
    server.rotate(&room, &["--finish"]).ended(0);
    assert!(!server.opens("app", &old));
}

#[test]
fn who_may_not_change_users_changes_nothing() {
    let room = built(&profile("redis", "7.0.15", "disabled"));
    let server = Server::start(&room, Path::new("redis-server"), false);
    let url = format!("redis://localhost:{}", server.port);
    let out = crate::lab::rotate(&room, &["--against", &url, "--as", "app"]);
    let out = out.ended(2);
    assert!(out.stderr.contains("NOPERM") && out.stderr.contains("--rollback"), "{}", out.stderr);
    server.rotate(&room, &["--rollback"]).ended(0);
    room.run(["diff", "--deny", "error", "p.yaml"]).ended(0);
    assert!(!room.path("deploy/secrets/rotation.toml").exists());
}
