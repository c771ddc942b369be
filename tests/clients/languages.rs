//! One `PING` and one key in each language, by the module of `client/`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use crate::deployment::Deployment;
use crate::lab::{Lab, printed, tool};

/// A program that prints `PONG`, or `refused: ` and why.
type Ping = Box<dyn Fn(&Lab<'_>) -> Command>;

/// Rust's program in the server's network, with the files of this tree.
pub fn rust_in(lab: &Lab<'_>, tree: &Deployment, program: &Path) -> Command {
    let mut command = lab.command(program.to_str().expect("UTF-8"));
    command.envs(files(tree));
    command
}

fn files(tree: &Deployment) -> [(&'static str, PathBuf); 4] {
    [
        ("REDIS_PASSWORD_FILE", tree.secret("clients/sessionapp/password")),
        ("REDIS_CA_FILE", tree.secret("server/ca.crt")),
        ("REDIS_CERT_FILE", tree.secret("clients/sessionapp/client.crt")),
        ("REDIS_KEY_FILE", tree.secret("clients/sessionapp/client.key")),
    ]
}

/// Every language's client, with the modules of this tree: its name, and one that sends PING.
pub fn pings(tree: &Deployment) -> Vec<(&'static str, Ping)> {
    let (go, rust) = (go_program(tree), rust_program(tree));
    let files = files(tree);
    let compiled = move |program: PathBuf| -> Ping {
        let files = files.clone();
        Box::new(move |lab| {
            let mut command = lab.command(program.to_str().expect("UTF-8"));
            command.arg("ping").envs(files.clone());
            command
        })
    };
    let modules = tree.out();
    let interpreted = |script: &'static str, node: bool| -> Ping {
        let modules = modules.clone();
        Box::new(move |lab| if node { lab.node_in(&modules, script) } else { lab.python_in(&modules, script) })
    };
    vec![
        ("Python", interpreted(PYTHON, false)),
        ("Python with asyncio", interpreted(ASYNCIO, false)),
        ("Node", interpreted(NODE, true)),
        ("Go", compiled(go)),
        ("Rust", compiled(rust)),
    ]
}

const PYTHON: &str = "
try:
    say('PONG' if connect(retries=0).ping() else 'nothing')
except Exception as error:
    say('refused:', error, repr(error.__cause__))
say('healthy' if healthy() else 'ill')
";

const ASYNCIO: &str = "
async def main():
    client = connect_async(retries=0)
    try:
        say('PONG' if await client.ping() else 'nothing')
    except Exception as error:
        say('refused:', error, repr(error.__cause__))
    finally:
        await client.aclose()
    say('healthy' if await healthy_async() else 'ill')
asyncio.run(main())
";

const NODE: &str = "
try {
  const client = await connect({ retries: 0 });
  say(await client.ping());
  say((await healthy(client)) ? 'healthy' : 'ill');
  client.destroy();
} catch (error) {
  say('refused:', error.code, String(error), String(error.cause));
  say('ill');
}
process.exit();
";

/// Go's standard library with the settings: TLS, AUTH and PING by hand, since go-redis is on no registry that tests reach.
const GO: &str = r#"package main

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"time"

	"example.com/redisclient"
)

func ask(connection net.Conn, reader *bufio.Reader, words ...string) (string, error) {
	fmt.Fprintf(connection, "*%d\r\n", len(words))
	for _, word := range words {
		fmt.Fprintf(connection, "$%d\r\n%s\r\n", len(word), word)
	}
	answer, err := reader.ReadString('\n')
	if err == nil && answer[0] == '-' {
		err = fmt.Errorf("%s", answer[1:len(answer)-2])
	}
	return answer, err
}

func ping() (string, error) {
	config, err := redisclient.TLS()
	if err != nil {
		return "", err
	}
	user, password, err := redisclient.Credentials()
	if err != nil {
		return "", err
	}
	connection, err := tls.DialWithDialer(&net.Dialer{Timeout: 5 * time.Second}, "tcp", redisclient.Address(), config)
	if err != nil {
		return "", err
	}
	reader := bufio.NewReader(connection)
	if _, err := ask(connection, reader, "AUTH", user, password); err != nil {
		return "", err
	}
	return ask(connection, reader, "PING")
}

func main() {
	if os.Args[1] == "key" {
		fmt.Println(redisclient.Key(os.Args[2:]...))
		return
	}
	answer, err := ping()
	if err != nil {
		fmt.Println("refused:", err)
		return
	}
	fmt.Println(answer[1 : len(answer)-2])
}
"#;

/// Compiles the settings for Go with the program above.
pub fn go_program(tree: &Deployment) -> PathBuf {
    let folder = tree.folder().join("go");
    fs::create_dir_all(folder.join("probe")).expect("folder");
    fs::write(folder.join("go.mod"), "module example.com/redisclient\n\ngo 1.24\n").expect("written");
    fs::write(folder.join("probe/main.go"), GO).expect("written");
    fs::copy(tree.out().join("client/go/settings.go"), folder.join("settings.go")).expect("copied");
    printed(go("go").args(["build", "-o", "program", "./probe"]).current_dir(&folder));
    folder.join("program")
}

/// A program of Go's, which fetches nothing and keeps what it compiled.
pub fn go(program: &str) -> Command {
    let mut command = Command::new(tool("go").join(program));
    let cache = tool("go").parent().and_then(Path::parent).expect("folder").join("compiled");
    command.env("GOCACHE", cache).env("GOFLAGS", "-mod=mod").env("GOPROXY", "off").env("GOTOOLCHAIN", "local");
    command.env("GOPATH", std::env::temp_dir().join("redisgen-go")).env("CGO_ENABLED", "0");
    command
}

/// Compiles the module for Rust with `rust/src/main.rs`; the crates that it needs only once.
pub fn rust_program(tree: &Deployment) -> PathBuf {
    // Two builds put their program at the same place.
    static ALONE: Mutex<()> = Mutex::new(());
    let _alone = ALONE.lock();
    let folder = tree.folder().join("rust");
    fs::create_dir_all(folder.join("src")).expect("folder");
    let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/rust");
    for file in ["Cargo.toml", "Cargo.lock", "src/main.rs"] {
        fs::copy(ours.join(file), folder.join(file)).expect("copied");
    }
    fs::copy(tree.out().join("client/rust/redis_client.rs"), folder.join("src/redis_client.rs")).expect("copied");
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("rust-client");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "--locked", "--target-dir"]).arg(&target).current_dir(&folder);
    printed(cargo.env("RUSTFLAGS", "-D warnings"));
    let program = folder.join("program");
    fs::copy(target.join("debug/probe"), &program).expect("copied");
    program
}
