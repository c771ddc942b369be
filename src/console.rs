//! The one place that prints: findings and results to stdout, progress and errors to stderr. Colours end
//! where `NO_COLOR` or a pipe asks for it; a closed pipe ends quietly, and whatever else keeps an answer from being written
//! is remembered, so that the command does not end as if it had answered.

use std::io::{ErrorKind, Write};
use std::sync::atomic::{AtomicBool, Ordering};

static LOST: AtomicBool = AtomicBool::new(false);

/// True if a part of an answer could not be written, as on a full disk.
pub fn lost() -> bool {
    LOST.load(Ordering::Relaxed)
}

/// Prints to standard output.
pub fn out(text: &str) {
    let mut stream = anstream::stdout();
    written(stream.write_all(text.as_bytes()).and_then(|()| stream.flush()));
}

/// Prints one JSON document to standard output while it is made.
pub fn json(document: &impl serde::Serialize) {
    let mut stream = std::io::BufWriter::new(anstream::stdout());
    // What is printed has no maps with odd keys: only the stream can fail.
    let done = serde_json::to_writer_pretty(&mut stream, document).map_err(std::io::Error::from);
    written(done.and_then(|()| stream.write_all(b"\n").and_then(|()| stream.flush())));
}

/// Prints to standard error.
pub fn err(text: &str) {
    let mut stream = anstream::stderr();
    // Nobody is left to tell.
    let _lost = stream.write_all(text.as_bytes()).and_then(|()| stream.flush());
}

/// Whoever closed the pipe has read enough; anything else is told once.
fn written(result: std::io::Result<()>) {
    if let Err(error) = result
        && error.kind() != ErrorKind::BrokenPipe
        && !LOST.swap(true, Ordering::Relaxed)
    {
        err(&format!("redisgen: standard output: {error}\n"));
    }
}
