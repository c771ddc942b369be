//! `monitoring/` and the exporter, with what reads them: promtool and Prometheus of Debian, and the exporter's version that
//! the compose file names.
//!
//! Needs root, and what `tests/run.sh` installs. A missing program fails the test and is named.

#![allow(
    unreachable_pub,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test may fail, and tells why"
)]

#[path = "../server/client.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod client;
#[path = "../common/mod.rs"]
mod common;
#[path = "../server/deployment.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod deployment;
#[path = "../server/engine.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod engine;
#[path = "../server/sandbox.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod sandbox;

mod certificates;
mod exporter;
mod rules;
mod scrape;
