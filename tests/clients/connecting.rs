//! What a long life brings: new passwords, silence, restarts, more threads than connections.

use std::collections::BTreeSet;
use std::fs;
use std::process::Output;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::deployment::Deployment;
use crate::lab::{Lab, Steps, clear, encrypted, printed};

#[test]
fn what_the_user_may_and_no_more() {
    let deployment = Deployment::build(&encrypted());
    let lab = Lab::new(&deployment);
    let said = printed(&mut lab.python(
        "
client = connect()
say(client.set(key('user', '1', 'profile'), b'x', ex=60), client.get('user:1:profile'), client.ttl('user:1:profile') > 0)
async def main():
    client = connect_async()
    say(await client.get(key('user', '1', 'profile')))
    await client.aclose()
asyncio.run(main())
",
    ));
    assert_eq!(said, "True b'x' True\nb'x'");
    let node = "
const client = await connect();
say(await client.get(key('user', '1', 'profile')));
client.destroy();
process.exit();
";
    assert_eq!(printed(&mut lab.node(node)), "x");
    // Nothing that they send on their own is refused: no line of the log is a false alarm.
    assert_eq!(lab.admin("acl log"), "");
    // The control: a refusal would stand there.
    let said = printed(&mut lab.python(
        "
try:
    connect().incr('user:2')
except redis.exceptions.NoPermissionError as error:
    say(error)
",
    ));
    assert!(said.contains("no permissions to run the 'incr"), "{said}");
    assert!(lab.admin("acl log").contains("incr"));
}

/// The password in the file counts from the next connection on, in a process that goes on running.
#[test]
fn a_new_password_is_read_when_it_connects_again() {
    const PYTHON: &str = "
client = connect(retries=1)
def ping(_=None):
    try:
        return client.ping()
    except redis.exceptions.AuthenticationError:
        return 'WRONGPASS'
say(ping())
while True:
    input()
    say(ping())
";
    const ASYNCIO: &str = "
async def main():
    client = connect_async(retries=1)
    async def ping():
        try:
            return await client.ping()
        except redis.exceptions.AuthenticationError:
            return 'WRONGPASS'
    say(await ping())
    while True:
        input()
        say(await ping())
asyncio.run(main())
";
    const NODE: &str = "
const client = await connect();
const ping = async () => {
  for (let tries = 0; tries < 40; tries += 1) {
    const answer = await client.ping().catch(() => null);
    if (answer !== null) return 'True';
    await sleep(100);
  }
  return 'WRONGPASS';
};
say(await ping());
for (;;) {
  await input();
  say(await ping());
}
";
    let deployment = Deployment::build(&clear());
    let lab = Lab::new(&deployment);
    let file = deployment.secret("clients/sessionapp/password");
    let original = fs::read(&file).expect("password");
    let rust = crate::languages::rust_program(&deployment);
    for language in ["Python", "Python with asyncio", "Node", "Rust"] {
        // As it was: each begins with the same.
        fs::write(&file, &original).expect("written");
        let change = format!("acl setuser sessionapp resetpass >{}", deployment.password("sessionapp"));
        assert_eq!(lab.admin(&change), "OK");
        let mut command = match language {
            "Python" => lab.python(PYTHON),
            "Node" => lab.node(NODE),
            "Rust" => crate::languages::rust_in(&lab, &deployment, &rust),
            _ => lab.python(ASYNCIO),
        };
        if language == "Rust" {
            command.arg("steps");
        }
        let words = |said: String| match said.as_str() {
            "PONG" => "True".to_owned(),
            text if text.contains("AuthenticationFailed") => "WRONGPASS".to_owned(),
            _ => said,
        };
        let mut steps = Steps::start(&mut command);
        assert_eq!(words(steps.said()), "True", "{language}");
        for turn in ["1", "2"] {
            let password = format!("{turn}{}", "a".repeat(63));
            let change = format!("acl setuser sessionapp resetpass >{password}");
            assert_eq!(lab.admin(&change), "OK");
            let killed = lab.admin("client kill user sessionapp");
            // Rust makes a connection for each try.
            assert!(language == "Rust" || killed != "0", "{language}");
            // The control: with what it knew it gets in no longer.
            assert_eq!(words(steps.next()), "WRONGPASS", "{language}");
            fs::write(&file, password).expect("written");
            assert_eq!(words(steps.next()), "True", "{language}");
        }
    }
}

