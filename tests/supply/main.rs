//! What redisgen is made of: licences, sources and versions of its crates as deny.toml allows them, no unsafe code of its
//! own, and the list of it that goes with a release.

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

mod crates;
mod list;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
