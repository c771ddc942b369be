//! A server and its clients in namespaces of their own: who connects from which address is ours to choose, and no packet
//! leaves them.

use std::fs::File;
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, sockopt};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::verify::check::Trouble;
use crate::verify::process;

/// Addresses that the server may have, of the networks for documentation (RFC 5737, RFC 3849): one that is no client's.
const SERVERS4: [Ipv4Addr; 3] =
    [Ipv4Addr::new(198, 51, 100, 101), Ipv4Addr::new(192, 0, 2, 102), Ipv4Addr::new(203, 0, 113, 103)];
const SERVERS6: [Ipv6Addr; 2] =
    [Ipv6Addr::new(0x2001, 0xdb8, 0xff, 0, 0, 0, 0, 0x101), Ipv6Addr::new(0x2001, 0xdb8, 0xfe, 0, 0, 0, 0, 0x102)];
/// The clients' namespace.
const CLIENTS: &str = "/run/netns/clients";
/// An answer that takes longer was dropped; the first repetition of a packet comes after a second.
const PATIENCE: Duration = Duration::from_millis(700);

/// `sh -c SCRIPT network SERVER4 SERVER6`, then the clients' addresses.
const SCRIPT: &str = r#"
# Namespaces, locks and the scripts' own folder have fixed places in /run.
mount -t tmpfs -o mode=755 tmpfs /run
mkdir /run/netns
# Without it the first packet over IPv6 waits a second for its address.
no_waiting='for which in all default; do echo 0 >"/proc/sys/net/ipv6/conf/$which/accept_dad"; done'
sh -euc "$no_waiting"
ip netns add clients
ip netns exec clients sh -euc "$no_waiting"
ip link add clients type veth peer name eth0 netns clients
ip -batch - <<TEXT
link set lo up
addr add $1/32 dev lo
addr add $2/128 dev lo
addr add fe80::1/64 dev clients nodad
link set clients up
route add 0.0.0.0/0 dev clients
route add ::/0 dev clients
TEXT
shift 2
{
  echo link set lo up
  echo link set eth0 up
  for address; do
    case $address in
      *:*) echo "addr add $address/128 dev eth0 nodad" ;;
      *) echo "addr add $address/32 dev eth0" ;;
    esac
  done
  echo route add default dev eth0
  echo route add default via fe80::1 dev eth0
} | ip -netns clients -batch -
# The kernel tells of a new link within a second; what is sent before is lost.
until ip link show clients | grep -q 'state UP' && ip -netns clients link show eth0 | grep -q 'state UP'; do
  sleep 0.05
done
"#;

/// The network with a listening server in it.
pub(super) struct Network {
    port: u16,
    server4: Ipv4Addr,
    server6: Ipv6Addr,
    /// Connections that the server holds; the thread that accepts them ends with the proof.
    accepted: mpsc::Receiver<TcpStream>,
}

impl Network {
    /// Makes it, with these addresses for clients; for a proof inside namespaces.
    pub(super) fn new(port: u16, clients: &[IpAddr]) -> Result<Network, Trouble> {
        let free = |address: IpAddr| !clients.contains(&address);
        let server4 = SERVERS4.into_iter().find(|address| free((*address).into()));
        let server6 = SERVERS6.into_iter().find(|address| free((*address).into()));
        let Some((server4, server6)) = server4.zip(server6) else {
            return Trouble::failed("the allow list leaves the server no address to be tried at");
        };
        let mut command = process::command("sh");
        command.args(["-euc", SCRIPT, "network"]).args([server4.to_string(), server6.to_string()]);
        command.args(clients.iter().map(IpAddr::to_string));
        let said = process::run(&mut command, Duration::from_secs(20))?;
        if !said.well() {
            return Err(Trouble::missing(
                format!("no network of its own: {}", said.told()),
                "install iproute2, or run it as root",
            ));
        }
        let (sender, accepted) = mpsc::channel();
        // Both families: an address of IPv4 reaches it, too.
        let listener =
            TcpListener::bind((Ipv6Addr::UNSPECIFIED, port)).map_err(|error| Trouble::Failed(error.to_string()))?;
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if sender.send(stream).is_err() {
                    break;
                }
            }
        });
        Ok(Network { port, server4, server6, accepted })
    }

    /// The server, as an address of this family reaches it.
    fn server(&self, from: IpAddr) -> SocketAddr {
        match from {
            IpAddr::V4(_) => (self.server4, self.port).into(),
            IpAddr::V6(_) => (self.server6, self.port).into(),
        }
    }

    /// True if a client at this address gets in.
    pub(super) fn admits(&self, from: IpAddr) -> Result<bool, Trouble> {
        Ok(!self.connect(&[from])?.is_empty())
    }

    /// Which of these get in, each with one packet at the same moment; the connections stay open.
    pub(super) fn connect(&self, from: &[IpAddr]) -> Result<Vec<(IpAddr, OwnedFd)>, Trouble> {
        // What was closed is closed at the server, too.
        while self.accepted.try_recv().is_ok() {}
        let server = |address| self.server(address);
        let server: Vec<SocketAddr> = from.iter().copied().map(server).collect();
        thread::scope(|scope| {
            let there = scope.spawn(|| {
                let space = File::open(CLIENTS).map_err(|error| Trouble::Failed(format!("{CLIENTS}: {error}")))?;
                move_into_link_name_space(space.as_fd(), Some(LinkNameSpaceType::Network))
                    .map_err(|error| Trouble::Failed(format!("{CLIENTS}: {error}")))?;
                let started: Result<Vec<_>, Errno> =
                    from.iter().zip(&server).map(|(from, to)| Ok((*from, start(*from, *to)?))).collect();
                let started = started.map_err(|error| Trouble::Failed(format!("a client's socket: {error}")))?;
                Ok(wait(started))
            });
            there.join().unwrap_or_else(|_| Trouble::failed("a client panicked"))
        })
    }

    /// True if the server gets in to itself over the loopback.
    pub(super) fn loopback(&self) -> Result<bool, Trouble> {
        for address in [IpAddr::from(Ipv4Addr::LOCALHOST), IpAddr::from(Ipv6Addr::LOCALHOST)] {
            match TcpStream::connect_timeout(&(address, self.port).into(), PATIENCE) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::TimedOut => return Ok(false),
                Err(error) => return Trouble::failed(format!("{address}: {error}")),
            }
        }
        Ok(true)
    }
}

/// Sends the first packet.
fn start(from: IpAddr, to: SocketAddr) -> Result<OwnedFd, Errno> {
    let family = if from.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let socket = rustix::net::socket_with(family, SocketType::STREAM, flags, None)?;
    // Closed at once when it is closed: nothing waits and counts.
    sockopt::set_socket_linger(&socket, Some(Duration::ZERO))?;
    rustix::net::bind(&socket, &SocketAddr::new(from, 0))?;
    match rustix::net::connect(&socket, &to) {
        Ok(()) | Err(Errno::INPROGRESS) => Ok(socket),
        Err(errno) => Err(errno),
    }
}

/// Those that are open after a while.
fn wait(mut started: Vec<(IpAddr, OwnedFd)>) -> Vec<(IpAddr, OwnedFd)> {
    let open = |socket: &OwnedFd| rustix::net::getpeername(socket).is_ok_and(|peer| peer.is_some());
    let start = Instant::now();
    while start.elapsed() < PATIENCE && !started.iter().all(|(_, socket)| open(socket)) {
        thread::sleep(Duration::from_millis(10));
    }
    started.retain(|(_, socket)| open(socket));
    started
}
