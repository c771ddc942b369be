//! A client that speaks RESP2 over TCP or TLS: the little that proofs need, and nothing that a hostile server could make
//! large, deep or endless.

use std::fmt;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use rustls::{ClientConnection, StreamOwned};

use super::reply::{self, Reply};
use super::tls::Tls;
use crate::verify::check::Trouble;
use crate::verify::interrupt;

/// How long a connection, a handshake, or an answer as a whole may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a signal may go unnoticed.
const BREATH: Duration = Duration::from_millis(50);
/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoAnswer(pub String);

/// How the reason starts if nobody was there, or nothing came in time.
const SILENCE: &str = "nobody answers";

impl NoAnswer {
    /// True if nobody was there, or nothing came in time: unlike one who hangs up, silence refuses nothing.
    pub fn is_silence(&self) -> bool {
        self.0.starts_with(SILENCE)
    }

    fn silent(reason: impl fmt::Display) -> NoAnswer {
        NoAnswer(format!("{SILENCE}: {reason}"))
    }
}

impl fmt::Display for NoAnswer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl From<NoAnswer> for Trouble {
    fn from(reason: NoAnswer) -> Trouble {
        if interrupt::asked() { Trouble::Interrupted } else { Trouble::Failed(reason.0) }
    }
}

impl From<std::io::Error> for NoAnswer {
    fn from(error: std::io::Error) -> NoAnswer {
        if error.kind() == ErrorKind::TimedOut { NoAnswer::silent(error) } else { NoAnswer(error.to_string()) }
    }
}

/// A connection that gives up at a time, however slowly the other side goes on, and when somebody asks to stop.
struct Socket {
    stream: TcpStream,
    deadline: Instant,
}

impl Socket {
    fn connect(address: SocketAddr) -> Result<Socket, NoAnswer> {
        let (sender, receiver) = mpsc::channel();
        let deadline = Instant::now() + PATIENCE;
        // The system lets nobody interrupt this; who stops waiting leaves it to end by itself.
        std::thread::spawn(move || sender.send(TcpStream::connect_timeout(&address, PATIENCE)));
        let stream = loop {
            match receiver.recv_timeout(BREATH) {
                Ok(connected) => break connected.map_err(NoAnswer::silent)?,
                Err(RecvTimeoutError::Timeout) if !interrupt::asked() => {}
                Err(_) => return Err(NoAnswer::silent("interrupted")),
            }
        };
        stream.set_read_timeout(Some(BREATH))?;
        stream.set_write_timeout(Some(BREATH))?;
        stream.set_nodelay(true)?;
        Ok(Socket { stream, deadline })
    }

    /// From now on there is as much time again.
    fn renew(&mut self) {
        self.deadline = Instant::now() + PATIENCE;
    }

    /// Tries until it works, fails, or takes too long.
    fn patiently(
        &mut self,
        mut attempt: impl FnMut(&mut TcpStream) -> std::io::Result<usize>,
    ) -> std::io::Result<usize> {
        loop {
            // Asked first: a server that says a little all the time is too slow, too.
            if Instant::now() > self.deadline || interrupt::asked() {
                return Err(std::io::Error::new(
                    ErrorKind::TimedOut,
                    format!("nothing within {} s", PATIENCE.as_secs()),
                ));
            }
            match attempt(&mut self.stream) {
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                done => return done,
            }
        }
    }
}

impl Read for Socket {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.patiently(|stream| stream.read(buffer))
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.patiently(|stream| stream.write(bytes))
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.stream.flush()
    }
}

enum Stream {
    Plain(Socket),
    Encrypted(Box<StreamOwned<ClientConnection, Socket>>),
}

