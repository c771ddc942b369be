//! What `redisgen build` writes into `client/`, run against the server of the same build: Debian's Redis 7.0 in a
//! network of its own, redis-py and node-redis from their registries, Go's and Rust's compilers (`tests/clients.sh`).
//!
//! Needs root, and the packages redis-server, redis-tools, openssl, iproute2, util-linux, python3-venv, shellcheck,
//! nodejs and npm. A missing one fails the test and is named.

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

mod lab;
mod languages;

mod connecting;
mod encryption;
mod files;
mod keys;
mod refusals;
mod sessions;
