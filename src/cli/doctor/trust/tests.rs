//! Trust policies of many shapes, and what is made of them.

use super::*;
use crate::config::Network;
use proptest::prelude::*;
use serde_json::json;

const PROVIDER: &str = "arn:aws:iam::123456789012:saml-provider/ADFS";
const ACS: &str = "https://vestibule.example.com/saml";

fn said(principal: &str, action: &Value, condition: Option<Value>) -> Trust {
    let mut statement =
        json!({ "Effect": "Allow", "Principal": { "Federated": principal }, "Action": action });
    if let Some(condition) = condition {
        statement["Condition"] = condition;
    }
    judge(&json!({ "Statement": statement }), PROVIDER, ACS, &NetworkPin::default()).0
}

#[test]
fn trust_is_what_the_policy_says() {
    let saml = json!("sts:AssumeRoleWithSAML");
    let aud = |to: Value| Some(json!({ "StringEquals": { "SAML:aud": to } }));
    let console = "https://signin.aws.amazon.com/saml";
    assert_eq!(said(PROVIDER, &saml, aud(json!(ACS))), Trust::Accepts);
    assert_eq!(
        said(PROVIDER, &json!(["sts:TagSession", "sts:*"]), aud(json!([console, ACS]))),
        Trust::Accepts
    );
    assert_eq!(said(PROVIDER, &saml, aud(json!(console))), Trust::OtherRecipient(vec![console.to_owned()]));
    assert_eq!(said(PROVIDER, &saml, None), Trust::AnyRecipient);
    let any = json!({ "StringLike": { "saml:aud": "*" } });
    assert_eq!(said(PROVIDER, &saml, Some(any)), Trust::AnyRecipient);
    let like = json!({ "StringLike": { "saml:aud": "https://*.example.com/saml" } });
    assert_eq!(said(PROVIDER, &saml, Some(like)), Trust::Accepts);
    assert_eq!(said("arn:aws:iam::123456789012:saml-provider/Other", &saml, None), Trust::OtherProvider);
    assert_eq!(said(PROVIDER, &json!("sts:AssumeRole"), None), Trust::OtherProvider);
    assert_eq!(said("*", &saml, None), Trust::OtherProvider);
}

#[test]
fn what_is_not_understood_is_no_yes() {
    let saml = json!("sts:AssumeRoleWithSAML");
    for condition in [
        json!({ "StringNotEquals": { "SAML:aud": "x" } }),
        json!({ "StringEquals": { "SAML:aud": ACS, "aws:SourceIp": "10.0.0.0/8" } }),
        json!({ "StringEquals": { "SAML:aud": ACS, "aws:SourceVpc": "vpc-0123456789abcdef0" } }),
        json!({ "StringEquals": { "SAML:aud": ACS }, "IpAddress": { "aws:SourceIp": "the office" } }),
        json!({ "StringEquals": { "SAML:aud": ACS }, "IpAddress": { "aws:SourceIp": 7 } }),
        json!({ "StringEquals": { "SAML:aud": ACS }, "Null": { "aws:SourceIp": "false" } }),
    ] {
        assert!(matches!(said(PROVIDER, &saml, Some(condition)), Trust::Unclear(_)));
    }
    let deny = json!({ "Statement": [{ "Effect": "Deny", "Principal": "*", "Action": "*" }] });
    assert!(matches!(judge(&deny, PROVIDER, ACS, &NetworkPin::default()).0, Trust::Unclear(_)));
    assert_eq!(judge(&json!({}), PROVIDER, ACS, &NetworkPin::default()).0, Trust::OtherProvider);
}

// -------------------------------------------------------------- where calls come from

const NAT: &str = "203.0.113.7/32";
const ENDPOINT: &str = "vpce-0123456789abcdef0";

fn ip(text: &str) -> Network {
    let (address, prefix) = text.split_once('/').unwrap();
    Network { address: address.parse().unwrap(), prefix: prefix.parse().unwrap() }
}

/// We call from these.
fn pin(ips: &[&str], vpces: &[&str]) -> NetworkPin {
    NetworkPin {
        source_ips: ips.iter().map(|text| ip(text)).collect(),
        source_vpces: vpces.iter().map(|text| (*text).to_owned()).collect(),
    }
}

