//! `redisgen verify`, run as people run it: everything holds on what `build` writes, and for each protection there is an
//! edit that takes it away and makes exactly the check of that protection fail.
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

#[path = "../common/mod.rs"]
mod common;
#[path = "../server/deployment.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod deployment;
#[path = "../server/engine.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod engine;
mod proof;
#[path = "../terraform/provider.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod provider;
#[path = "../server/sandbox.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod sandbox;

mod confined;
mod files;
mod firewall;
mod fixtures;
mod frame;
mod live;
mod proxy;
mod server;
mod told;
