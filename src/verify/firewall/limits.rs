//! How many connections one source gets, and how fast: as many as the profile says and no more.

use std::net::IpAddr;
use std::os::fd::OwnedFd;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::network::Way;
use super::{Filter, LIMIT};
use crate::model::Model;
use crate::verify::check::{Outcome, Trouble};

/// Largest limits that are tried.
const MOST_CONNECTIONS: u64 = 400;

/// The limits of a model.
pub(super) fn of(model: &Model) -> Limits {
    model.firewall.as_ref().map_or(Limits { connections: None, rate: None }, |firewall| Limits {
        connections: firewall.connections.map(u64::from),
        rate: firewall.rate.map(|rate| (rate.count, rate.per, rate.burst)),
    })
}

/// What one source may do.
pub(super) struct Limits {
    pub connections: Option<u64>,
    pub rate: Option<(u64, &'static str, u64)>,
}

/// Seconds of a rate's period.
fn seconds(per: &str) -> u64 {
    match per {
        "second" => 1,
        "minute" => 60,
        "hour" => 3600,
        _ => 86_400,
    }
}

/// Waits until a source has so many connections to spend again.
pub(super) fn rest(filter: &Filter, count: u64) -> Result<(), Trouble> {
    let Some((every, per, _)) = of(&filter.model).rate else { return Ok(()) };
    let wait = Duration::from_millis(count * seconds(per) * 1000 / every + 300);
    if wait > LIMIT {
        return Err(Trouble::missing(
            format!("at {every}/{per} this would take {} s", wait.as_secs()),
            "try it on a test deployment",
        ));
    }
    sleep(wait);
    Ok(())
}

pub(super) fn connections(filter: &mut Filter) -> Outcome {
    let limit = of(&filter.model).connections.unwrap_or(0);
    if limit > MOST_CONNECTIONS {
        return Err(Trouble::missing(
            format!("a limit of {limit} connections is not filled here"),
            format!("try it with at most {MOST_CONNECTIONS}"),
        ));
    }
    let sources = filter.sources()?;
    let burst = of(&filter.model).rate.map_or(limit, |(_, _, burst)| burst.min(limit));
    rest(filter, burst)?;
    let mut held: Vec<(IpAddr, OwnedFd)> = Vec::new();
    let of_source =
        |held: &[(IpAddr, OwnedFd)], source: IpAddr| held.iter().filter(|(from, _)| *from == source).count() as u64;
    loop {
        let missing = |source: &IpAddr| limit - of_source(&held, *source).min(limit);
        let next: Vec<IpAddr> = sources.iter().flat_map(|one| times(*one, missing(one).min(burst.max(1)))).collect();
        if next.is_empty() {
            break;
        }
        let open = filter.network.connect(Way::Host, &next)?;
        if let Some(source) = next.iter().find(|source| of_source(&open, **source) == 0) {
            return Trouble::failed(format!("only {} connections of {source}, not {limit}", of_source(&held, *source)));
        }
        held.extend(open);
        rest(filter, 1)?;
    }
    // The next one is one too many, and one that ends makes room: it is the number that counts.
    rest(filter, 3)?;
    if let Some((source, _)) = filter.network.connect(Way::Host, &sources)?.first() {
        return Trouble::failed(format!("{source} has more than {limit} connections"));
    }
    for source in &sources {
        if let Some(place) = held.iter().position(|(from, _)| from == source) {
            held.swap_remove(place);
        }
    }
    rest(filter, 3)?;
    let open = filter.network.connect(Way::Host, &sources)?;
    if let Some(source) = sources.iter().find(|source| of_source(&open, **source) == 0) {
        let count = of_source(&held, *source);
        return Trouble::failed(format!("{source} has {count} connections, and may not have another"));
    }
    Ok(format!("{limit} of {}", shown(&sources)))
}

/// So many connections of one source.
fn times(source: IpAddr, count: u64) -> impl Iterator<Item = IpAddr> {
    std::iter::repeat_n(source, usize::try_from(count).unwrap_or(1))
}

fn shown(sources: &[IpAddr]) -> String {
    sources.iter().map(IpAddr::to_string).collect::<Vec<_>>().join(" and of ")
}

pub(super) fn rate(filter: &mut Filter) -> Outcome {
    let Some((count, per, burst)) = of(&filter.model).rate else { return Ok(String::new()) };
    if burst > MOST_CONNECTIONS {
        return Err(Trouble::missing(
            format!("a burst of {burst} connections is not sent here"),
            format!("try it with at most {MOST_CONNECTIONS}"),
        ));
    }
    // No more than may be open at once: it is the rate that is to refuse.
    let most = of(&filter.model).connections.unwrap_or(burst).min(burst);
    let sources = filter.sources()?;
    let try_all = || -> Result<Vec<u64>, Trouble> {
        let all: Vec<IpAddr> = sources.iter().flat_map(|source| times(*source, most)).collect();
        let open = filter.network.connect(Way::Host, &all)?;
        Ok(sources.iter().map(|source| open.iter().filter(|(from, _)| from == source).count() as u64).collect())
    };
    rest(filter, burst)?;
    let start = Instant::now();
    try_all()?;
    // Until the kernel counts closed connections no more.
    sleep(Duration::from_millis(800));
    let spent = burst - most;
    let back =
        start.elapsed().as_millis() * u128::from(count) / u128::from(1000 * seconds(per)) + 2 + u128::from(spent);
    if u128::from(most) <= back {
        return Err(Trouble::missing(
            format!("{most} connections at once are too few to tell {count}/{per} by"),
            "try it with a lower rate",
        ));
    }
    let again = try_all()?;
    for (source, again) in sources.iter().zip(&again) {
        if u128::from(*again) > back {
            return Trouble::failed(format!(
                "{again} connections of {source} at once, right after {most}; at {count}/{per} {back} are due"
            ));
        }
    }
    // The control: when they are due, all get in.
    rest(filter, burst)?;
    for (source, rested) in sources.iter().zip(try_all()?) {
        if rested != most {
            return Trouble::failed(format!("after a rest {rested} connections of {source}, not {most}"));
        }
    }
    let again: Vec<String> = again.iter().map(u64::to_string).collect();
    Ok(format!("{} right after {most}, at {count}/{per}", again.join(" and ")))
}
