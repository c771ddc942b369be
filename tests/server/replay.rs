//! What stood between MULTI and EXEC, or in a script, is there again after a restart: servers check it against `default`
//! when they read their own append-only file, and `default` is off.

use std::fs;

use crate::deployment::Deployment;
use crate::engine;
use crate::rename::{line, profile};
use crate::sandbox::Server;

/// Each of these ends in the file as a transaction.
const WRITES: &[&str] = &[
    "MULTI",
    "SET a 1",
    "SELECT 2",
    "SET b 1",
    "SELECT 0",
    "PFADD p x y",
    "PFCOUNT p",
    "COPY a a2",
    "GEOADD g 1 1 x",
    "EXEC",
    "EVAL \"redis.call('set','s1','1'); return redis.call('set','s2','1')\" 0",
    "SADD set a b c d e f",
    "SPOP set 2",
    "XADD x 1-1 f v",
    "XGROUP CREATE x group 0",
    "XREADGROUP GROUP group me STREAMS x >",
];
const READS: &[&str] =
    &["EXISTS a a2 p g", "EXISTS s1 s2", "SCARD set", "XPENDING x group", "SELECT 2", "GET b", "SELECT 0"];
/// Where there are vector sets: commands without a category.
const VECTORS: &[&str] = &["MULTI", "VADD v VALUES 2 1 1 e", "VADD v VALUES 2 1 2 f", "VREM v e", "EXEC"];

fn read(server: &Server, vectors: bool) -> String {
    let reads = READS.iter().chain(["VCARD v"].iter().filter(|_| vectors)).copied();
    let output = server.client("admin").output(&reads.collect::<Vec<_>>());
    String::from_utf8(output.stdout).expect("text")
}

#[test]
fn transactions_survive_a_restart() {
    for engine in engine::all() {
        let vectors = line(&engine).command("vadd").is_some();
        let deployment = Deployment::build(&profile(&engine, "disabled: []"));
        let server = Server::boot(&deployment, &engine);
        server.client("admin").output(WRITES);
        if vectors {
            server.client("admin").output(VECTORS);
        }
        let before = read(&server, vectors);
        assert!(before.starts_with("4\n2\n4\n1\n"), "{engine:?}: {before}");
        server.terminate();
        let server = Server::boot(&deployment, &engine);
        assert_eq!(read(&server, vectors), before, "{engine:?}: {}", server.log());
        // PFCOUNT only writes down what it counted: nothing would be lost, but the server complains.
        assert!(!server.log().contains("NOPERM"), "{engine:?}: {}", server.log());
        // It is nobody's way in.
        for command in ["GET a", "SET a 2", "FLUSHALL", "AUTH default \"\"", "AUTH \"\"", "AUTH default x"] {
            let reply = server.stranger().run(command);
            let refused = ["NOAUTH", "WRONGPASS", "ERR AUTH"].iter().any(|word| reply.starts_with(word));
            assert!(refused, "{engine:?}: {command}: {reply}");
        }
        server.terminate();
        // The control: with the rights that one would expect of a user that is off, the same file loses them.
        let sealed = deployment.secret("server/users.acl");
        let text = fs::read_to_string(&sealed).expect("sealed");
        let locked: Vec<&str> = text
            .lines()
            .map(|line| if line.starts_with("user default ") { "user default off resetchannels -@all" } else { line })
            .collect();
        fs::write(&sealed, locked.join("\n")).expect("written");
        let lost = read(&Server::boot(&deployment, &engine), vectors) != before;
        let mended = ["6.2.14", "9.1.2"].contains(&engine.version.as_str());
        assert_eq!(lost, !mended, "{engine:?}");
    }
}
