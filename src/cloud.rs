//! What clouds take. In: values of a profile. Out: whether a cloud can have them, and what it makes of the backup
//! schedule.

use std::ops::RangeInclusive;

use crate::format::Size;
use crate::profile::Backups;

/// A cloud that volumes are made in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cloud {
    /// Amazon Web Services.
    Aws,
    /// Google Cloud.
    Gcp,
    /// Microsoft Azure.
    Azure,
}

const HOUR: u64 = 3_600_000;
const DAY: u64 = 24 * HOUR;

/// How a cloud takes snapshots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Snapshots {
    /// Hours between two.
    pub hours: u64,
    /// How many are kept on AWS, for how many days on the others.
    pub keep: u64,
    /// How many snapshots of one volume exist at the same time.
    pub count: u64,
}

impl Cloud {
    /// Its name, and its key in `encryption_at_rest`.
    pub const fn names(self) -> (&'static str, &'static str) {
        match self {
            Cloud::Aws => ("AWS", "aws"),
            Cloud::Gcp => ("Google Cloud", "gcp"),
            Cloud::Azure => ("Azure", "azure"),
        }
    }

    /// Sizes in GiB of the volumes that we make: gp3, pd-ssd and hyperdisk-balanced, Premium and Standard SSD.
    pub const fn sizes(self) -> RangeInclusive<u64> {
        match self {
            Cloud::Aws => 1..=65_536,
            Cloud::Gcp => 10..=65_536,
            Cloud::Azure => 4..=32_767,
        }
    }

    /// The size in GiB, if the cloud has volumes of exactly this size.
    pub fn gib(self, size: Size) -> Option<u64> {
        let gib = size.0 >> 30;
        (gib << 30 == size.0 && self.sizes().contains(&gib)).then_some(gib)
    }

    /// Hours between snapshots: what Data Lifecycle Manager takes as `interval`; for Google Cloud those of 1 to 23
    /// that divide a day, so that each day looks the same; what Azure Disk Backup has offered from its start.
    pub const fn intervals(self) -> &'static [u64] {
        match self {
            Cloud::Aws | Cloud::Gcp => &[1, 2, 3, 4, 6, 8, 12, 24],
            Cloud::Azure => &[4, 6, 8, 12, 24],
        }
    }

    /// Most that [`Snapshots::keep`] may say: DLM keeps 1000 a schedule, Compute Engine takes 65 535 days, Disk
    /// Backup 360.
    pub const fn most_kept(self) -> u64 {
        match self {
            Cloud::Aws => 1000,
            Cloud::Gcp => 65_535,
            Cloud::Azure => 360,
        }
    }

    /// Most snapshots of one volume. A disk of Azure has 500, of which Disk Backup leaves 50 for those on demand.
    const fn most_snapshots(self) -> u64 {
        match self {
            Cloud::Aws => 1000,
            Cloud::Gcp => u64::MAX,
            Cloud::Azure => 450,
        }
    }

    /// The longest interval that is not longer than the profile's, or the shortest there is; everything is kept for
    /// as long as the profile says, or up to a day longer where days are counted.
    pub fn snapshots(self, backups: &Backups) -> Snapshots {
        let intervals = self.intervals();
        let fitting = intervals.iter().rev().find(|hours| **hours * HOUR <= backups.every.0);
        let hours = fitting.or(intervals.first()).copied().unwrap_or(24);
        let count = backups.keep.0.div_ceil(hours * HOUR);
        let keep = if self == Cloud::Aws { count } else { backups.keep.0.div_ceil(DAY) };
        Snapshots { hours, keep, count }
    }

    /// True if the cloud takes snapshots exactly as often as the profile says.
    pub fn keeps_time(self, backups: &Backups) -> bool {
        self.snapshots(backups).hours * HOUR == backups.every.0
    }

    /// True if the cloud can keep all of them.
    pub fn can_keep(self, backups: &Backups) -> bool {
        let snapshots = self.snapshots(backups);
        snapshots.keep <= self.most_kept() && snapshots.count <= self.most_snapshots()
    }

    /// Most sources of one address family: AWS has 60 rules a group by default, Google Cloud 5000 ranges a rule,
    /// Azure 4000 addresses a security group, of which each family gets half.
    pub const fn most_sources(self) -> usize {
        match self {
            Cloud::Aws => 60,
            Cloud::Gcp => 5000,
            Cloud::Azure => 2000,
        }
    }
}

/// `us-east-1`, `us-gov-west-1`: words that end in a number.
pub fn is_aws_region(text: &str) -> bool {
    let mut parts = text.split('-');
    let letters = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase());
    let first = parts.next().is_some_and(|part| letters(part) && (2..=4).contains(&part.len()));
    let last = parts.next_back().is_some_and(is_small_number);
    let between: Vec<&str> = parts.collect();
    first && last && !between.is_empty() && between.into_iter().all(letters)
}

