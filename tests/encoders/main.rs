//! What an encoder writes, the real reader of its format reads as the same text. Each property hands hundreds of texts to
//! one start of the reader; a counterexample is shrunk to the shortest one. What an encoder refuses is counted: a harmless
//! text never is. HCL's property is in tests/terraform, readers in Rust are in fuzz/.

#![allow(
    unreachable_pub,
    clippy::doc_markdown,
    clippy::duplicated_attributes,
    clippy::expect_used,
    clippy::format_collect,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::panic,
    reason = "a test may fail, and tells why"
)]

#[path = "../common/mod.rs"]
mod common;
mod nasty;

mod filters;
mod programs;
mod redis;
mod shells;
mod ssh;
mod units;
mod yaml;
