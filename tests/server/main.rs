//! What `redisgen build` writes, judged by the servers that read it: Debian's Redis 7.0, and six others
//! from `tests/servers.sh`. Each server runs as the compose file says, on the paths it names, as uid
//! 999 without capabilities, in a root, a network and mounts of its own (`sandbox.rs`).
//!
//! Needs root, and the packages redis-server, openssl, iproute2, util-linux and python3-pip. A missing one
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

mod client;
mod deployment;
mod engine;
mod sandbox;

mod append_only;
mod apply;
mod development;
mod engines;
mod production;
mod rename;
mod renewal;
mod replay;
mod roles;
mod sentinel;
mod tls;