/// Neither a server that accepts and says nothing, nor one that falls silent, is waited for longer than said.
#[test]
fn silence_ends() {
    const LISTEN: &str = "
import socket
listener = socket.create_server(('127.0.0.1', 7000))
def took(what):
    start = time.monotonic()
    try:
        said = what()
    except redis.RedisError:
        said = 'refused'
    return said, 0.4 < time.monotonic() - start < 3.0
";
    let deployment = Deployment::build(&clear());
    let lab = Lab::new(&deployment);
    let said = printed(
        lab.python(&format!(
            "{LISTEN}
say(*took(lambda: healthy(0.5)), *took(lambda: connect(0.5, retries=0).ping()))
say(*took(lambda: asyncio.run(healthy_async(0.5))))
"
        ))
        .env("REDIS_PORT", "7000"),
    );
    assert_eq!(said, "False True refused True\nFalse True");
    let mut silent = Steps::start(&mut lab.python(&format!("{LISTEN}say('listens')\ninput()\n")));
    assert_eq!(silent.said(), "listens");
    let node = "
const start = Date.now();
const said = await connect({ timeout: 500, retries: 0 }).catch(() => 'refused');
say(said, Date.now() - start > 400 && Date.now() - start < 3000);
process.exit();
";
    assert_eq!(printed(lab.node(node).env("REDIS_PORT", "7000")), "refused true");
    let rust = crate::languages::rust_program(&deployment);
    let healthy = |port: &str, milliseconds: &str| {
        let start = std::time::Instant::now();
        let mut command = lab.command(rust.to_str().expect("UTF-8"));
        let said = printed(
            command
                .args(["healthy", milliseconds])
                .env("REDIS_PORT", port)
                .env("REDIS_PASSWORD_FILE", deployment.secret("clients/sessionapp/password"))
                .env("REDIS_CA_FILE", deployment.secret("server/ca.crt"))
                .env("REDIS_CERT_FILE", deployment.secret("clients/sessionapp/client.crt"))
                .env("REDIS_KEY_FILE", deployment.secret("clients/sessionapp/client.key")),
        );
        (said, start.elapsed().as_millis())
    };
    let (said, took) = healthy("7000", "500");
    assert!(said == "false" && (400..3000).contains(&took), "{said} {took}");
    assert_eq!(healthy("6379", "2000").0, "true", "the control");

    let mut python = Steps::start(&mut lab.python(&format!(
        "{LISTEN_NOTHING}
client = connect(0.5, retries=0)
say(client.ping())
input()
say(*took(client.ping), *took(lambda: healthy(0.5)))
input()
say(client.ping())
",
        LISTEN_NOTHING = LISTEN.replace("listener = socket.create_server(('127.0.0.1', 7000))\n", "")
    )));
    let mut node = Steps::start(&mut lab.node(
        "
const client = await connect({ timeout: 500 });
say(await healthy(client, 500));
await input();
const start = Date.now();
say(await healthy(client, 500), Date.now() - start < 3000);
await input();
for (let tries = 0; tries < 50 && !(await healthy(client, 500)); tries += 1) await sleep(100);
say(await healthy(client, 500));
",
    ));
    assert_eq!((python.said(), node.said()), ("True".to_owned(), "true".to_owned()));
    lab.server.signal("STOP");
    assert_eq!((python.next(), node.next()), ("refused True False True".to_owned(), "false true".to_owned()));
    lab.server.signal("CONT");
    assert_eq!((python.next(), node.next()), ("True".to_owned(), "true".to_owned()));
}

