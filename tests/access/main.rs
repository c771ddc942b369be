//! What `redisgen build` writes for `network.bastion`, judged by OpenSSH: three machines (a person's, the bastion,
//! the Redis host) in networks of their own, a real sshd on two of them, the real server behind the port that the
//! compose file publishes (`hosts.rs`, `way.rs`).
//!
//! Needs root, and the packages openssh-client, openssh-server, redis-server, redis-tools, docker.io, nftables,
//! iproute2 and util-linux. A missing one fails the test and is named.

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
#[path = "../server/deployment.rs"]
mod deployment;
#[allow(dead_code, reason = "shared with the tests of the server, which use all of it")]
#[path = "../server/engine.rs"]
mod engine;
#[allow(dead_code, reason = "shared with the tests of the server, which use all of it")]
#[path = "../server/sandbox.rs"]
mod sandbox;

mod hosts;
mod way;

mod clients;
mod settings;
mod tunnel;
