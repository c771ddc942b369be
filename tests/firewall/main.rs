//! In: rules that the program wrote. Out: what real packets do, seen by real clients of a real server.
//!
//! Each test runs again inside namespaces of its own, where it is root on a server with cables to a handful of
//! clients (`lab.rs`, `network.sh`); the kernel takes all of it away when the test ends, however that ends.
//! Root is needed for UFW, for the unit and for iptables' older half; the others run for anybody, in a user
//! namespace, and one test shows that they do. A missing tool fails the test: install nftables, iptables, ufw,
//! redis-server, iproute2, util-linux and systemd.

#![allow(
    unreachable_pub,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::panic,
    clippy::wildcard_imports,
    reason = "a test may fail, and tells why"
)]

#[macro_use]
mod lab;
mod clients;
mod rules;

mod confirm;
mod limits;
mod refusals;
mod sources;
mod ufw;
mod unit;
mod unprivileged;
