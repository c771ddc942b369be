//! Addresses and networks.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;

use super::quantity::whole_number;

/// An IPv4 or IPv6 address. The standard library's parser refuses octal-looking octets, short forms and zones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Address(pub IpAddr);

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.contains('/') {
            return Err("one address is expected here, without `/` and a length".to_owned());
        }
        text.parse().map(Address).map_err(|_| address_error(text))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

/// An address or a network in CIDR form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Network(pub IpNet);

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(address) = text.parse::<IpAddr>() {
            return not_mapped(IpNet::from(address));
        }
        let (address, length) = text.split_once('/').ok_or_else(|| address_error(text))?;
        let address: IpAddr = address.parse().map_err(|_| address_error(address))?;
        let length = whole_number(length).and_then(|length| u8::try_from(length).ok());
        let network = length.and_then(|length| IpNet::new(address, length).ok());
        let network =
            network.ok_or("the prefix length behind `/` is a whole number, at most 32 for IPv4 and 128 for IPv6")?;
        if network.trunc() != network {
            return Err(format!(
                "bits are set behind the prefix: write {} for the network, or {} for this one address",
                network.trunc(),
                network.addr()
            ));
        }
        not_mapped(network)
    }
}

impl fmt::Display for Network {
    /// As nft and UFW list it: a single address without its prefix length.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.prefix_len() == self.0.max_prefix_len() { self.0.addr().fmt(out) } else { self.0.fmt(out) }
    }
}

/// Refuses IPv4 in IPv6 clothes: filters load it and it never matches, since on the wire it is IPv4 (measured).
fn not_mapped(network: IpNet) -> Result<Network, String> {
    if let IpNet::V6(v6) = network
        && let Some(v4) = v6.addr().to_ipv4_mapped()
        && let Some(length) = v6.prefix_len().checked_sub(96)
        && let Ok(v4) = IpNet::new(v4.into(), length)
    {
        return Err(format!("this is IPv4 in the form of IPv6, which no packet carries: write {}", Network(v4)));
    }
    Ok(Network(network))
}

/// Why a text is no address, for the mistakes that people make.
fn address_error(text: &str) -> String {
    let octets: Vec<&str> = text.split('.').collect();
    let numbers = octets.iter().all(|octet| !octet.is_empty() && octet.bytes().all(|byte| byte.is_ascii_digit()));
    if text.contains('%') {
        "an address with a zone means something on one host only; write it without `%`"
    } else if numbers && octets.iter().any(|octet| octet.len() > 1 && octet.starts_with('0')) {
        "an octet with a leading zero is octal to some readers; write it in decimal without zeros"
    } else if numbers && octets.len() < 4 {
        "an IPv4 address has four octets; short forms mean different things to different readers"
    } else if !text.contains(':') && text.bytes().any(|byte| byte.is_ascii_alphabetic()) {
        "host names are not allowed here: a firewall resolves them once; write the address"
    } else {
        "expected an IPv4 or IPv6 address, with `/LENGTH` for a network"
    }
    .to_owned()
}
