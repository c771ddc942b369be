//! The machines around the server, and what they can do. A socket stays in the namespace in which it was made, so
//! a connection can be used from anywhere.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use rustix::fd::AsFd;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// One machine.
pub struct Machine {
    pub name: &'static str,
    pub v4: &'static str,
    pub v6: &'static str,
}

pub const SERVER: Machine = Machine { name: "server", v4: "198.51.100.1", v6: "2001:db8:ff::1" };

/// Each has one address of each family.
pub const CLIENTS: &[Machine] = &[
    Machine { name: "allowed", v4: "192.168.1.100", v6: "fd00:1::100" },
    Machine { name: "beside", v4: "192.168.1.101", v6: "fd00:1::101" },
    Machine { name: "vpn", v4: "10.8.0.5", v6: "fd00:8::5" },
    Machine { name: "beyond", v4: "10.8.1.0", v6: "fd00:8:0:1::" },
    Machine { name: "stranger", v4: "203.0.113.66", v6: "2001:db8:66::66" },
    // In the same /64 as the stranger.
    Machine { name: "cousin", v4: "203.0.113.67", v6: "2001:db8:66::67" },
];

/// The sources that most tests allow: `allowed`, and the network of `vpn`.
pub const ALLOW: &str =
    r#"[{ source: 192.168.1.100 }, { source: 10.8.0.0/24 }, { source: "fd00:1::100" }, { source: "fd00:8::/64" }]"#;
/// Everybody whom it does not admit. `beside` and `beyond` are the first addresses outside.
pub const OUTSIDE: &[&str] = &["beside", "beyond", "stranger"];
/// Everybody whom it admits: the server itself too, through its loopback and through its own address.
pub const INSIDE: &[&str] = &["allowed", "vpn", "loopback", "server"];

/// An answer that takes longer was dropped.
const PATIENCE: Duration = Duration::from_millis(1500);

/// Address families.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    V4,
    V6,
}

pub const FAMILIES: [Family; 2] = [Family::V4, Family::V6];

/// Does something on a machine.
pub fn on<T: Send>(machine: &str, work: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| {
        let there = scope.spawn(|| {
            if !matches!(machine, "loopback" | "server") {
                let space = File::open(format!("/run/netns/{machine}")).expect("a client");
                move_into_link_name_space(space.as_fd(), Some(LinkNameSpaceType::Network)).expect("its namespace");
            }
            work()
        });
        there.join().expect("the machine did not panic")
    })
}

/// The server as this machine sees it.
fn server(machine: &str, family: Family, port: u16) -> SocketAddr {
    let address = match (machine, family) {
        ("loopback", Family::V4) => "127.0.0.1",
        ("loopback", Family::V6) => "::1",
        (_, Family::V4) => SERVER.v4,
        (_, Family::V6) => SERVER.v6,
    };
    SocketAddr::new(address.parse().expect("an address"), port)
}

/// Connects to the server.
pub fn connect(machine: &str, family: Family, port: u16) -> io::Result<TcpStream> {
    on(machine, || dial(server(machine, family, port), PATIENCE))
}

fn dial(to: SocketAddr, patience: Duration) -> io::Result<TcpStream> {
    let mut connection = TcpStream::connect_timeout(&to, patience)?;
    connection.set_read_timeout(Some(PATIENCE))?;
    ping(&mut connection)?;
    Ok(connection)
}

fn ping(connection: &mut TcpStream) -> io::Result<()> {
    connection.write_all(b"PING\r\n")?;
    let mut answer = [0; 7];
    connection.read_exact(&mut answer)?;
    if &answer == b"+PONG\r\n" { Ok(()) } else { Err(io::Error::other("not Redis")) }
}

/// Connects to the server, which must answer.
#[track_caller]
pub fn connected(machine: &str, family: Family) -> TcpStream {
    connect(machine, family, 6379).unwrap_or_else(|error| panic!("{machine} over {family:?}: {error}"))
}

/// True if an open connection still carries commands.
pub fn alive(connection: &mut TcpStream) -> bool {
    ping(connection).is_ok()
}

/// Connects from each machine over both families, all at once.
#[track_caller]
pub fn admits(admitted: &[&str], dropped: &[&str]) {
    admits_on(6379, admitted, dropped);
}

#[track_caller]
pub fn admits_on(port: u16, admitted: &[&str], dropped: &[&str]) {
    let wanted = |name: &&str| if admitted.contains(name) { "admitted" } else { "dropped" };
    let all: Vec<_> = admitted.iter().chain(dropped).flat_map(|name| FAMILIES.map(|family| (*name, family))).collect();
    let seen: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> = all
            .iter()
            .map(|(name, family)| {
                scope.spawn(move || match connect(name, *family, port) {
                    Ok(_) => "admitted".to_owned(),
                    Err(error) if matches!(error.kind(), ErrorKind::TimedOut | ErrorKind::WouldBlock) => {
                        "dropped".to_owned()
                    }
                    Err(error) => error.to_string(),
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("a client")).collect()
    });
    let seen: Vec<_> = all.iter().zip(seen).map(|((name, family), seen)| (name, family, seen)).collect();
    let expected: Vec<_> = all.iter().map(|(name, family)| (name, family, wanted(name).to_owned())).collect();
    assert_eq!(seen, expected, "on port {port}");
}

/// Tries to open so many connections at once, each with one packet; those that were opened.
pub fn open(machine: &str, family: Family, count: usize) -> Vec<TcpStream> {
    // The first repetition of a packet comes after a second.
    let patience = Duration::from_millis(800);
    on(machine, || {
        let to = server(machine, family, 6379);
        thread::scope(|scope| {
            let threads: Vec<_> = (0..count).map(|_| scope.spawn(move || dial(to, patience))).collect();
            threads.into_iter().filter_map(|thread| thread.join().expect("a client").ok()).collect()
        })
    })
}

/// Knocks without a pause while `work` runs: how many times, and how many times somebody opened.
pub fn knocking(machine: &str, family: Family, work: impl FnOnce()) -> (usize, usize) {
    let (done, knocks, opened) = (AtomicBool::new(false), AtomicUsize::new(0), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                on(machine, || {
                    while !done.load(Ordering::Relaxed) {
                        knocks.fetch_add(1, Ordering::Relaxed);
                        let patience = Duration::from_millis(1);
                        if TcpStream::connect_timeout(&server(machine, family, 6379), patience).is_ok() {
                            opened.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                });
            });
        }
        work();
        done.store(true, Ordering::Relaxed);
    });
    (knocks.into_inner(), opened.into_inner())
}
