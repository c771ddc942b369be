//! A server, a container and clients in namespaces of their own: who connects from which address is ours to choose, and no
//! packet leaves them.

use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, sockopt};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::artefact::PORT;
use crate::verify::check::Trouble;
use crate::verify::process;

/// Addresses that the server may have, of the networks for documentation (RFC 5737, RFC 3849): one that is no client's.
const SERVERS4: [Ipv4Addr; 3] =
    [Ipv4Addr::new(198, 51, 100, 101), Ipv4Addr::new(192, 0, 2, 102), Ipv4Addr::new(203, 0, 113, 103)];
const SERVERS6: [Ipv6Addr; 2] =
    [Ipv6Addr::new(0x2001, 0xdb8, 0xff, 0, 0, 0, 0, 0x101), Ipv6Addr::new(0x2001, 0xdb8, 0xfe, 0, 0, 0, 0, 0x102)];
/// Where the host publishes the container's port, and the container: of the networks for benchmarks (RFC 2544) and for
/// documentation.
const CONTAINERS4: [[Ipv4Addr; 2]; 2] = [
    [Ipv4Addr::new(198, 18, 7, 1), Ipv4Addr::new(198, 18, 9, 2)],
    [Ipv4Addr::new(198, 19, 7, 1), Ipv4Addr::new(198, 19, 9, 2)],
];
const CONTAINERS6: [[Ipv6Addr; 2]; 2] = [
    [Ipv6Addr::new(0x2001, 0xdb8, 0xfd, 0, 0, 0, 0, 0x1), Ipv6Addr::new(0x2001, 0xdb8, 0xfd, 1, 0, 0, 0, 0x2)],
    [Ipv6Addr::new(0x2001, 0xdb8, 0xfc, 0, 0, 0, 0, 0x1), Ipv6Addr::new(0x2001, 0xdb8, 0xfc, 1, 0, 0, 0, 0x2)],
];
/// The clients' namespace.
const CLIENTS: &str = "/run/netns/clients";
/// The container's.
const CONTAINER: &str = "/run/netns/container";
/// An answer that takes longer was dropped; the first repetition of a packet comes after a second.
const PATIENCE: Duration = Duration::from_millis(700);

/// `sh -c SCRIPT network SERVER4 SERVER6 PUBLISHED4 PUBLISHED6 CONTAINER4 CONTAINER6 BRIDGE`, then the clients' addresses.
/// The host forwards to the container as it does for Docker, over a device that is called as the project's bridge.
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
ip netns add container
ip netns exec container sh -euc "$no_waiting"
ip link add "$7" type veth peer name eth0 netns container
ip -batch - <<TEXT
addr add $3/32 dev lo
addr add $4/128 dev lo
addr add fe80::2/64 dev $7 nodad
link set $7 up
route add $5/32 dev $7
route add $6/128 dev $7
TEXT
ip -netns container -batch - <<TEXT
link set lo up
link set eth0 up
addr add $5/32 dev eth0
addr add $6/128 dev eth0 nodad
route add default via $3 dev eth0 onlink
route add default via fe80::2 dev eth0
TEXT
echo 1 >/proc/sys/net/ipv4/ip_forward
echo 1 >/proc/sys/net/ipv6/conf/all/forwarding
gateway=$1
shift 7
{
  echo link set lo up
  echo link set eth0 up
  for address; do
    case $address in
      *:*) echo "addr add $address/128 dev eth0 nodad" ;;
      *) echo "addr add $address/32 dev eth0" ;;
    esac
  done
  echo route add default via "$gateway" dev eth0 onlink
  echo route add default via fe80::1 dev eth0
} | ip -netns clients -batch -
# The kernel tells of a new link within a second; what is sent before is lost.
until ip link show clients | grep -q 'state UP' && ip -netns clients link show eth0 | grep -q 'state UP'; do
  sleep 0.05
done
"#;

/// Rules for `nft`: what Docker does with a published port, at Docker's priority.
fn publish(port: u16, [published4, container4]: [Ipv4Addr; 2], [published6, container6]: [Ipv6Addr; 2]) -> String {
    format!(
        "table inet published {{\nchain ports {{\ntype nat hook prerouting priority dstnat;\n\
         ip daddr {published4} tcp dport {port} dnat ip to {container4}:{PORT}\n\
         ip6 daddr {published6} tcp dport {port} dnat ip6 to [{container6}]:{PORT}\n}}\n}}\n"
    )
}

/// Which way a client takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// To a server of the host.
    Host,
    /// To the port of the host behind which the container is.
    Published,
    /// Straight to the container, as a neighbour with a route does.
    Routed,
}

/// A connection that was there before the filter: both of its ends.
pub(super) struct Kept {
    pub(super) from: IpAddr,
    client: TcpStream,
    server: TcpStream,
}

impl Kept {
    /// True if what the client says arrives.
    pub(super) fn works(&mut self) -> Result<bool, Trouble> {
        let failed = |error: std::io::Error| Trouble::Failed(format!("a connection of {}: {error}", self.from));
        self.server.set_read_timeout(Some(PATIENCE)).map_err(failed)?;
        // Where it was closed, writing or reading fails: it is as good as stalled.
        Ok(self.client.write_all(b".").is_ok() && self.server.read(&mut [0]).is_ok_and(|count| count == 1))
    }
}

/// The network with a listening server in it.
pub(super) struct Network {
    port: u16,
    server4: Ipv4Addr,
    server6: Ipv6Addr,
    /// Where the host publishes the container's port, and the container.
    container4: [Ipv4Addr; 2],
    container6: [Ipv6Addr; 2],
    /// Connections that the server holds; the thread that accepts them ends with the proof.
    accepted: mpsc::Receiver<TcpStream>,
}

