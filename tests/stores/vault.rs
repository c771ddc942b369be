//! Vault: `OpenBao`'s server, agent and command line.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::common::{Out, Room, check_script};
use crate::lab::{Redis, Service, Watched, free_port, holding, program};

const USERS: [&str; 2] = ["admin", "Order.Service_1"];
/// Of the server's own maker.
const ROOT: &str = "root-of-the-test";

/// A Vault with TLS, and a tree that is to get its passwords there.
struct Lab {
    room: Room,
    address: String,
    authority: PathBuf,
    _server: Service,
}

impl Lab {
    fn new() -> Lab {
        let room = Room::new();
        let port = free_port();
        let address = format!("https://127.0.0.1:{port}");
        std::fs::create_dir(room.path("tls")).expect("a folder");
        let authority = room.path("tls/vault-ca.pem");
        let mut server = Command::new(program("bao"));
        server.args(["server", "-dev", "-dev-tls", "-dev-no-store-token", "-dev-root-token-id", ROOT]);
        server.arg("-dev-listen-address").arg(format!("127.0.0.1:{port}"));
        server.arg("-dev-tls-cert-dir").arg(room.path("tls")).env("HOME", room.path("")).current_dir(room.path(""));
        let ready =
            || authority.exists() && vault(&address, &authority, ROOT, &["kv", "list", "secret"], "").code == Some(2);
        let server = Service::start(&mut server, &room.path("vault.log"), ready);
        room.file(
            "p.yaml",
            format!(
                "version: 1\nname: orders\nenvironment: production\nengine: {{ kind: redis, version: \"7.0.15\" }}\n\
                 users:\n  - {{ name: admin, role: admin }}\n\
                 \x20 - {{ name: Order.Service_1, role: application, keys: [\"orders:*\"] }}\n\
                 secrets: {{ store: vault, vault: {{ address: \"{address}\", mount: secret }} }}\n"
            ),
        );
        let lab = Lab { room, address, authority, _server: server };
        lab.build(&["--no-secrets"]);
        lab
    }

    fn build(&self, words: &[&str]) {
        self.room.run([&["build", "--deny", "error", "p.yaml"], words].concat()).ended(0);
    }

    /// The command line of whoever has this token; `input` is what it reads.
    fn vault(&self, token: &str, words: &[&str], input: &str) -> Out {
        vault(&self.address, &self.authority, token, words, input)
    }

    #[track_caller]
    fn keep(&self, user: &str, password: &str) {
        let path = format!("redis/orders/{user}");
        self.vault(ROOT, &["kv", "put", "-mount=secret", &path, "password=-"], password).ended(0);
    }

    fn watched(&self) -> Watched<'_> {
        Watched::new(&self.room, ("bao", &program("bao")))
    }

    fn file(&self, path: &str) -> String {
        self.room.read(&format!("deploy/secrets/{path}"))
    }

    fn password(&self, user: &str) -> String {
        self.file(&format!("clients/{user}/password"))
    }

    fn secrets(&self) -> Vec<String> {
        self.room
            .tree("deploy/secrets")
            .into_iter()
            .filter(|(_, entry)| entry.kind == 'f')
            .map(|(path, _)| path)
            .collect()
    }

    /// The variables that a host needs.
    fn trust(&self) -> [(&str, &str); 1] {
        [("VAULT_CACERT", self.authority.to_str().expect("a path"))]
    }

    /// The variables of somebody who may write policies.
    fn operator(&self) -> [(&str, &str); 2] {
        [self.trust()[0], ("VAULT_TOKEN", ROOT)]
    }
}

fn vault(address: &str, authority: &std::path::Path, token: &str, words: &[&str], input: &str) -> Out {
    use std::io::Write;
    let mut command = Command::new(program("bao"));
    command.args(words).env("VAULT_ADDR", address).env("VAULT_CACERT", authority).env("VAULT_TOKEN", token);
    command.env("HOME", "/nonexistent").env_remove("BAO_ADDR");
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("bao");
    // It may end before it reads.
    let _ = child.stdin.take().expect("piped").write_all(input.as_bytes());
    Out::from(child.wait_with_output().expect("ends"))
}

