//! A program with the emitted `redis_client.rs`: `probe ping`, `probe healthy MILLISECONDS`, `probe key PART...`,
//! or `probe steps`, which tries to connect and PING for each line of its input.

mod redis_client;

use std::time::Duration;

fn main() {
    rustls::crypto::ring::default_provider().install_default().expect("first");
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["ping"] => match redis_client::connect().and_then(|mut connection| redis::cmd("PING").query(&mut connection)) {
            Ok::<String, _>(answer) => println!("{answer}"),
            Err(error) => println!("refused: {error} {error:?}"),
        },
        ["steps"] => {
            for line in std::iter::once(Ok(String::new())).chain(std::io::stdin().lines()) {
                line.expect("text");
                match redis_client::connect().and_then(|mut connection| redis::cmd("PING").query(&mut connection)) {
                    Ok::<String, _>(answer) => println!("{answer}"),
                    Err(error) => println!("{error:?}"),
                }
            }
        }
        ["healthy", wait] => println!("{}", redis_client::healthy(Duration::from_millis(wait.parse().expect("a number")))),
        ["key", parts @ ..] => println!("{:?}", redis_client::key(parts)),
        other => panic!("{other:?}"),
    }
}
