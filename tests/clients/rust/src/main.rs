//! A program with the emitted `redis_client.rs`: `probe ping`, `probe healthy MILLISECONDS`, or `probe key PART...`.

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
        ["healthy", wait] => println!("{}", redis_client::healthy(Duration::from_millis(wait.parse().expect("a number")))),
        ["key", parts @ ..] => println!("{:?}", redis_client::key(parts)),
        other => panic!("{other:?}"),
    }
}