/// The server is away for a moment, as when its container is made anew.
#[test]
fn a_restart_is_waited_out() {
    const PYTHON: &str = "
patient, impatient = connect(retries=20), connect(retries=0)
say(patient.set('user:1', 'a'), impatient.ping())
input()
try:
    impatient.get('user:1')
except redis.exceptions.ConnectionError:
    say('away')
say(patient.get('user:1'))
";
    const ASYNCIO: &str = "
async def main():
    patient, impatient = connect_async(retries=20), connect_async(retries=0)
    say(await patient.set('user:3', 'c'), await impatient.ping())
    input()
    try:
        await impatient.get('user:3')
    except redis.exceptions.ConnectionError:
        say('away')
    say(await patient.get('user:3'))
asyncio.run(main())
";
    const NODE: &str = "
const client = await connect();
say(await client.set('user:2', 'b'));
await input();
say(await client.get('user:2').catch(() => 'away'));
for (let answer = null; answer === null; await sleep(100)) {
  answer = await client.get('user:2').catch(() => null);
  if (answer !== null) say(answer);
}
";
    let deployment = Deployment::build(&clear());
    let mut lab = Lab::new(&deployment);
    let mut python = Steps::start(&mut lab.python(PYTHON));
    let mut asyncio = Steps::start(&mut lab.python(ASYNCIO));
    let mut node = Steps::start(&mut lab.node(NODE));
    let rust = crate::languages::rust_program(&deployment);
    let mut rust = Steps::start(crate::languages::rust_in(&lab, &deployment, &rust).arg("steps"));
    assert_eq!((python.said(), node.said()), ("True True".to_owned(), "OK".to_owned()));
    assert_eq!((asyncio.said(), rust.said()), ("True True".to_owned(), "PONG".to_owned()));
    lab.server.signal("TERM");
    while std::path::Path::new(&format!("/proc/{}/exe", lab.server.pid())).exists() {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    assert_eq!((python.next(), node.next()), ("away".to_owned(), "away".to_owned()), "the control");
    assert_eq!(asyncio.next(), "away", "the control");
    let refused = rust.next();
    assert!(refused.contains("Connection refused"), "the control: {refused}");
    lab.boot_beside(python.pid());
    assert_eq!(rust.next(), "PONG");
    assert_eq!(asyncio.said(), "b'c'");
    assert_eq!((python.said(), node.said()), ("b'a'".to_owned(), "b".to_owned()));
}

/// Rust tries again where the connection breaks before it is one: as often as the module says, and no more.
#[test]
fn rust_tries_again() {
    const BREAKS: &str = "
import socket
listener = socket.create_server(('127.0.0.1', 7000))
say('listens')
breaks, made = int(input()), 0
def carry(a, b):
    while data := a.recv(65536): b.sendall(data)
while True:
    client = listener.accept()[0]
    made += 1
    if made <= breaks:
        client.close()
        say('broke', made)
    else:
        server = socket.create_connection(('127.0.0.1', 6379))
        threading.Thread(target=carry, args=(client, server), daemon=True).start()
        threading.Thread(target=carry, args=(server, client), daemon=True).start()
";
    let deployment = Deployment::build(&clear());
    let lab = Lab::new(&deployment);
    let rust = crate::languages::rust_program(&deployment);
    for (breaks, expected) in [(2, "PONG"), (9, "refused")] {
        let mut listener = Steps::start(&mut lab.python(BREAKS));
        assert_eq!(listener.said(), "listens");
        listener.line(&breaks.to_string());
        let said = printed(crate::languages::rust_in(&lab, &deployment, &rust).arg("ping").env("REDIS_PORT", "7000"));
        assert!(said.starts_with(expected), "{breaks}: {said}");
        let broke: u32 = if breaks > 4 { 4 } else { breaks };
        for number in 1..=broke {
            assert_eq!(listener.said(), format!("broke {number}"));
        }
        if breaks > broke {
            // Whoever asks for health gets the first answer; and the fourth try was the last.
            let mut command = crate::languages::rust_in(&lab, &deployment, &rust);
            assert_eq!(printed(command.args(["healthy", "2000"]).env("REDIS_PORT", "7000")), "false");
            assert_eq!(listener.said(), "broke 5");
        }
    }
}

#[test]
fn a_pool_has_an_end() {
    let deployment = Deployment::build(&clear());
    let lab = Lab::new(&deployment);
    let said = printed(&mut lab.python(
        "
def most(client):
    held = []
    try:
        while len(held) < 30:
            held.append(client.connection_pool.get_connection())
    except redis.exceptions.ConnectionError:
        pass
    return len(held)
say(redis_client.POOL, most(connect(timeout=0.3)), most(connect(timeout=0.3, pool=12)))
async def most_async(client):
    held = []
    try:
        while len(held) < 30:
            held.append(await client.connection_pool.get_connection())
    except redis.exceptions.ConnectionError:
        pass
    return len(held)
async def both():
    say(await most_async(connect_async(timeout=0.3)), await most_async(connect_async(timeout=0.3, pool=12)))
    client = connect_async()
    await asyncio.gather(*[client.get('user:1') for _ in range(200)])
    say('done')
asyncio.run(both())
client = connect()
threads = [threading.Thread(target=lambda: [client.get('user:1') for _ in range(20)]) for _ in range(30)]
for thread in threads: thread.start()
for thread in threads: thread.join()
say('done')
",
    ));
    assert_eq!(said, "10 10 12\n10 12\ndone\ndone");
    // What the packet filter lets one source have: fewer than its limit, or it takes the pool's connections away.
    let narrow = Deployment::build(&crate::deployment::replaced(
        &clear(),
        "connections_per_source: 20",
        "connections_per_source: 3",
    ));
    let module = fs::read_to_string(narrow.out().join("client/python/redis_client.py")).expect("module");
    assert!(module.contains("\nPOOL = 3\n"), "{module}");
}

/// What `docker-compose.app.yml` mounts and `client/environment` says is what the modules look for.
#[test]
fn a_container_finds_its_files() {
    let deployment = Deployment::build(&encrypted());
    let lab = Lab::new(&deployment);
    let compose = fs::read_to_string(deployment.out().join("docker-compose.app.yml")).expect("compose file");
    let compose: serde_yaml::Value = serde_yaml::from_str(&compose).expect("YAML");
    assert_eq!(compose["services"]["app"]["env_file"][0].as_str(), Some("client/environment"));
    let mut script = "mount -t tmpfs tmpfs /run\nmkdir /run/secrets\n".to_owned();
    let mounted = compose["services"]["app"]["secrets"].as_sequence().expect("secrets");
    assert_eq!(mounted.len(), 5, "{mounted:?}");
    for name in mounted {
        let file = compose["secrets"][name]["file"].as_str().expect("a file");
        script.push_str(&format!(
            "cp '{}/{file}' /run/secrets/{}\n",
            deployment.out().display(),
            name.as_str().expect("name")
        ));
    }
    // A folder of its own without secrets, as in an image.
    let image = deployment.folder().join("image/app");
    fs::create_dir_all(&image).expect("folder");
    for module in ["redis_client.py", "redis_sessions.py"] {
        fs::copy(deployment.out().join("client/python").join(module), image.join(module)).expect("copied");
    }
    let environment = deployment.out().join("client/environment");
    script.push_str(&format!("set -a\n. '{}'\nset +a\nexec \"$@\"\n", environment.display()));
    let said = printed(
        lab.command("sh")
            .args(["-euc", &script, "sh"])
            .arg(crate::lab::tool("python"))
            .args(["-c", "from redis_client import *; from redis_sessions import *; store = SessionStore(connect()); print(HOST, store.load(store.create({'a': 1}).id).data)"])
            .env("PYTHONPATH", &image),
    );
    assert_eq!(said, "redis {'a': 1}");
}

/// What `client/config.yaml` says is enough to connect, for a library of which we know nothing.
#[test]
fn the_settings_lead_to_the_server() {
    let script = "
import json, os
known = json.loads(os.environ['SETTINGS'])['redis']
def path(name): return os.path.join(sys.argv[1], known[name])
client = redis.Redis.from_url(
    known['url'], username=known['username'], password=open(path('password_file')).read().strip(),
    ssl_ca_certs=path('tls_ca_cert_file'), ssl_certfile=path('tls_cert_file'), ssl_keyfile=path('tls_key_file'),
    ssl_check_hostname=known['tls_check_hostname'], socket_timeout=known['timeout_seconds'], driver_info=None)
say(client.set('user:config', 'x'), known['host'] in known['url'])
";
    let deployment = Deployment::build(&encrypted());
    let lab = Lab::new(&deployment);
    let text = fs::read_to_string(deployment.out().join("client/config.yaml")).expect("config.yaml");
    // The interpreter has no reader for YAML.
    let settings: serde_json::Value = serde_yaml::from_str(&text).expect("YAML");
    let said = printed(lab.python(script).arg(deployment.out()).env("SETTINGS", settings.to_string()));
    assert_eq!(said, "True True");
}

/// Looks into every process while it runs. The control: it sees the client, and the password in the environment of that
/// client alone.
#[test]
fn the_command_line_client_shows_no_password() {
    let deployment = Deployment::build(&clear());
    let lab = Lab::new(&deployment);
    let password = deployment.password("admin");
    let done = AtomicBool::new(false);
    let seen = std::thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            let mut seen = BTreeSet::new();
            while !done.load(Ordering::Relaxed) {
                for entry in fs::read_dir("/proc").expect("/proc").flatten() {
                    let read = |name| {
                        String::from_utf8_lossy(&fs::read(entry.path().join(name)).unwrap_or_default()).into_owned()
                    };
                    let (line, environment) = (read("cmdline"), read("environ"));
                    if line.contains(&password) {
                        seen.insert("a password in a command line".to_owned());
                    }
                    if environment.contains(&password) {
                        // What it was when its environment was read.
                        seen.insert(line.split('\0').next().unwrap_or_default().to_owned());
                    }
                }
            }
            seen
        });
        let mut command = lab.command(deployment.out().join("client/redis-cli.sh").to_str().expect("UTF-8"));
        let mut steps = Steps::start(command.arg("admin"));
        steps.line("ping");
        assert_eq!(steps.said(), "PONG");
        std::thread::sleep(std::time::Duration::from_millis(500));
        drop(steps);
        done.store(true, Ordering::Relaxed);
        watcher.join().expect("the watcher ends")
    });
    assert_eq!(seen, BTreeSet::from(["redis-cli".to_owned()]));
}

