//! Values that stand in the Parameter Store.

use super::*;

fn stored(values: &[(&str, &str)]) -> Parameters {
    values.iter().map(|(name, value)| ((*name).to_owned(), Ok((*value).to_owned()))).collect()
}

const REFERRING: &str = r#"
[ssm]
prefix = "/vestibule/prod"
[server]
public_url = "ssm:public_url"
contact = "ssm:/company/contact"
max_connections = "ssm:max"
allowed_origins = ["https://a.example.com", "ssm:origin"]
trusted_proxies = "ssm:proxies"
[[saml.idp]]
name = "ADFS"
provider_arn = "ssm:arn"
metadata = "METADATA"
idp_initiated = "ssm:initiated"
[sts]
kind = "ssm:kind"
[store]
kind = "embedded"
[keys]
kind = "local"
"#;

fn values() -> Parameters {
    stored(&[
        ("/vestibule/prod/public_url", "https://vestibule.example.com"),
        ("/company/contact", "help@example.com"),
        ("/vestibule/prod/max", "7"),
        ("/vestibule/prod/origin", "https://b.example.com"),
        ("/vestibule/prod/proxies", "[\"10.0.0.0/8\"]"),
        ("/vestibule/prod/arn", "arn:aws:iam::123456789012:saml-provider/ADFS"),
        ("/vestibule/prod/initiated", "true"),
        ("/vestibule/prod/kind", "local"),
    ])
}

#[test]
fn any_value_can_stand_in_the_parameter_store() {
    let files = Files::new();
    let draft = files.draft(REFERRING, &[("AWS_REGION", "eu-central-1")]);
    assert_eq!(draft.wanted(), values().into_keys().collect::<Vec<_>>());
    assert_eq!(draft.region(), Some("eu-central-1"));
    let config = draft.with(values()).finish().unwrap_or_else(|faults| panic!("{faults}"));
    assert_eq!(config.server.public_url, "https://vestibule.example.com");
    assert_eq!(config.server.contact.as_deref(), Some("help@example.com"));
    assert_eq!(config.server.max_connections, 7);
    assert_eq!(config.server.allowed_origins, ["https://a.example.com", "https://b.example.com"]);
    assert_eq!(config.server.trusted_proxies.len(), 1);
}

#[test]
fn the_prefix_alone_changes_the_environment() {
    let files = Files::new();
    let env = [("VESTIBULE_SSM_PREFIX", "/vestibule/test/"), ("VESTIBULE_SERVER_CONTACT", "ssm:contact")];
    let wanted = files.draft(REFERRING, &env).wanted();
    assert!(wanted.contains(&"/vestibule/test/public_url".to_owned()), "{wanted:?}");
    // What the environment overrides is not asked for; what it refers to is.
    assert!(wanted.contains(&"/vestibule/test/contact".to_owned()), "{wanted:?}");
    assert!(!wanted.contains(&"/company/contact".to_owned()), "{wanted:?}");
    let listed = [("VESTIBULE_SERVER_ALLOWED_ORIGINS", "[\"ssm:/other\"]")];
    let wanted = files.draft(REFERRING, &listed).wanted();
    assert!(wanted.contains(&"/other".to_owned()) && !wanted.contains(&"/vestibule/prod/origin".to_owned()));
}

#[test]
fn without_the_parameter_store_the_rest_is_checked() {
    let files = Files::new();
    let checked = files.draft(REFERRING, &[]).check().unwrap_or_else(|faults| panic!("{faults}"));
    assert!(checked.config.is_none());
    let keys: Vec<&str> = checked.unknown.iter().map(|(key, _)| key.as_str()).collect();
    assert!(keys.contains(&"server.public_url") && keys.contains(&"sts.kind"), "{keys:?}");
    let faulty = REFERRING.replace("name = \"ADFS\"", "name = \"AD FS\"");
    let Err(Faults(faults)) = files.draft(&faulty, &[]).check() else {
        panic!("a fault that needs no parameter")
    };
    assert_eq!(faults.len(), 1, "{faults:#?}");
    // To start, everything must be known.
    let Err(Faults(faults)) = files.draft(REFERRING, &[]).finish() else { panic!() };
    assert!(
        faults.iter().any(|f| f.to_string().contains("server.public_url: stands in the Parameter Store"))
    );
}

#[test]
fn a_parameter_that_cannot_be_had_is_named_with_what_to_do() {
    let files = Files::new();
    for (error, sentence) in [
        (ParameterError::NotFound, "there is no such parameter"),
        (ParameterError::Denied, "allow its role ssm:GetParameters"),
        (ParameterError::KeyDenied, "allow its role kms:Decrypt"),
        (ParameterError::Unavailable("timeout".into()), "did not answer: timeout"),
    ] {
        let mut parameters = values();
        parameters.insert("/company/contact".into(), Err(error));
        let Err(faults) = files.draft(REFERRING, &[]).with(parameters).finish() else { panic!() };
        let fault = "config/vestibule.toml:6:11: server.contact: ssm:/company/contact: ";
        assert_eq!(faults.0.len(), 1, "{faults}");
        assert!(faults.to_string().starts_with(fault) && faults.to_string().contains(sentence), "{faults}");
    }
}

#[test]
fn values_of_the_parameter_store_are_not_repeated() {
    let files = Files::new();
    let mut parameters = values();
    parameters.insert("/vestibule/prod/public_url".into(), Ok("hunter2".into()));
    parameters.insert("/vestibule/prod/origin".into(), Ok("hunter2".into()));
    parameters.insert("/vestibule/prod/max".into(), Ok("hunter2".into()));
    let Err(faults) = files.draft(REFERRING, &[]).with(parameters).finish() else { panic!() };
    assert_eq!(faults.0.len(), 3, "{faults}");
    assert!(!faults.to_string().contains("hunter2"), "{faults}");
}

#[test]
fn what_leads_to_the_parameter_store_cannot_stand_in_it() {
    let files = Files::new();
    for (option, fault) in [
        ("prefix = \"ssm:/a\"", "ssm.prefix: cannot be a reference itself"),
        ("prefix = \"vestibule\"", "ssm.prefix: expected a parameter's name"),
        ("region = \"ssm:/a\"", "ssm.region: cannot be a reference itself"),
        ("prefx = \"/a\"", "ssm.prefx: unknown key; known here: prefix, region"),
    ] {
        let faults = files.faults(&format!("[ssm]\n{option}\n{LEAST}"), &[]);
        assert!(faults.len() == 1 && faults[0].contains(fault), "{faults:#?}");
    }
    let faults = files.faults(&format!("{LEAST}\n[ssm]\nprefix = \"/a\"\n[log]\nlevel = \"ssm:a b\""), &[]);
    assert!(faults[0].contains("log.level: expected a parameter's name"), "{faults:#?}");
}