impl Stream {
    fn renew(&mut self) {
        match self {
            Stream::Plain(socket) => socket.renew(),
            Stream::Encrypted(stream) => stream.sock.renew(),
        }
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        match self {
            Stream::Plain(stream) => stream.read(buffer),
            Stream::Encrypted(stream) => stream.read(buffer),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match self {
            Stream::Plain(stream) => stream.write(bytes),
            Stream::Encrypted(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        match self {
            Stream::Plain(stream) => stream.flush(),
            Stream::Encrypted(stream) => stream.flush(),
        }
    }
}

/// An open connection.
pub struct Connection {
    stream: BufReader<Stream>,
}

impl Connection {
    /// Connects; with `tls`, shakes hands and checks the server's certificate and name.
    ///
    /// # Errors
    /// Nobody answers, or either side refuses the other.
    pub fn open(address: SocketAddr, tls: Option<&Tls>) -> Result<Connection, NoAnswer> {
        let mut socket = Socket::connect(address)?;
        socket.renew();
        let stream = match tls {
            None => Stream::Plain(socket),
            Some(tls) => {
                let mut stream = StreamOwned::new(tls.client()?, socket);
                while stream.conn.is_handshaking() {
                    stream.conn.complete_io(&mut stream.sock)?;
                }
                Stream::Encrypted(Box::new(stream))
            }
        };
        Ok(Connection { stream: BufReader::new(stream) })
    }

    /// The certificate that the server showed, as DER; none without TLS.
    pub fn certificate(&self) -> Option<Vec<u8>> {
        match self.stream.get_ref() {
            Stream::Plain(_) => None,
            Stream::Encrypted(stream) => Some(stream.conn.peer_certificates()?.first()?.to_vec()),
        }
    }

    /// Sends a command and waits for its answer.
    ///
    /// # Errors
    /// The connection ends, or what comes is no answer.
    pub fn call<Word: AsRef<[u8]>>(&mut self, words: &[Word]) -> Result<Reply, NoAnswer> {
        self.send(words)?;
        self.answer()
    }

    /// Sends commands at once and waits for all answers, in order.
    ///
    /// # Errors
    /// The connection ends, or what comes is no answer.
    pub fn call_all(&mut self, commands: &[Vec<String>]) -> Result<Vec<Reply>, NoAnswer> {
        let mut replies = Vec::with_capacity(commands.len());
        // Not more at once than both sides' buffers take.
        for some in commands.chunks(64) {
            for command in some {
                self.send(command)?;
            }
            for _ in some {
                replies.push(self.answer()?);
            }
        }
        Ok(replies)
    }

    /// Sends a command without waiting.
    ///
    /// # Errors
    /// The connection ends.
    pub fn send<Word: AsRef<[u8]>>(&mut self, words: &[Word]) -> Result<(), NoAnswer> {
        let mut text = format!("*{}\r\n", words.len()).into_bytes();
        for word in words {
            let word = word.as_ref();
            text.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
            text.extend_from_slice(word);
            text.extend_from_slice(b"\r\n");
        }
        let stream = self.stream.get_mut();
        stream.renew();
        stream.write_all(&text)?;
        Ok(stream.flush()?)
    }

    /// Waits for one answer.
    ///
    /// # Errors
    /// The connection ends, or what comes is no answer.
    pub fn answer(&mut self) -> Result<Reply, NoAnswer> {
        self.stream.get_mut().renew();
        reply::read(&mut self.stream)
    }

    /// The first byte of what comes, whatever it is; none if the other side hangs up.
    ///
    /// # Errors
    /// Nothing comes.
    pub fn first(&mut self) -> Result<Option<u8>, NoAnswer> {
        self.stream.get_mut().renew();
        match self.stream.fill_buf() {
            Ok(bytes) => Ok(bytes.first().copied()),
            Err(error) if error.kind() == ErrorKind::TimedOut => Err(error.into()),
            // As a reset.
            Err(_) => Ok(None),
        }
    }

    /// Logs in.
    ///
    /// # Errors
    /// The connection ends, or the server refuses, with its words.
    pub fn login(&mut self, user: &str, password: &str) -> Result<(), NoAnswer> {
        match self.call(&["AUTH", user, password])? {
            Reply::Status(_) => Ok(()),
            other => Err(NoAnswer(other.to_string())),
        }
    }
}
