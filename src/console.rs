//! The one place that prints: findings and results to stdout, progress and errors to stderr. Colours end
//! where `NO_COLOR` or a pipe asks for it; a closed pipe ends quietly.

use std::io::Write;

/// Prints to standard output.
pub fn out(text: &str) {
    let mut stream = anstream::stdout();
    // Nobody is left to tell if the pipe is closed.
    let _closed = stream.write_all(text.as_bytes()).and_then(|()| stream.flush());
}

/// Prints to standard error.
pub fn err(text: &str) {
    let mut stream = anstream::stderr();
    let _closed = stream.write_all(text.as_bytes()).and_then(|()| stream.flush());
}
