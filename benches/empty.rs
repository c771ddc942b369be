//! Does nothing: what a Rust program costs before its first line.

fn main() {}
