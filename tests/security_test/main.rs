//! `tests/security-test.sh` as `redisgen build` writes it, run against the real servers, which run as the compose file
//! says: it holds against what was built, and says `not ok` for exactly the protection that was taken away.
//!
//! Needs root, and the packages redis-server, redis-tools, openssl, iproute2, util-linux and python3-pip. A missing one
//! fails the test and is named.

#![allow(
    unreachable_pub,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test may fail, and tells why"
)]

#[allow(dead_code, reason = "shared with the tests of the server, which use all of it")]
#[path = "../server/client.rs"]
mod client;
#[allow(dead_code, reason = "shared with the tests of the server, which use all of it")]
#[path = "../server/deployment.rs"]
mod deployment;
#[allow(dead_code, reason = "shared with the tests of the server, which use all of it")]
#[path = "../server/engine.rs"]
mod engine;
#[allow(dead_code, reason = "shared with the tests of the server, which use all of it")]
#[path = "../server/sandbox.rs"]
mod sandbox;

mod tap;

mod engines;
mod harmless;
mod mutations;
mod usage;