/// A password, each time another one.
fn random() -> String {
    let word = || std::fs::read_to_string("/proc/sys/kernel/random/uuid").expect("random");
    [word(), word()].map(|word| word.trim().replace('-', "")).concat()
}

#[test]
fn passwords_come_from_vault_and_the_token_stays_in_memory() {
    let lab = Lab::new();
    let watched = lab.watched();
    for script in ["fetch.sh", "approle.sh"] {
        check_script(&lab.room.path(&format!("deploy/secret-store/{script}")));
    }
    let kept = USERS.map(|_| random());
    for (user, password) in USERS.iter().zip(&kept) {
        lab.keep(user, password);
    }
    let early = watched.run("fetch.sh", &[], &lab.trust()).ended(2);
    assert!(early.stderr.contains("run approle.sh first"), "{early:?}");
    watched.run("approle.sh", &[], &lab.operator()).ended(0);

    // Neither another server nor another login nor an unchecked certificate of the terminal's.
    let mut variables = lab.trust().to_vec();
    variables.extend([
        ("VAULT_ADDR", "https://127.0.0.1:9"),
        ("BAO_ADDR", "https://127.0.0.1:9"),
        ("VAULT_TOKEN", "none"),
    ]);
    let fetched = watched.run("fetch.sh", &[], &variables).ended(0);
    for (user, password) in USERS.iter().zip(&kept) {
        assert_eq!(lab.password(user), *password);
        assert!(fetched.stderr.contains(&format!("{user}: a new password")), "{fetched:?}");
        assert_eq!(lab.room.mode(&format!("deploy/secrets/clients/{user}/password")), 0o644);
        assert!(!watched.started().contains(password.as_str()), "in an argument or an environment");
        assert!(!format!("{fetched:?}").contains(password.as_str()), "on the terminal");
        assert_eq!(holding(&lab.room.path("deploy"), password), [format!("./secrets/clients/{user}/password")]);
    }
    assert_eq!(lab.room.mode("deploy/secrets"), 0o700);
    assert_eq!(lab.room.mode("deploy/secrets/vault"), 0o700);
    for id in ["role-id", "secret-id"] {
        assert_eq!(lab.room.mode(&format!("deploy/secrets/vault/{id}")), 0o600);
    }
    // No token: these files and no others, and nothing at home.
    let files = ["clients/Order.Service_1/password", "clients/admin/password", "vault/role-id", "vault/secret-id"];
    assert_eq!(lab.secrets(), [&[".gitignore"], &files[..]].concat());
    assert!(lab.room.tree("home").is_empty());
    assert!(!watched.started().contains(lab.file("vault/secret-id").trim()), "the secret id in an argument");

    // What the server reads, and who gets in.
    lab.build(&[]);
    let redis = Redis::start(&lab.room);
    assert!(USERS.iter().zip(&kept).all(|(user, password)| redis.admits(user, password)));
    assert!(!redis.admits("admin", &kept[1]), "the control");
    // A second time nothing is new.
    let again = watched.run("fetch.sh", &[], &lab.trust()).ended(0);
    assert_eq!(again.stderr, "");
    let before = lab.room.tree("deploy/secrets");
    lab.build(&[]);
    assert!(lab.room.tree("deploy/secrets") == before);

    // All or none.
    lab.keep("admin", &random());
    for (unusable, told) in [("short", "no password of 32 characters"), ("", "Vault gives no passwords")] {
        match unusable {
            "" => {
                lab.vault(ROOT, &["kv", "delete", "-mount=secret", "redis/orders/Order.Service_1"], "").ended(0);
            }
            other => lab.keep("Order.Service_1", other),
        }
        let refused = watched.run("fetch.sh", &[], &lab.trust()).ended(1);
        assert!(refused.stderr.contains(told), "{refused:?}");
        assert_eq!(USERS.map(|user| lab.password(user)), kept);
        assert!(!lab.room.path("deploy/secrets/fetched").exists());
    }
    lab.keep("Order.Service_1", &kept[1]);
    // A certificate that nobody vouches for, whatever the terminal says.
    let refused = watched.run("fetch.sh", &[], &[("VAULT_SKIP_VERIFY", "1"), ("BAO_SKIP_VERIFY", "1")]).ended(1);
    assert!(refused.stderr.contains("certificate"), "{refused:?}");
    assert_eq!(lab.password("admin"), kept[0]);
    // Two at once.
    std::fs::create_dir(lab.room.path("deploy/secrets/fetched")).expect("a folder");
    watched.run("fetch.sh", &[], &lab.trust()).ended(2);
    std::fs::remove_dir(lab.room.path("deploy/secrets/fetched")).expect("removed");
    let fetched = watched.run("fetch.sh", &[], &lab.trust()).ended(0);
    assert!(fetched.stderr.contains("admin: a new password") && !fetched.stderr.contains("Order"), "{fetched:?}");
    assert_ne!(lab.password("admin"), kept[0]);
}

