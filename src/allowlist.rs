//! In: the sources of `network.allow`. Out: the networks that may connect, each address in exactly one of
//! them, sorted. Packet filters refuse sets that overlap ("conflicting intervals", measured with nft 1.0.6), and
//! a reader should not have to ask which of two entries counts.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::profile::Allow;

/// A network that may connect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowed {
    /// The network, without host bits.
    pub network: IpNet,
    /// Its place in `network.allow`.
    pub place: usize,
}

/// An entry that changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Redundant {
    /// Its place in `network.allow`.
    pub place: usize,
    /// The place of the entry that holds it.
    pub within: usize,
}

/// Who may connect.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Allowlist {
    /// IPv4 networks: sorted, none within another.
    pub v4: Vec<Allowed>,
    /// IPv6 networks: sorted, none within another.
    pub v6: Vec<Allowed>,
    /// Entries that lie within another one, by place.
    pub redundant: Vec<Redundant>,
}

impl Allowlist {
    /// Merges sources, in time that grows as sorting does. Of equal entries the first one stays.
    pub fn new(sources: &[Allow]) -> Allowlist {
        let mut all: Vec<Allowed> = sources
            .iter()
            .enumerate()
            .map(|(place, allow)| Allowed { network: allow.source.0.trunc(), place })
            .collect();
        // A network sorts before what it holds, so that only the last one kept can hold the next.
        all.sort_by_key(|allowed| (allowed.network.network(), allowed.network.prefix_len(), allowed.place));
        let mut list = Allowlist::default();
        for allowed in all {
            let kept = if allowed.network.addr().is_ipv4() { &mut list.v4 } else { &mut list.v6 };
            match kept.last() {
                Some(held) if held.network.contains(&allowed.network) => {
                    list.redundant.push(Redundant { place: allowed.place, within: held.place });
                }
                _ => kept.push(allowed),
            }
        }
        list.redundant.sort_by_key(|redundant| redundant.place);
        list
    }

    /// All networks, IPv4 first.
    pub fn iter(&self) -> impl Iterator<Item = &Allowed> {
        self.v4.iter().chain(&self.v6)
    }

    /// The network that holds an address.
    pub fn find(&self, address: IpAddr) -> Option<&Allowed> {
        let family = if address.is_ipv4() { &self.v4 } else { &self.v6 };
        let after = family.partition_point(|allowed| allowed.network.network() <= address);
        after.checked_sub(1).and_then(|last| family.get(last)).filter(|allowed| allowed.network.contains(&address))
    }

    /// The families of which every address may connect, though no single entry says so: halves that merge to
    /// `/0`.
    pub fn everyone(&self) -> impl Iterator<Item = &[Allowed]> {
        [self.v4.as_slice(), self.v6.as_slice()].into_iter().filter(|family| {
            // Networks that do not overlap fill a space whose size is one more than the largest number exactly
            // if their sizes add up to zero.
            let size = |allowed: &Allowed| {
                let bits = u32::from(allowed.network.max_prefix_len() - allowed.network.prefix_len());
                let unused = 128 - u32::from(allowed.network.max_prefix_len());
                1_u128.checked_shl(bits + unused).unwrap_or(0)
            };
            family.len() > 1 && family.iter().map(size).fold(0, u128::wrapping_add) == 0
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn list(sources: &[&str]) -> Allowlist {
        let allow = |source: &&str| Allow { source: source.parse().expect("network"), comment: None, until: None };
        Allowlist::new(&sources.iter().map(allow).collect::<Vec<_>>())
    }

    fn shown(list: &Allowlist) -> Vec<String> {
        list.iter().map(|allowed| format!("{} {}", allowed.place, allowed.network)).collect()
    }

    #[test]
    fn each_address_is_in_one_network() {
        let merged = list(&["10.8.0.7", "fd00::/8", "10.8.0.0/24", "10.8.1.0/24", "fd00:8::1", "10.8.0.0/24"]);
        assert_eq!(shown(&merged), ["2 10.8.0.0/24", "3 10.8.1.0/24", "1 fd00::/8"]);
        let redundant: Vec<(usize, usize)> = merged.redundant.iter().map(|entry| (entry.place, entry.within)).collect();
        assert_eq!(redundant, [(0, 2), (4, 1), (5, 2)]);
        assert_eq!(merged.find("10.8.0.7".parse().expect("address")).map(|allowed| allowed.place), Some(2));
        assert_eq!(merged.find("10.8.2.0".parse().expect("address")), None);
        assert_eq!(merged.find("::1".parse().expect("address")), None);
    }

    #[test]
    fn halves_are_everyone() {
        for (sources, everyone) in [
            (&["0.0.0.0/1", "128.0.0.0/1"][..], 1),
            (&["0.0.0.0/1", "128.0.0.0/2", "192.0.0.0/2"], 1),
            (&["::/1", "8000::/1"], 1),
            (&["0.0.0.0/1", "128.0.0.0/1", "::/1", "8000::/1"], 2),
            (&["0.0.0.0/1", "128.0.0.0/2"], 0),
            (&["10.0.0.0/8"], 0),
            (&[], 0),
        ] {
            assert_eq!(list(sources).everyone().count(), everyone, "{sources:?}");
        }
    }

    proptest! {
        /// Merging changes nobody's access, whatever the order.
        #[test]
        fn merging_keeps_access(nets in prop::collection::vec((0_u32..64, 24_u8..=32), 0..12), probe in 0_u32..64) {
            let text: Vec<String> = nets.iter().map(|(low, length)| {
                let net = ipnet::Ipv4Net::new((0x0a00_0000 + (low << 4)).into(), *length).expect("length");
                net.trunc().to_string()
            }).collect();
            let merged = list(&text.iter().map(String::as_str).collect::<Vec<_>>());
            let address: IpAddr = std::net::Ipv4Addr::from(0x0a00_0000 + (probe << 4) + 3).into();
            let direct = text.iter().any(|net| net.parse::<IpNet>().expect("network").contains(&address));
            prop_assert_eq!(merged.find(address).is_some(), direct);
            for pair in merged.v4.windows(2) {
                prop_assert!(!pair[0].network.contains(&pair[1].network) && !pair[1].network.contains(&pair[0].network));
            }
            prop_assert_eq!(merged.v4.len() + merged.redundant.len(), text.len());
        }
    }
}
