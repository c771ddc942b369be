//! The one place that prints: findings and results to stdout, progress and errors to stderr. Colours end
//! where `NO_COLOR` or a pipe asks for it; a closed pipe ends quietly.

use std::io::Write;

/// Prints to standard output.
pub fn out(text: &str) {
    let mut stream = anstream::stdout();
    // Nobody is left to tell if the pipe is closed.
    let _closed = stream.write_all(text.as_bytes()).and_then(|()| stream.flush());
}

/// Prints one JSON document to standard output while it is made.
pub fn json(document: &impl serde::Serialize) {
    let mut stream = std::io::BufWriter::new(anstream::stdout());
    // What is printed has no maps with odd keys: only a closed pipe can fail.
    let _closed = serde_json::to_writer_pretty(&mut stream, document)
        .map_err(std::io::Error::from)
        .and_then(|()| stream.write_all(b"\n").and_then(|()| stream.flush()));
}

/// Prints to standard error.
pub fn err(text: &str) {
    let mut stream = anstream::stderr();
    let _closed = stream.write_all(text.as_bytes()).and_then(|()| stream.flush());
}
