//! In: the port of a server. Out: a port of somebody between, who does to clients what a server of ours does not.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::time::Duration;

/// What happens to clients.
#[derive(Clone, Copy)]
pub enum Proxy {
    /// Plain text goes to another port.
    Serves { plain: u16 },
    /// Neither plain text nor clients without a certificate get any answer.
    Silent,
    /// One byte at a time of an answer that never ends.
    Drips(&'static [u8]),
}

/// A client's certificate makes its second flight at least so long.
const WITH_CERTIFICATE: usize = 400;

impl Proxy {
    /// Listens in front of a server, until the test's process ends.
    pub fn before(self, server: u16) -> u16 {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let port = listener.local_addr().expect("address").port();
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                std::thread::spawn(move || self.serve(client, server));
            }
        });
        port
    }

    /// Whoever goes is gone: no error of a connection is an error here.
    fn serve(self, mut client: TcpStream, server: u16) -> Option<()> {
        let mut first = [0; 4096];
        let count = client.read(&mut first).ok()?;
        let first = &first[..count];
        let tls = first.first() == Some(&0x16);
        match self {
            Proxy::Drips(start) => {
                client.write_all(start).ok()?;
                loop {
                    client.write_all(b"x").ok()?;
                    std::thread::sleep(Duration::from_millis(20));
                }
            }
            Proxy::Serves { plain } if !tls => {
                let mut onward = connect(plain)?;
                onward.write_all(first).ok()?;
                both(client, onward)
            }
            Proxy::Silent if !tls => held(&client),
            Proxy::Silent => {
                let mut onward = connect(server)?;
                onward.write_all(first).ok()?;
                let (mut from, mut to) = (onward.try_clone().ok()?, client.try_clone().ok()?);
                std::thread::spawn(move || std::io::copy(&mut from, &mut to));
                let mut kept = Vec::new();
                let mut part = [0; 4096];
                while kept.len() < WITH_CERTIFICATE {
                    let count = client.read(&mut part).ok().filter(|count| *count > 0)?;
                    kept.extend_from_slice(&part[..count]);
                }
                onward.write_all(&kept).ok()?;
                both(client, onward)
            }
            Proxy::Serves { .. } => {
                let mut onward = connect(server)?;
                onward.write_all(first).ok()?;
                both(client, onward)
            }
        }
    }
}

fn connect(port: u16) -> Option<TcpStream> {
    TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok()
}

/// Keeps the connection open until the client goes.
fn held(mut client: &TcpStream) -> Option<()> {
    let mut buffer = [0; 4096];
    while client.read(&mut buffer).ok()? > 0 {}
    Some(())
}

fn both(client: TcpStream, server: TcpStream) -> Option<()> {
    let (mut from, mut to) = (client.try_clone().ok()?, server.try_clone().ok()?);
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Write);
    });
    let (mut from, mut to) = (server, client);
    let _ = std::io::copy(&mut from, &mut to);
    let _ = to.shutdown(Shutdown::Both);
    Some(())
}
