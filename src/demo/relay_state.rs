//! The address of the sign-on page, as AD FS takes it.

/// What is wrong with the address of the sign-on page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mistake {
    /// No `RelayState` parameter.
    NoRelayState,
    /// No request that can be read.
    NoRequest,
    /// One that does not hold `RPID=…&RelayState=…`.
    NotEncodedTwice,
    /// Another relying party's identifier.
    UnknownRelyingParty,
    /// The form names an unknown person.
    NoSuchPerson,
}

/// `RelayState=` enc(`RPID=` enc(id) `&RelayState=` enc(ours)): encoded twice.
/// AD FS drops parameters outside RelayState; so do we.
pub(super) fn relay_state(query: Option<&str>, relying_party_id: &str) -> Result<String, Mistake> {
    let single = |encoded: &str, name: &str| {
        let mut values = form_urlencoded::parse(encoded.as_bytes()).filter(|(key, _)| key == name);
        // Encoded only once, the inner RelayState shows up as a second outer one.
        values.next().map(|(_, value)| (value.into_owned(), values.next().is_none()))
    };
    let (outer, alone) = single(query.unwrap_or_default(), "RelayState").ok_or(Mistake::NoRelayState)?;
    let (rpid, _) = single(&outer, "RPID").ok_or(Mistake::NotEncodedTwice)?;
    let (inner, _) = single(&outer, "RelayState").filter(|_| alone).ok_or(Mistake::NotEncodedTwice)?;
    if rpid == relying_party_id { Ok(inner) } else { Err(Mistake::UnknownRelyingParty) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn twice(relay_state: &str) -> String {
        let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        let inner = format!("RPID={}&RelayState={}", encode("urn:amazon:webservices"), encode(relay_state));
        format!("RelayState={}", encode(&inner))
    }

    #[test]
    fn relay_state_is_encoded_twice() {
        let ours = "session-0123456789##a_b-c";
        assert_eq!(relay_state(Some(&twice(ours)), "urn:amazon:webservices"), Ok(ours.to_owned()));
    }

    #[test]
    fn parameters_outside_relay_state_are_dropped() {
        let query = format!("RPID=urn:other&{}&more=1", twice("ours"));
        assert_eq!(relay_state(Some(&query), "urn:amazon:webservices"), Ok("ours".to_owned()));
    }

    #[test]
    fn relay_state_encoded_once_is_a_mistake() {
        let query = "RelayState=RPID=urn%3Aamazon%3Awebservices&RelayState=ours";
        assert_eq!(relay_state(Some(query), "urn:amazon:webservices"), Err(Mistake::NotEncodedTwice));
    }

    #[test]
    fn other_mistakes_in_the_address_are_told_apart() {
        assert_eq!(relay_state(None, "urn:amazon:webservices"), Err(Mistake::NoRelayState));
        assert_eq!(relay_state(Some("x=y"), "urn:amazon:webservices"), Err(Mistake::NoRelayState));
        assert_eq!(
            relay_state(Some("RelayState=ours"), "urn:amazon:webservices"),
            Err(Mistake::NotEncodedTwice)
        );
        assert_eq!(relay_state(Some(&twice("ours")), "urn:other"), Err(Mistake::UnknownRelyingParty));
    }
}