/// A zone of the region, `us-east-1a`, or a local zone of it, `us-east-1-bos-1a`.
pub fn is_aws_zone(region: &str, text: &str) -> bool {
    let letter = |rest: &str| matches!(rest.as_bytes(), [letter] if letter.is_ascii_lowercase());
    let Some(rest) = text.strip_prefix(region) else { return false };
    let local = || {
        let (city, zone) = rest.strip_prefix('-')?.split_once('-')?;
        let (number, last) = zone.split_at_checked(zone.len().checked_sub(1)?)?;
        let city = city.len() == 3 && city.bytes().all(|byte| byte.is_ascii_lowercase());
        Some(city && is_small_number(number) && letter(last))
    };
    letter(rest) || local() == Some(true)
}

/// `us-central1-a`.
pub fn is_gcp_zone(text: &str) -> bool {
    let letters = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase());
    let parts: Vec<&str> = text.split('-').collect();
    let [continent, place, zone] = parts.as_slice() else { return false };
    let digits = place.bytes().rev().take_while(u8::is_ascii_digit).count();
    let (name, number) = place.split_at(place.len() - digits);
    letters(continent) && letters(name) && is_small_number(number) && letters(zone) && zone.len() == 1
}

/// 6 to 30 characters that do not end in `-`.
pub fn is_gcp_project(text: &str) -> bool {
    (6..=30).contains(&text.len()) && !text.ends_with('-')
}

/// The short name of a region, `eastus`.
pub fn is_azure_location(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
}

/// A resource group does not end in a period.
pub fn is_azure_resource_group(text: &str) -> bool {
    !text.ends_with('.')
}

fn is_small_number(text: &str) -> bool {
    (1..=2).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::Duration;

    #[test]
    fn places() {
        for (text, good) in [
            ("us-east-1", true),
            ("us-gov-west-1", true),
            ("eusc-de-east-1", true),
            ("us-east", false),
            ("us-1", false),
            ("us-east-1a", false),
            ("useast1", false),
            ("us--1", false),
            ("us-east-123", false),
        ] {
            assert_eq!(is_aws_region(text), good, "{text}");
        }
        for (text, good) in [
            ("us-east-1a", true),
            ("us-east-1-bos-1a", true),
            ("us-east-1", false),
            ("us-east-1ab", false),
            ("us-east-2a", false),
            ("us-east-1-bos-1", false),
            ("us-east-1-boston-1a", false),
            ("us-east-1-", false),
        ] {
            assert_eq!(is_aws_zone("us-east-1", text), good, "{text}");
        }
        for (text, good) in [
            ("us-central1-a", true),
            ("northamerica-northeast2-b", true),
            ("us-central1", false),
            ("us-central-a", false),
            ("us-central1-ab", false),
            ("us-east-1a", false),
            ("us-1-a", false),
        ] {
            assert_eq!(is_gcp_zone(text), good, "{text}");
        }
        for (text, good) in [("demo", false), ("demo-1", true), ("demo-1-", false), (&"a".repeat(31), false)] {
            assert_eq!(is_gcp_project(text), good, "{text}");
        }
        assert!(is_azure_location("westeurope2") && !is_azure_location("us-east-1"));
    }

    #[test]
    fn sizes_are_whole() {
        let size = |text: &str| text.parse::<Size>().expect("size");
        assert_eq!(Cloud::Aws.gib(size("10GiB")), Some(10));
        assert_eq!(Cloud::Aws.gib(size("1TiB")), Some(1024));
        assert_eq!(Cloud::Aws.gib(size("1536MiB")), None);
        assert_eq!(Cloud::Gcp.gib(size("9GiB")), None);
        assert_eq!(Cloud::Azure.gib(size("32TiB")), None);
        assert_eq!(Cloud::Azure.gib(size("32767GiB")), Some(32_767));
    }

    #[test]
    fn snapshots_are_as_often_as_asked() {
        let backups = |every: &str, keep: &str| Backups {
            every: every.parse::<Duration>().expect("duration"),
            keep: keep.parse::<Duration>().expect("duration"),
            directory: "/srv/backup".parse().expect("path"),
            encrypt_to: Vec::new(),
        };
        for (cloud, every, keep, expected) in [
            (Cloud::Aws, "24h", "14d", (24, 14, true)),
            (Cloud::Aws, "5h", "1d", (4, 6, false)),
            (Cloud::Aws, "7d", "28d", (24, 28, false)),
            (Cloud::Aws, "30m", "1d", (1, 24, false)),
            (Cloud::Gcp, "6h", "36h", (6, 2, true)),
            (Cloud::Azure, "1h", "7d", (4, 7, false)),
        ] {
            let backups = backups(every, keep);
            let Snapshots { hours, keep, .. } = cloud.snapshots(&backups);
            assert_eq!((hours, keep, cloud.keeps_time(&backups)), expected, "{cloud:?} {every}");
        }
        assert!(Cloud::Aws.can_keep(&backups("24h", "1000d")) && !Cloud::Aws.can_keep(&backups("24h", "1001d")));
        assert!(Cloud::Azure.can_keep(&backups("4h", "75d")) && !Cloud::Azure.can_keep(&backups("4h", "76d")));
        assert!(Cloud::Azure.can_keep(&backups("24h", "360d")) && !Cloud::Azure.can_keep(&backups("24h", "361d")));
    }
}
