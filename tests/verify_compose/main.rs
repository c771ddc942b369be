//! Levels `compose` and `host` of `redisgen verify`: they hold for what the program builds, and each protection that is
//! taken out of the tree makes exactly its check fail. The engine, the image and Compose are those of tests/docker.

#![allow(
    dead_code,
    unreachable_pub,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::panic,
    clippy::wildcard_imports,
    reason = "a test may fail, and tells why; modules of tests/containers are shared"
)]

#[path = "../containers/deployment.rs"]
mod deployment;
#[path = "../containers/engine.rs"]
mod engine;
#[path = "../containers/program.rs"]
mod program;

mod host;
mod proofs;
mod refused;
mod weak;
mod work;

use engine::Engine;
use work::*;

/// One engine for all: each test of its own would start one.
#[test]
fn compose() {
    let engine = Engine::start();
    let docker = Docker::new(&engine);
    let work: [(&str, fn(&Docker)); 9] = [
        ("production", proofs::production_holds),
        ("a built tree", proofs::a_tree_built_for_the_proof_holds),
        ("weak container", weak::a_weak_container),
        ("development", proofs::development_holds),
        ("weak limits", weak::weak_limits),
        ("weak behaviour", weak::weak_behaviour),
        ("weak development", weak::weak_development),
        ("interrupts", proofs::an_interrupt_leaves_nothing),
        ("refused", refused::nothing_harmful_starts),
    ];
    let next = std::sync::atomic::AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some((name, prove)) = work.get(next.fetch_add(1, std::sync::atomic::Ordering::Relaxed)) {
                    let start = std::time::Instant::now();
                    prove(&docker);
                    println!("{name}: {:.1} s", start.elapsed().as_secs_f64());
                }
            });
        }
    });
    docker.nothing_is_left("");
}
