//! In: the command line. Out: an exit code. The clock is read here and nowhere else.

use std::process::ExitCode;

use clap::Parser;
use redisgen::{cli::Cli, command};

fn main() -> ExitCode {
    command::run(&Cli::parse(), time::OffsetDateTime::now_utc()).into()
}
