//! The environment over the file.

use super::*;

#[test]
fn the_environment_wins_over_the_file() {
    let files = Files::new();
    let file = LEAST.replace("[server]", "[server]\nlisten = \"127.0.0.1:1\"");
    let config = files
        .read(
            &file,
            &[
                ("VESTIBULE_SERVER_LISTEN", "127.0.0.1:2"),
                ("VESTIBULE_SERVER_ALLOWED_ORIGINS", "[\"https://app.example.com\"]"),
                ("VESTIBULE_SERVER_MAX_CONNECTIONS", "7"),
                ("VESTIBULE_LOG_FORMAT", "json"),
                ("VESTIBULE_SAML_AUDIENCE", "urn:a"),
                ("VESTIBULE_SAML_IDP_0_IDP_INITIATED", "false"),
                ("VESTIBULE_SAML_IDP_0_SELECT_GROUPS", "AttributeStatement/Attribute/AttributeValue"),
                ("VESTIBULE_SAML_IDP_0_SELECT_NAME_ID", "Subject/*"),
                ("VESTIBULE_RULE_0_NAME", "from the environment"),
                ("VESTIBULE_RULE_0_WHEN_ATTRIBUTE_GROUPS_SUFFIX", "-Admins"),
                ("VESTIBULE_RULE_0_WHEN_ROLE_NAME_ANY_OF", "[\"A\", \"B\"]"),
                ("PATH", "/bin"),
            ],
        )
        .unwrap_or_else(|faults| panic!("{faults}"));
    assert_eq!(config.server.listen, "127.0.0.1:2".parse().unwrap());
    assert_eq!(config.server.allowed_origins, ["https://app.example.com"]);
    assert_eq!(config.server.max_connections, 7);
    assert!(config.log.json);
    assert_eq!(config.broker.service.audiences, ["urn:a"]);
    let providers = config.broker.providers.current();
    let idp = providers.iter().next().unwrap();
    assert!(!idp.idp_initiated);
    assert_eq!(idp.selectors.more.keys().collect::<Vec<_>>(), ["groups"]);
    assert_ne!(idp.selectors.name_id, crate::saml::Selectors::default().name_id);
    let rules = format!("{:?}", config.broker.rules);
    assert!(rules.contains("from the environment") && rules.contains("Suffix(\"-Admins\")"), "{rules}");
    assert!(rules.contains("AnyOf([\"A\", \"B\"])"), "{rules}");
}

#[test]
fn a_whole_configuration_can_come_from_the_environment() {
    let files = Files::new();
    let metadata = files.path("adfs.xml");
    files
        .read(
            "",
            &[
                ("VESTIBULE_SERVER_PUBLIC_URL", "https://vestibule.example.com"),
                ("VESTIBULE_SAML_IDP_0_NAME", "ADFS"),
                ("VESTIBULE_SAML_IDP_0_PROVIDER_ARN", "arn:aws:iam::123456789012:saml-provider/ADFS"),
                ("VESTIBULE_SAML_IDP_0_METADATA", &metadata),
                ("VESTIBULE_STS_KIND", "local"),
                ("VESTIBULE_STORE_KIND", "embedded"),
                ("VESTIBULE_KEYS_KIND", "local"),
            ],
        )
        .unwrap_or_else(|faults| panic!("{faults}"));
}

#[test]
fn a_fault_in_the_environment_names_its_variable() {
    let faults = Files::new().faults(
        LEAST,
        &[
            ("VESTIBULE_SERVER_LISTEN", "here"),
            ("VESTIBULE_SERVER_ALLOWED_ORIGINS", "https://app.example.com"),
            ("VESTIBULE_SERVER_MAX_CONNECTIONS", "many"),
            ("VESTIBULE_SERVER_LISSTEN", "127.0.0.1:1"),
            ("VESTIBULE_SAML_IDP_1_NAME", "B"),
            ("VESTIBULE_SAML_IDP_7_NAME", "C"),
            ("VESTIBULE_LOG_LEVEL", "ssm:/vestibule/level"),
        ],
    );
    let expected = [
        "VESTIBULE_LOG_LEVEL: log.level: stands in the Parameter Store (/vestibule/level)",
        "VESTIBULE_SAML_IDP_1: saml.idp[1].metadata: is missing; it can also come from VESTIBULE_SAML_IDP_1_METADATA",
        "VESTIBULE_SAML_IDP_1: saml.idp[1].provider_arn: is missing",
        "VESTIBULE_SAML_IDP_7_NAME: no option has this variable",
        "VESTIBULE_SERVER_ALLOWED_ORIGINS: server.allowed_origins: expected a list of strings, such as",
        "VESTIBULE_SERVER_LISSTEN: no option has this variable",
        "VESTIBULE_SERVER_LISTEN: server.listen: expected an IP address",
        "VESTIBULE_SERVER_MAX_CONNECTIONS: server.max_connections: expected a whole number",
    ];
    assert_eq!(faults.len(), expected.len(), "{faults:#?}");
    for (fault, expected) in faults.iter().zip(expected) {
        assert!(fault.starts_with(expected), "{fault}\nis not\n{expected}");
    }
}

#[test]
fn what_kubernetes_puts_beside_a_service_is_not_ours() {
    let files = Files::new();
    let links = [
        ("VESTIBULE_PORT", "tcp://10.0.0.1:80"),
        ("VESTIBULE_PORT_80_TCP_ADDR", "10.0.0.1"),
        ("VESTIBULE_SERVICE_HOST", "10.0.0.1"),
        ("VESTIBULE_SERVICE_PORT", "80"),
        ("VESTIBULE_SERVICE_PORT_HTTP", "80"),
    ];
    assert_eq!(files.faults(LEAST, &links), [""; 0]);
}
