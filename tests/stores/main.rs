//! `secret-store/` and `.env`: what brings passwords out of a store, with the store. For Vault that is `OpenBao`, its fork with
//! the same API, agent and command line, really running. For AWS it is the real command line against moto, a stand-in with
//! the HTTP API of AWS Secrets Manager, since nobody can run that himself.
//!
//! A missing program fails the test and is named.

#![allow(
    unreachable_pub,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::panic,
    reason = "a test may fail, and tells why"
)]

#[path = "../common/mod.rs"]
mod common;

mod aws;
mod dotenv;
mod lab;
mod vault;
