//! In: profiles built by the program. Out: proof that real Compose accepts what it emits, that a real Docker
//! engine enforces it, and that each proof can fail.
//!
//! The image carries the official image's name and this machine's own redis-server (see docker/image.sh).
//! Profiles that name 7.4 are therefore only parsed by Compose here; those that run say 7.0.15, since
//! `hide-user-data-from-log` of 7.4 stops a 7.0 server. Each test has an engine of its own, because nextest
//! gives each a process.

#![allow(
    unreachable_pub,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::panic,
    clippy::wildcard_imports,
    reason = "a test may fail, and tells why"
)]

mod deployment;
mod engine;
mod program;

mod backups;
mod compose;
mod exposures;
mod filter;
mod incidents;
mod production;
mod storage;