/// A statement for our people and our ACS, with more conditions.
fn allow(more: &Value) -> Value {
    let mut condition = json!({ "StringEquals": { "SAML:aud": ACS } });
    for (operator, keys) in more.as_object().unwrap() {
        for (key, wanted) in keys.as_object().unwrap() {
            condition[operator][key] = wanted.clone();
        }
    }
    json!({ "Effect": "Allow", "Principal": { "Federated": PROVIDER },
        "Action": ["sts:AssumeRoleWithSAML", "sts:TagSession"], "Condition": condition })
}

fn deny(principal: &Value, condition: &Value) -> Value {
    json!({ "Effect": "Deny", "Principal": principal, "Action": "sts:*", "Condition": condition })
}

fn source(statements: &[Value], ours: &NetworkPin) -> Source {
    let (trust, source) = judge(&json!({ "Statement": statements }), PROVIDER, ACS, ours);
    assert_eq!(trust, Trust::Accepts, "{statements:#?}");
    source.unwrap()
}

fn is_open(statements: &[Value]) -> bool {
    [pin(&[], &[]), pin(&[NAT], &[]), pin(&[NAT], &[ENDPOINT])]
        .iter()
        .all(|ours| matches!(source(statements, ours), Source::Anywhere(_)))
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

#[test]
fn a_role_is_pinned_where_every_statement_demands_our_addresses() {
    let from = |address: Value| allow(&json!({ "IpAddress": { "aws:SourceIp": address } }));
    let through = |id: Value| allow(&json!({ "StringEquals": { "aws:SourceVpce": id } }));
    let (nat, endpoint) = (pin(&[NAT], &[]), pin(&[], &[ENDPOINT]));
    for address in [json!(NAT), json!([NAT]), json!("203.0.113.7"), json!([NAT, "203.0.113.7"])] {
        assert_eq!(source(&[from(address)], &nat), Source::Pinned);
    }
    for key in ["AWS:SOURCEIP", "aws:sourceip"] {
        for operator in ["IpAddress", "ForAnyValue:IpAddress"] {
            assert_eq!(source(&[allow(&json!({ operator: { key: NAT } }))], &nat), Source::Pinned);
        }
    }
    assert_eq!(source(&[through(json!(ENDPOINT))], &endpoint), Source::Pinned);
    assert_eq!(source(&[through(json!([ENDPOINT]))], &endpoint), Source::Pinned);
    assert_eq!(
        source(&[allow(&json!({ "StringLike": { "aws:SourceVpce": ENDPOINT } }))], &endpoint),
        Source::Pinned
    );
    let both = pin(&[NAT, "2001:db8::/56"], &[ENDPOINT]);
    let statements = [from(json!([NAT, "2001:db8::/56"])), through(json!(ENDPOINT))];
    assert_eq!(source(&statements, &both), Source::Pinned);
    // IAM does not look at bits beyond the prefix.
    assert_eq!(source(&[from(json!("203.0.113.7/28"))], &pin(&["203.0.113.0/28"], &[])), Source::Pinned);
}

#[test]
fn a_deny_of_everywhere_else_is_a_pin() {
    let nat = pin(&[NAT], &[]);
    let elsewhere = json!({ "NotIpAddress": { "aws:SourceIp": [NAT] } });
    for principal in [json!("*"), json!({ "Federated": PROVIDER }), json!({ "Federated": ["x", PROVIDER] })] {
        let statements = [allow(&json!({})), deny(&principal, &elsewhere)];
        assert_eq!(source(&statements, &nat), Source::Pinned, "{principal}");
    }
    let either = json!({ "NotIpAddressIfExists": { "aws:SourceIp": NAT },
        "StringNotEquals": { "aws:SourceVpce": ENDPOINT } });
    let statements = [allow(&json!({})), deny(&json!("*"), &either)];
    assert_eq!(source(&statements, &pin(&[NAT], &[ENDPOINT])), Source::Pinned);
    assert_eq!(source(&statements, &nat), Source::Wider(texts(&[NAT, ENDPOINT])));
    assert_eq!(
        source(&[statements[1].clone(), allow(&json!({}))], &pin(&["192.0.2.1/32"], &[])),
        Source::Elsewhere(texts(&[NAT, ENDPOINT]))
    );
}

/// None of these denies everybody else everything, and none may pass for a pin.
#[test]
fn a_deny_of_less_is_no_pin() {
    let elsewhere = json!({ "NotIpAddress": { "aws:SourceIp": NAT } });
    let mut of_tags = deny(&json!("*"), &elsewhere);
    of_tags["Action"] = json!("sts:TagSession");
    for denial in [
        of_tags,
        deny(&json!({ "AWS": "*" }), &elsewhere),
        deny(&json!({ "Federated": "arn:aws:iam::123456789012:saml-provider/Other" }), &elsewhere),
        deny(&json!("*"), &json!({})),
        deny(&json!("*"), &json!({ "IpAddress": { "aws:SourceIp": "192.0.2.0/24" } })),
        deny(&json!("*"), &json!({ "NotIpAddress": { "aws:SourceIp": "0.0.0.0/0" } })),
        deny(&json!("*"), &json!({ "ForAllValues:NotIpAddress": { "aws:SourceIp": NAT } })),
        deny(
            &json!("*"),
            &json!({ "NotIpAddress": { "aws:SourceIp": NAT }, "Bool": { "aws:SecureTransport": "false" } }),
        ),
        deny(&json!("*"), &json!({ "StringNotLike": { "aws:SourceVpce": "vpce-*" } })),
    ] {
        let policy = json!({ "Statement": [allow(&json!({})), denial] });
        let (trust, source) = judge(&policy, PROVIDER, ACS, &pin(&[NAT], &[]));
        assert!(matches!(trust, Trust::Unclear(_)) && source.is_none(), "{policy:#}");
    }
}

#[test]
fn what_only_looks_like_a_pin_is_none() {
    for condition in [
        json!({}),
        // Calls through anybody's VPC endpoint have no SourceIp.
        json!({ "IpAddressIfExists": { "aws:SourceIp": NAT } }),
        json!({ "ForAllValues:IpAddress": { "aws:SourceIp": NAT } }),
        json!({ "StringEqualsIfExists": { "aws:SourceVpce": ENDPOINT } }),
        json!({ "ForAllValues:StringEquals": { "aws:SourceVpce": ENDPOINT } }),
        json!({ "NotIpAddress": { "aws:SourceIp": "192.0.2.0/24" } }),
        json!({ "StringNotEquals": { "aws:SourceVpce": "vpce-1a2b3c4d" } }),
        json!({ "IpAddress": { "aws:SourceIp": "0.0.0.0/0" } }),
        json!({ "IpAddress": { "aws:SourceIp": ["0.0.0.0/1", "128.0.0.0/1"] } }),
        json!({ "IpAddress": { "aws:SourceIp": [NAT, "::/0"] } }),
        json!({ "StringLike": { "aws:SourceVpce": "vpce-*" } }),
    ] {
        assert!(is_open(&[allow(&condition)]), "{condition}");
    }
}

#[test]
fn one_statement_without_a_pin_opens_the_role() {
    let pinned = allow(&json!({ "IpAddress": { "aws:SourceIp": NAT } }));
    assert!(is_open(&[pinned.clone(), allow(&json!({}))]));
    assert!(is_open(&[allow(&json!({})), pinned.clone()]));
    for everybody in [json!("*"), json!({ "Federated": "*" }), json!({ "AWS": "*" })] {
        let mut open = allow(&json!({}));
        open["Principal"] = everybody;
        assert!(is_open(&[pinned.clone(), open]));
    }
    let mut console = allow(&json!({}));
    console["Condition"]["StringEquals"]["SAML:aud"] = json!("https://signin.aws.amazon.com/saml");
    let mut other = allow(&json!({}));
    other["Principal"]["Federated"] = json!("arn:aws:iam::123456789012:saml-provider/Other");
    let mut tags = allow(&json!({}));
    tags["Action"] = json!("sts:TagSession");
    let ours = pin(&[NAT], &[]);
    assert_eq!(source(&[pinned.clone(), other, tags], &ours), Source::Pinned);
    // People sign in to the console, too, with responses that STS takes from anybody.
    let signin = texts(&["https://signin.aws.amazon.com/saml"]);
    assert_eq!(source(&[pinned.clone(), console.clone()], &ours), Source::Beside(signin));
    console["Condition"]["IpAddress"] = json!({ "aws:SourceIp": NAT });
    assert_eq!(source(&[pinned.clone(), console], &ours), Source::Pinned);
    // What is not understood may open it.
    let strange = allow(&json!({ "Bool": { "aws:MultiFactorAuthPresent": "true" } }));
    assert!(matches!(source(&[pinned, strange], &ours), Source::Unclear(_)));
}

#[test]
fn a_pin_to_other_addresses_than_ours_is_told() {
    let from = |address: Value| allow(&json!({ "IpAddress": { "aws:SourceIp": address } }));
    let nat = pin(&[NAT], &[]);
    assert_eq!(source(&[from(json!("192.0.2.1"))], &nat), Source::Elsewhere(texts(&["192.0.2.1/32"])));
    assert_eq!(source(&[from(json!("2001:db8::/32"))], &nat), Source::Elsewhere(texts(&["2001:db8::/32"])));
    assert_eq!(source(&[from(json!(NAT))], &pin(&[], &[ENDPOINT])), Source::Elsewhere(texts(&[NAT])));
    assert_eq!(source(&[from(json!([]))], &nat), Source::Elsewhere(vec![]));
    // A call comes by an address or by an endpoint: nobody meets both.
    let both = allow(&json!({ "IpAddress": { "aws:SourceIp": NAT },
        "StringEquals": { "aws:SourceVpce": ENDPOINT, "SAML:aud": ACS } }));
    assert_eq!(
        source(std::slice::from_ref(&both), &pin(&[NAT], &[ENDPOINT])),
        Source::Elsewhere(texts(&[NAT, ENDPOINT]))
    );
    assert_eq!(source(&[both, from(json!(NAT))], &nat), Source::Pinned);

    // The whole office beside the one address that we have: people call from there.
    let office = [from(json!("203.0.113.0/24"))];
    assert_eq!(source(&office, &nat), Source::Wider(texts(&["203.0.113.0/24"])));
    assert_eq!(
        source(&[from(json!([NAT, "192.0.2.1"]))], &nat),
        Source::Wider(texts(&["192.0.2.1/32", NAT]))
    );

    let two = pin(&[NAT, "203.0.113.8/32"], &[]);
    assert_eq!(source(&[from(json!(NAT))], &two), Source::Partly(texts(&["203.0.113.8/32"])));
    let block = pin(&["203.0.113.0/28"], &[]);
    assert_eq!(source(&[from(json!(NAT))], &block), Source::Partly(texts(&["203.0.113.0/28"])));

    assert_eq!(source(&[from(json!(NAT))], &pin(&[], &[])), Source::Demanded(texts(&[NAT])));
}

// -------------------------------------------------------------- against IAM's own rules

/// Who calls: by an address or through an endpoint.
#[derive(Clone, Copy, Debug)]
enum Caller {
    Address(&'static str),
    Endpoint(&'static str),
}

/// Ours and others', each of both kinds.
const OURS: [Caller; 2] = [Caller::Address("203.0.113.7"), Caller::Endpoint(ENDPOINT)];
const OTHERS: [Caller; 4] = [
    Caller::Address("203.0.113.8"),
    Caller::Address("192.0.2.1"),
    Caller::Address("2001:db8::7"),
    Caller::Endpoint("vpce-1a2b3c4d"),
];

/// Whether IAM takes the condition for met (IAM guide, "Condition operators"; one value in
/// the request for each key).
fn is_met(operator: &str, key: &str, wanted: &[String], caller: Caller) -> bool {
    let value = match (key, caller) {
        ("aws:SourceIp", Caller::Address(value)) | ("aws:SourceVpce", Caller::Endpoint(value)) => value,
        _ => {
            let negated = operator.contains("Not") && !operator.starts_with("ForAnyValue:");
            return negated || operator.ends_with("IfExists") || operator.starts_with("ForAllValues:");
        }
    };
    let is_one = wanted.iter().any(|wanted| {
        if key == "aws:SourceIp" {
            let (address, prefix) = wanted.split_once('/').unwrap();
            let network = Network { address: address.parse().unwrap(), prefix: prefix.parse().unwrap() };
            network.contains(value.parse().unwrap())
        } else {
            like(wanted, value)
        }
    });
    is_one != operator.contains("Not")
}

#[derive(Clone, Debug)]
struct Made {
    denies: bool,
    conditions: Vec<(String, &'static str, Vec<String>)>,
}

impl Made {
    fn json(&self) -> Value {
        let mut operators = json!({});
        for (operator, key, wanted) in &self.conditions {
            operators[operator][key] = json!(wanted);
        }
        if self.denies { deny(&json!("*"), &operators) } else { allow(&operators) }
    }

    /// As it is written: a later condition of the same operator and key has replaced the earlier.
    fn is_met(&self, caller: Caller) -> bool {
        let mut last = std::collections::BTreeMap::new();
        for (operator, key, wanted) in &self.conditions {
            last.insert((operator, key), wanted);
        }
        last.iter().all(|((operator, key), wanted)| is_met(operator, key, wanted, caller))
    }
}

fn made() -> impl Strategy<Value = Made> {
    let some = |of: &'static [&'static str]| {
        proptest::collection::vec(proptest::sample::select(of).prop_map(str::to_owned), 0..3)
    };
    let address = (
        proptest::sample::select(&["IpAddress", "NotIpAddress"][..]),
        Just("aws:SourceIp"),
        some(&[NAT, "203.0.113.0/24", "192.0.2.0/24", "0.0.0.0/0", "::/0", "2001:db8::/32"]),
    );
    let endpoint = (
        proptest::sample::select(&["StringEquals", "StringNotEquals", "StringLike", "StringNotLike"][..]),
        Just("aws:SourceVpce"),
        some(&[ENDPOINT, "vpce-1a2b3c4d", "vpce-*"]),
    );
    // `StringEquals` takes a star for a star.
    let endpoint = endpoint.prop_filter("a pattern", |(operator, _, wanted)| {
        operator.ends_with("Like") || !wanted.iter().any(|wanted| wanted.contains('*'))
    });
    let condition = (
        proptest::sample::select(&["", "", "", "ForAnyValue:", "ForAllValues:"][..]),
        prop_oneof![address, endpoint],
        proptest::sample::select(&["", "", "IfExists"][..]),
    );
    let condition = condition
        .prop_map(|(set, (operator, key, wanted), exists)| (format!("{set}{operator}{exists}"), key, wanted));
    let conditions = proptest::collection::vec(condition, 0..3);
    (proptest::bool::weighted(0.3), conditions).prop_map(|(denies, conditions)| Made { denies, conditions })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    /// Nobody is let in from elsewhere whom the verdict keeps out.
    #[test]
    fn what_is_called_pinned_lets_nobody_in_from_elsewhere(
        statements in proptest::collection::vec(made(), 1..4),
        ips in proptest::bool::ANY,
    ) {
        let policy = json!({ "Statement": statements.iter().map(Made::json).collect::<Vec<_>>() });
        let ours = if ips { pin(&[NAT], &[ENDPOINT]) } else { pin(&[NAT], &[]) };
        let admits = |caller: Caller| {
            let any = |denies| statements.iter().any(|each| each.denies == denies && each.is_met(caller));
            any(false) && !any(true)
        };
        let others = || OTHERS.into_iter().chain(OURS.into_iter().skip(if ips { 2 } else { 1 }));
        let mut places = OURS.into_iter().take(if ips { 2 } else { 1 });
        match judge(&policy, PROVIDER, ACS, &ours).1 {
            Some(Source::Pinned) => {
                prop_assert!(places.all(admits), "{policy:#}");
                prop_assert!(!others().any(admits), "{policy:#}");
            }
            Some(Source::Partly(_)) => prop_assert!(!others().any(admits), "{policy:#}"),
            Some(Source::Elsewhere(_)) => prop_assert!(!places.any(admits), "{policy:#}"),
            Some(Source::Anywhere(_) | Source::Wider(_) | Source::Unclear(_)) | None => {}
            Some(source) => prop_assert!(false, "{source:?} {policy:#}"),
        }
    }
}
