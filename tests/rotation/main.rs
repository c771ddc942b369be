//! Rotation of passwords: nobody is refused while it goes on, and wherever it is interrupted it goes on or goes back.
//! Needs root, and what `tests/run.sh` installs. A missing program fails the test and is named.

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

mod interrupted;
mod lab;
mod load;
mod plan;
mod sealing;
mod status;
mod tree;