#[test]
fn the_command_line_client_takes_its_password_from_the_file() {
    let deployment = Deployment::build(&clear());
    let lab = Lab::new(&deployment);
    let script = deployment.out().join("client/redis-cli.sh");
    let run = |arguments: &[&str]| -> Output {
        lab.command(script.to_str().expect("UTF-8")).args(arguments).env_remove("REDISCLI_AUTH").output().expect("runs")
    };
    let answer = |arguments: &[&str]| String::from_utf8_lossy(&run(arguments).stdout).trim_end().to_owned();
    assert_eq!(answer(&["admin", "acl", "whoami"]), "admin");
    assert_eq!(answer(&["-h", "localhost", "-p", "6379", "sessionapp", "set", "user:1", "a b"]), "OK");
    assert_eq!(answer(&["readonly", "get", "user:1"]), "a b");
    assert!(!run(&["readonly", "set", "user:1", "x"]).status.success());
    // As it says: it checks the authority alone.
    assert_eq!(answer(&["-h", "evil.example.com", "admin", "ping"]), "PONG");
    for arguments in [&[][..], &["-p", "x", "admin"], &["-h", "", "admin"], &["-h", "-x", "admin"], &["../ca"], &["-x"]]
    {
        assert_eq!(run(arguments).status.code(), Some(2), "{arguments:?}");
    }
    let secrets = deployment.out().join("secrets");
    fs::set_permissions(&secrets, std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("chmod");
    assert!(String::from_utf8_lossy(&run(&["admin", "ping"]).stderr).contains("is open to others"));
}