impl Network {
    /// Makes it, with these addresses for clients, and this name for the bridge; for a proof inside namespaces.
    pub(super) fn new(port: u16, clients: &[IpAddr], bridge: &str) -> Result<Network, Trouble> {
        let free = |address: IpAddr| !clients.contains(&address);
        let server4 = SERVERS4.into_iter().find(|address| free((*address).into()));
        let server6 = SERVERS6.into_iter().find(|address| free((*address).into()));
        let container4 = CONTAINERS4.into_iter().find(|pair| pair.iter().all(|address| free((*address).into())));
        let container6 = CONTAINERS6.into_iter().find(|pair| pair.iter().all(|address| free((*address).into())));
        let (Some((server4, server6)), Some((container4, container6))) =
            (server4.zip(server6), container4.zip(container6))
        else {
            return Trouble::failed("the allow list leaves the server no address to be tried at");
        };
        let mut command = process::command("sh");
        command.args(["-euc", SCRIPT, "network"]).args([server4.to_string(), server6.to_string()]);
        for (address4, address6) in container4.iter().zip(&container6) {
            command.args([address4.to_string(), address6.to_string()]);
        }
        command.arg(bridge).args(clients.iter().map(IpAddr::to_string));
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
        let inside = within(CONTAINER, || {
            TcpListener::bind((Ipv6Addr::UNSPECIFIED, PORT)).map_err(|error| Trouble::Failed(error.to_string()))
        })?;
        for listener in [listener, inside] {
            let sender = sender.clone();
            thread::spawn(move || {
                for stream in listener.incoming().map_while(Result::ok) {
                    if sender.send(stream).is_err() {
                        break;
                    }
                }
            });
        }
        Ok(Network { port, server4, server6, container4, container6, accepted })
    }

    /// Publishes the container's port, once for all filters.
    pub(super) fn publish(&self) -> Result<(), Trouble> {
        process::need("nft", "nftables")?;
        let rules = publish(self.port, self.container4, self.container6);
        let said = process::run(process::command("nft").arg(rules), Duration::from_secs(10))?;
        if said.well() {
            return Ok(());
        }
        Err(Trouble::missing(format!("no port is published here: {}", said.told()), "load the kernel's module nf_nat"))
    }

    /// The server, as an address of this family reaches it.
    fn server(&self, way: Way, from: IpAddr) -> SocketAddr {
        let (([published4, container4], [published6, container6]), v4) =
            ((self.container4, self.container6), from.is_ipv4());
        let pick = |of4: Ipv4Addr, of6: Ipv6Addr| if v4 { IpAddr::from(of4) } else { IpAddr::from(of6) };
        match way {
            Way::Host => (pick(self.server4, self.server6), self.port).into(),
            Way::Published => (pick(published4, published6), self.port).into(),
            Way::Routed => (pick(container4, container6), PORT).into(),
        }
    }

    /// Connections that stay, of these clients.
    pub(super) fn keep(&self, way: Way, from: &[IpAddr]) -> Result<Vec<Kept>, Trouble> {
        let mut servers = Vec::new();
        let mut kept = Vec::new();
        for (from, client) in self.connect(way, from)? {
            let client = TcpStream::from(client);
            let unblocked = client.set_nonblocking(false).and_then(|()| client.local_addr());
            let own = unblocked.map_err(|error| Trouble::Failed(error.to_string()))?;
            let place = loop {
                if let Some(place) = servers.iter().position(|server| is_from(server, own)) {
                    break place;
                }
                // The server's thread may be a moment behind.
                match self.accepted.recv_timeout(PATIENCE) {
                    Ok(server) => servers.push(server),
                    Err(error) => return Trouble::failed(format!("the server knows no connection of {from}: {error}")),
                }
            };
            kept.push(Kept { from, client, server: servers.swap_remove(place) });
        }
        Ok(kept)
    }

    /// Which of these get in, each with one packet at the same moment; the connections stay open.
    pub(super) fn connect(&self, way: Way, from: &[IpAddr]) -> Result<Vec<(IpAddr, OwnedFd)>, Trouble> {
        // What was closed is closed at the server, too.
        while self.accepted.try_recv().is_ok() {}
        let server = |address| self.server(way, address);
        let server: Vec<SocketAddr> = from.iter().copied().map(server).collect();
        within(CLIENTS, || {
            let started: Result<Vec<_>, Errno> =
                from.iter().zip(&server).map(|(from, to)| Ok((*from, start(*from, *to)?))).collect();
            let started = started.map_err(|error| Trouble::Failed(format!("a client's socket: {error}")))?;
            Ok(wait(started))
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

/// Does something in a namespace, in a thread of its own.
fn within<T: Send>(space: &str, work: impl FnOnce() -> Result<T, Trouble> + Send) -> Result<T, Trouble> {
    thread::scope(|scope| {
        let there = scope.spawn(|| {
            let file = File::open(space).map_err(|error| Trouble::Failed(format!("{space}: {error}")))?;
            move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network))
                .map_err(|error| Trouble::Failed(format!("{space}: {error}")))?;
            work()
        });
        there.join().unwrap_or_else(|_| Trouble::failed("a thread panicked"))
    })
}

/// True if the server's end belongs to this address of a client; one of IPv4 is written in IPv6's way there.
fn is_from(server: &TcpStream, client: SocketAddr) -> bool {
    server.peer_addr().is_ok_and(|peer| peer.port() == client.port() && peer.ip().to_canonical() == client.ip())
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
