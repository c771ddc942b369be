//! In: the command line. Out: an exit code. The clock is read here and nowhere else.

use std::process::ExitCode;

use clap::Parser;
use redisgen::{cli::Cli, command};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[expect(clippy::disallowed_methods, reason = "the one place that reads the clock")]
fn main() -> ExitCode {
    // A umask that takes rights from the owner, too, would leave folders that not even this process can enter.
    let mask = rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
    rustix::process::umask(mask & (rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO));
    command::run(&Cli::parse(), time::OffsetDateTime::now_utc()).into()
}
