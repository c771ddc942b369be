//! In: modules that the program wrote. Out: proof that a real terraform takes them, with the schemas of the oldest
//! and the newest providers that they name, that no password reaches plan or state, and that each proof can fail.
//!
//! Needs terraform 1.11 or later on PATH, and the packages python3-grpcio, python3-msgpack, python3-protobuf and
//! protobuf-compiler. A missing one fails the test and is named. Nothing is downloaded: `provider.py` serves the
//! schemas.

#![allow(
    unreachable_pub,
    clippy::doc_markdown,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::panic,
    reason = "a test may fail, and tells why"
)]

#[path = "../common/mod.rs"]
mod common;
#[path = "../encoders/nasty.rs"]
mod nasty;
mod provider;

mod console;
mod modules;
mod secrets;
mod values;
