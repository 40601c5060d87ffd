//! Where metadata comes from, and what it has to prove.

use super::*;
use time::Duration;

const URL: &str = "https://adfs.example.com/FederationMetadata/2007-06/FederationMetadata.xml";

fn at_url() -> String {
    LEAST.replace("METADATA", URL)
}

fn with(option: &str) -> String {
    at_url().replace("[sts]", &format!("{option}\n[sts]"))
}

#[test]
fn what_stands_at_a_url_is_given_to_the_draft() {
    let files = Files::new();
    let draft = files.draft(&at_url(), &[]);
    let wanted = draft.metadata();
    let [source] = wanted.sources.as_slice() else { panic!("{wanted:?}") };
    assert_eq!((source.idp.as_str(), source.key.as_str()), ("ADFS", "saml.idp[0].metadata"));
    assert_eq!(source.place, MetadataPlace::Url(URL.to_owned()));
    assert_eq!((wanted.refresh, &wanted.cache), (Duration::hours(1), &None));

    let config = files.fetched(&at_url(), &[], &metadata(IDP)).unwrap_or_else(|f| panic!("{f}"));
    assert_eq!(config.broker.providers.current().iter().next().unwrap().entity_id, IDP);
    assert_eq!(config.metadata.sources.len(), 1);

    let refused = files.fetched(&at_url(), &[], "<html/>").err().unwrap();
    assert!(refused.to_string().contains("saml.idp[0].metadata: an HTML page, not metadata"), "{refused}");
}

#[test]
fn check_says_what_it_did_not_fetch() {
    let checked = Files::new().draft(&at_url(), &[]).check().unwrap_or_else(|f| panic!("{f}"));
    assert_eq!(checked.unfetched, [("saml.idp[0].metadata".to_owned(), URL.to_owned())]);
    assert!(checked.config.is_none());
}

#[test]
fn who_needs_no_identity_provider_misses_no_metadata() {
    let files = Files::new();
    let config = files.draft(&at_url(), &[]).without_metadata().finish().unwrap_or_else(|f| panic!("{f}"));
    assert_eq!(config.broker.providers.current().iter().count(), 0);
    assert!(files.draft(&with("misspelt = 1"), &[]).without_metadata().finish().is_err());
    // Files are read as ever.
    let config = files.draft(LEAST, &[]).without_metadata().finish().unwrap_or_else(|f| panic!("{f}"));
    assert_eq!(config.broker.providers.current().iter().count(), 1);
}

#[test]
fn pinned_certificates_hold_for_files_too() {
    let files = Files::new();
    let certificate = files.certificate("federation.pem");
    let pinned = LEAST.replace("[sts]", &format!("metadata_certificate = {certificate:?}\n[sts]"));
    let faults = files.faults(&pinned, &[]);
    assert!(faults.len() == 1 && faults[0].contains("not_signed"), "{faults:#?}");
}

#[test]
fn two_certificates_may_be_pinned() {
    let files = Files::new();
    let (one, other) = (files.certificate("one.pem"), files.certificate("other.pem"));
    let two = with(&format!("metadata_certificate = [{one:?}, {other:?}]"));
    assert_eq!(files.draft(&two, &[]).metadata().sources[0].certificates.len(), 2);
}

#[test]
fn what_cannot_be_asked_for_is_a_fault() {
    let files = Files::new();
    let nonsense =
        files.write("nonsense.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    let empty = files.write("empty.pem", "");
    let ca = files.certificate("ca.pem");
    let certificate = |path: &str| with(&format!("metadata_certificate = {path:?}"));
    for (text, expected) in [
        (certificate("no/such/file.pem"), "metadata_certificate: \"no/such/file.pem\": cannot be read"),
        (certificate(&nonsense), "expected certificates in PEM"),
        (certificate(&empty), "expected certificates in PEM"),
        (with("metadata_certificate = []"), "metadata_certificate: expected a file of certificates"),
        (with(&format!("metadata_ca = {empty:?}")), "metadata_ca: expected certificates in PEM"),
        (
            LEAST.replace("[sts]", &format!("metadata_ca = {ca:?}\n[sts]")),
            "metadata_ca: says who vouches for a URL's server",
        ),
        (at_url().replace("https://", "http://"), "http is for loopback hosts only"),
        (at_url().replace("https://", "https://user@"), "expected an absolute URL"),
        (with("[saml]\nmetadata_refresh = \"0s\""), "saml.metadata_refresh: expected \"1s\" to \"24h\""),
    ] {
        let faults = match files.fetched(&text, &[], &metadata(IDP)) {
            Ok(_) => Vec::new(),
            Err(Faults(faults)) => faults.iter().map(ToString::to_string).collect(),
        };
        assert!(faults.iter().any(|fault| fault.contains(expected)), "{expected}\n{faults:#?}");
    }
}