#[test]
fn the_hosts_ids_open_its_passwords_only_and_can_be_taken_away() {
    let lab = Lab::new();
    let watched = lab.watched();
    for user in USERS {
        lab.keep(user, &random());
    }
    lab.vault(ROOT, &["kv", "put", "-mount=secret", "redis/others/admin", "password=-"], &random()).ended(0);
    watched.run("approle.sh", &["--off"], &lab.operator()).ended(2);
    watched.run("approle.sh", &["--from", "1; rm"], &lab.operator()).ended(2);
    watched.run("approle.sh", &[], &lab.trust()).ended(1);
    watched.run("approle.sh", &[], &lab.operator()).ended(0);
    let ids = |lab: &Lab| [lab.file("vault/role-id"), lab.file("vault/secret-id")].map(|id| id.trim().to_owned());
    let [role, secret] = ids(&lab);
    let login = |secret: &str| {
        let words = ["write", "-field=token", "auth/approle/login", &format!("role_id={role}"), "secret_id=-"];
        lab.vault("", &words, secret)
    };
    let token = login(&secret).ended(0).stdout.trim().to_owned();
    let reads = |token: &str, path: &str| lab.vault(token, &["kv", "get", "-mount=secret", path], "").code == Some(0);
    assert!(reads(&token, "redis/orders/admin"));
    assert!(!reads(&token, "redis/others/admin") && reads(ROOT, "redis/others/admin"), "the second is the control");
    let writes = |token: &str| {
        lab.vault(token, &["kv", "put", "-mount=secret", "redis/orders/admin", "password=-"], &random()).code == Some(0)
    };
    assert!(!writes(&token) && writes(ROOT), "the second is the control");
    let policies = lab.vault(&token, &["token", "lookup", "-field=policies"], "").ended(0);
    assert_eq!(policies.stdout.trim(), "[redis.orders]");

    // A second time changes nothing; a new id takes the old one away.
    watched.run("approle.sh", &[], &lab.operator()).ended(0);
    assert_eq!(ids(&lab), [role.clone(), secret.clone()]);
    watched.run("approle.sh", &["--new"], &lab.operator()).ended(0);
    let [same, new] = ids(&lab);
    assert!(same == role && new != secret);
    assert!(login(&secret).code != Some(0) && login(&new).code == Some(0));
    assert!(!watched.started().contains(&secret) && !watched.started().contains(&new), "in an argument");
    watched.run("fetch.sh", &[], &lab.trust()).ended(0);

    // Bound to where the host is, and to where it is not.
    watched.run("approle.sh", &["--new", "--from", "192.0.2.0/24"], &lab.operator()).ended(0);
    watched.run("fetch.sh", &[], &lab.trust()).ended(1);
    watched.run("approle.sh", &["--new", "--from", "127.0.0.0/8"], &lab.operator()).ended(0);
    watched.run("fetch.sh", &[], &lab.trust()).ended(0);
    watched.run("approle.sh", &["--new"], &lab.operator()).ended(0);
    watched.run("fetch.sh", &[], &lab.trust()).ended(0);
}
