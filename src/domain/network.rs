//! Networks 网段 from which an agreement may be used, and the peer that uses it.

use std::{cell::Cell, fmt, net::IpAddr, str::FromStr};

/// A block of addresses in CIDR notation, such as `10.44.0.0/16` or `2001:db8::/32`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

/// A text that is no network in its one form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a network such as 10.44.0.0/16 or 2001:db8::/32: {problem}")]
pub struct MalformedNetwork {
    text: String,
    problem: String,
}

impl Network {
    /// Whether an address, in its canonical form, lies in it.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(ours), IpAddr::V4(theirs)) => {
                let ignored = 32 - u32::from(self.prefix);
                // A shift by the whole width leaves nothing to compare.
                (ours.to_bits() ^ theirs.to_bits()).checked_shr(ignored).unwrap_or_default() == 0
            }
            (IpAddr::V6(ours), IpAddr::V6(theirs)) => {
                let ignored = 128 - u32::from(self.prefix);
                (ours.to_bits() ^ theirs.to_bits()).checked_shr(ignored).unwrap_or_default() == 0
            }
            _ => false,
        }
    }

    /// Whether the address is the first of the block: no bit is set beyond the prefix.
    fn begins_its_block(&self) -> bool {
        match self.address {
            IpAddr::V4(address) => u32::from(self.prefix) + address.to_bits().trailing_zeros() >= 32,
            IpAddr::V6(address) => u32::from(self.prefix) + address.to_bits().trailing_zeros() >= 128,
        }
    }
}

impl FromStr for Network {
    type Err = MalformedNetwork;

    /// Takes the one form in which a network is written, so that a set of them has one encoding and nobody takes
    /// `10.44.1.0/16` for less than it is.
    fn from_str(text: &str) -> Result<Self, MalformedNetwork> {
        let malformed = |problem: String| MalformedNetwork { text: text.chars().take(64).collect(), problem };
        let (address, prefix) =
            text.split_once('/').ok_or_else(|| malformed("it needs a prefix length after a slash".to_owned()))?;
        let address: IpAddr = address.parse().map_err(|_| malformed("it does not begin with an address".to_owned()))?;
        if address.to_canonical() != address {
            return Err(malformed("an IPv4 network is written as one, not within IPv6".to_owned()));
        }
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let prefix: u8 = prefix
            .parse()
            .ok()
            .filter(|prefix| *prefix <= longest)
            .ok_or_else(|| malformed(format!("the prefix length is a number from 0 to {longest}")))?;
        let network = Self { address, prefix };
        if !network.begins_its_block() {
            return Err(malformed("bits are set beyond the prefix length".to_owned()));
        }
        if network.to_string() != text {
            return Err(malformed(format!("it is written {network}")));
        }
        Ok(network)
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

/// From where a query comes, which learns whether a decision rested on it: only then does its entry say so.
///
/// The address is that of the connection's other end. What a caller says of addresses, such as `X-Forwarded-For`, is never
/// believed.
#[derive(Debug, Clone)]
pub struct Peer {
    address: Option<IpAddr>,
    looked_at: Cell<bool>,
}

impl Peer {
    /// A peer at an address; `None` where nobody knows it, which lies in no network.
    pub fn new(address: Option<IpAddr>) -> Self {
        Self { address: address.map(|address| address.to_canonical()), looked_at: Cell::new(false) }
    }

    /// Whether it lies in one of these networks.
    pub fn is_within<'a>(&self, networks: impl IntoIterator<Item = &'a Network>) -> bool {
        self.looked_at.set(true);
        let Some(address) = self.address else { return false };
        networks.into_iter().any(|network| network.contains(address))
    }

    /// The address, if it was looked at.
    pub fn attested(&self) -> Option<IpAddr> {
        self.address.filter(|_| self.looked_at.get())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_network_has_one_written_form() {
        for good in ["10.44.0.0/16", "0.0.0.0/0", "10.0.0.1/32", "2001:db8::/32", "::/0", "2001:db8::1/128"] {
            assert_eq!(good.parse::<Network>().unwrap().to_string(), good);
        }
        for (bad, said) in [
            ("10.44.0.0", "after a slash"),
            ("10.44.0/16", "does not begin with an address"),
            ("010.44.0.0/16", "does not begin with an address"),
            ("10.44.0.0/33", "from 0 to 32"),
            ("10.44.0.0/-1", "from 0 to 32"),
            ("10.44.0.0/016", "it is written 10.44.0.0/16"),
            ("10.44.0.0/+16", "it is written 10.44.0.0/16"),
            ("10.44.1.0/16", "beyond the prefix"),
            ("2001:db8::1/32", "beyond the prefix"),
            ("2001:DB8::/32", "it is written 2001:db8::/32"),
            ("2001:db8:0:0::/32", "it is written 2001:db8::/32"),
            ("2001:db8::/129", "from 0 to 128"),
            ("::ffff:10.44.0.0/112", "written as one, not within IPv6"),
            ("fe80::%eth0/64", "does not begin with an address"),
            (" 10.44.0.0/16", "does not begin with an address"),
        ] {
            let error = bad.parse::<Network>().unwrap_err().to_string();
            assert!(error.contains(said), "{bad}: {error}");
        }
    }

    #[test]
    fn a_network_contains_its_block_and_nothing_else() {
        for (network, inside, outside) in [
            ("10.44.0.0/16", vec!["10.44.0.0", "10.44.255.255"], vec!["10.43.255.255", "10.45.0.0", "::ffff:a2c:1"]),
            ("10.0.0.1/32", vec!["10.0.0.1"], vec!["10.0.0.0", "10.0.0.2"]),
            ("0.0.0.0/0", vec!["0.0.0.0", "255.255.255.255"], vec!["::1"]),
            ("2001:db8::/32", vec!["2001:db8:ffff::1"], vec!["2001:db9::", "10.0.0.1"]),
            ("::/0", vec!["::", "ffff::"], vec!["10.0.0.1"]),
        ] {
            let network: Network = network.parse().unwrap();
            for address in inside {
                assert!(network.contains(address.parse().unwrap()), "{address} in {network}");
            }
            for address in outside {
                assert!(!network.contains(address.parse().unwrap()), "{address} in {network}");
            }
        }
    }

    #[test]
    fn a_peer_remembers_whether_anybody_asked_where_it_is() {
        let networks = ["10.44.0.0/16".parse().unwrap()];
        let mapped = Peer::new(Some("::ffff:10.44.7.9".parse().unwrap()));
        assert_eq!(mapped.attested(), None);
        assert!(mapped.is_within(&networks), "an IPv4 peer on an IPv6 socket is an IPv4 peer");
        assert_eq!(mapped.attested(), Some("10.44.7.9".parse().unwrap()));
        let unknown = Peer::new(None);
        assert!(!unknown.is_within(&["0.0.0.0/0".parse().unwrap()]));
        assert_eq!(unknown.attested(), None);
    }

    proptest! {
        #[test]
        fn an_address_is_in_a_block_when_their_first_bits_are_the_same(
            ours in any::<u32>(),
            theirs in any::<u32>(),
            prefix in 0..=32u8,
        ) {
            let first_bits = |address: u32| format!("{address:032b}")[..usize::from(prefix)].to_owned();
            let block = u32::from_str_radix(&format!("{:0<32}", first_bits(ours)), 2).unwrap();
            let network: Network = format!("{}/{prefix}", std::net::Ipv4Addr::from(block)).parse().unwrap();
            prop_assert_eq!(
                network.contains(std::net::Ipv4Addr::from(theirs).into()),
                first_bits(ours) == first_bits(theirs)
            );
        }
    }
}
