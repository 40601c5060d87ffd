//! `[console]`: where it can be, and which destinations there can be.

use super::*;

/// The same with STS of AWS.
fn with_aws(region: &str) -> String {
    let aws = format!("[sts]\nkind = \"aws\"\nregion = \"{region}\"\n[store]");
    let text = LEAST.replace("[sts]\nkind = \"local\"\n[store]", &aws);
    assert_ne!(text, LEAST);
    let partition = crate::roles::partition_of_region(region);
    text.replace("arn:aws:", &format!("arn:{partition}:"))
}

fn faults(text: &str) -> Vec<String> {
    let faults = Files::new().faults(text, &[]);
    faults.iter().map(|fault| fault.split_once(": ").unwrap().1.to_owned()).collect()
}

const EC2: &str = "https://eu-central-1.console.aws.amazon.com/ec2/home?region=eu-central-1#Instances:";

#[test]
fn the_console_is_off_unless_it_is_switched_on() {
    for text in [LEAST.to_owned(), with_aws("us-east-1"), format!("{LEAST}[console]\nenabled = false\n")] {
        let config = Files::new().loads(&text);
        assert!(config.console.is_none() && config.broker.console.is_none());
    }
}

#[test]
fn it_opens_at_its_home_and_where_the_list_says() {
    let text = format!("{}[console]\nenabled = true\ndestinations = [\"{EC2}\"]\n", with_aws("eu-central-1"));
    let config = Files::new().loads(&text);
    let console = config.broker.console.unwrap();
    assert_eq!(console.destinations_of("aws"), ["https://console.aws.amazon.com/", EC2]);
    let federation = config.console.unwrap();
    let said = (federation.endpoint, federation.region.as_str(), federation.issuer.as_str());
    assert_eq!(said, (None, "eu-central-1", "https://vestibule.example.com"));
}

#[test]
fn the_environment_says_it_too() {
    let env = [
        ("VESTIBULE_CONSOLE_ENABLED", "true"),
        ("VESTIBULE_CONSOLE_ENDPOINT", "http://127.0.0.1:4444/"),
        ("VESTIBULE_CONSOLE_DESTINATIONS", "[\"https://CONSOLE.aws.amazon.com:443/s3\"]"),
    ];
    let config = Files::new().read(&with_aws("us-east-1"), &env).unwrap_or_else(|faults| panic!("{faults}"));
    assert_eq!(config.console.unwrap().endpoint.as_deref(), Some("http://127.0.0.1:4444"));
    let expected = ["https://console.aws.amazon.com/", "https://console.aws.amazon.com/s3"];
    assert_eq!(config.broker.console.unwrap().destinations_of("aws"), expected);
}

#[test]
fn each_wrong_console_has_its_sentence() {
    let aws = with_aws("us-east-1");
    let list = vec!["\"https://console.aws.amazon.com/\""; 21].join(", ");
    for (text, expected) in [
        (LEAST.to_owned(), "console.enabled: AWS signs nobody in by credentials that it does not know"),
        (with_aws("us-iso-east-1"), "console.enabled: the console of aws-iso is not known here"),
        (
            format!("{aws}[delivery]\nbinding = \"plain\"\n"),
            "console.enabled: pages of the 2017 sample (delivery.binding = \"plain\") take credentials",
        ),
    ] {
        let said = faults(&format!("{text}[console]\nenabled = true\n"));
        assert!(said.len() == 1 && said[0].starts_with(expected), "{expected}\n{said:#?}");
    }
    for (option, expected) in [
        ("enabled = \"yes\"".to_owned(), "console.enabled: expected true or false"),
        ("endpoint = \"http://signin.aws.amazon.com\"".to_owned(), "console.endpoint: expected https"),
        (
            "endpoint = \"https://signin.aws.amazon.com/?a=b\"".to_owned(),
            "console.endpoint: expected a URL without",
        ),
        (format!("destinations = [{list}]"), "console.destinations: are more than 20"),
        ("destination = [\"x\"]".to_owned(), "console.destination: "),
        (
            "enabled = true\ndestinations = [\"https://console.amazonaws.cn/s3\"]".to_owned(),
            "console.destinations[0]: is in the console of another AWS partition than sts.region",
        ),
    ] {
        let said = faults(&format!("{aws}[console]\n{option}\n"));
        assert!(said.len() == 1 && said[0].starts_with(expected), "{expected}\n{said:#?}");
    }
}

/// AWS sends a signed-in browser to `Destination`.
#[test]
fn attack_a_destination_that_is_no_console() {
    for evil in [
        "https://evil.example.com/",
        "http://console.aws.amazon.com/",
        "//console.aws.amazon.com/",
        "/ec2/home",
        "javascript:alert(1)",
        "https://a@console.aws.amazon.com/",
        "https://console.aws.amazon.com:8443/",
        "https://console.aws.amazon.com.evil.example.com/",
        "https://evilconsole.aws.amazon.com/",
        "https://evil.example.com/#.console.aws.amazon.com/",
        "https://evil.example.com\\\\.console.aws.amazon.com/",
        "https://console.aws.amazon.com/ x",
        "https://console.aws.amazon.com/#\\u0000",
        "https://console.aws.amazon.com/\\u00e9",
        "",
    ] {
        let text = format!("{}[console]\ndestinations = [\"{evil}\"]\n", with_aws("us-east-1"));
        let said = faults(&text);
        assert!(
            said.len() == 1 && said[0].starts_with("console.destinations[0]: expected a page"),
            "{said:#?}"
        );
    }
}

/// The endpoint is opened once; the list is read again.
#[test]
fn only_a_restart_changes_whom_it_asks() {
    let aws = with_aws("us-east-1");
    let files = Files::new();
    let off = files.loads(&aws);
    let on = files.loads(&format!("{aws}[console]\nenabled = true\n"));
    let elsewhere =
        files.loads(&format!("{aws}[console]\nenabled = true\nendpoint = \"https://signin.example.com\"\n"));
    let longer = files.loads(&format!("{aws}[console]\nenabled = true\ndestinations = [\"{EC2}\"]\n"));
    for (from, to, changed) in
        [(&off, &on, &["[console]"][..]), (&on, &elsewhere, &["[console]"]), (&on, &longer, &[])]
    {
        assert_eq!(Fixed::of(from).changed_in(to), changed);
    }
}
