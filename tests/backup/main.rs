//! In: profiles with backups, built by the program. Out: proof that each backup comes back key by key on every server at
//! hand, with the append-only file on and off, and that what is damaged, foreign or half made is refused.
//!
//! The emitted scripts run as they are; a program `docker` of ours runs what the containers would, with the test's folders
//! (place.rs). The same with a real Docker is tests/containers/backups.rs.
//!
//! Needs root and the packages age, prometheus, python3-pip, redis-server, redis-tools, systemd and util-linux. A missing
//! one fails the test and is named.

#![allow(
    unreachable_pub,
    dead_code,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::panic,
    reason = "a test may fail, and tells why"
)]

#[path = "../server/engine.rs"]
mod engine;

mod data;
mod place;

mod making;
mod refusing;
mod returning;
mod units;
