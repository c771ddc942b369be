//! In: the command line. Out: an exit code. The clock is read here and nowhere else.

use std::process::ExitCode;

use clap::Parser;
use redisgen::{cli::Cli, command};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[expect(clippy::disallowed_methods, reason = "the one place that reads the clock")]
fn main() -> ExitCode {
    command::run(&Cli::parse(), time::OffsetDateTime::now_utc()).into()
}
