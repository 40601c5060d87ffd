//! Where the AWS console opens, and where people are signed in to it: for each partition.

use super::refusal::ConsoleError;

/// What AWS has for a partition. The hosts are those of AWS's documentation ("Enable custom
/// identity broker access to the AWS console") and of the AWS CLI; partitions that are closed to
/// the public have none here.
struct Partition {
    name: &'static str,
    /// Its console's home. Regions' consoles are below its host.
    home: &'static str,
    /// The host of its federation endpoint.
    sign_in: &'static str,
    /// Whether each region has a federation endpoint, and no other is there for all.
    is_regional: bool,
}

const PARTITIONS: [Partition; 4] = [
    Partition {
        name: "aws",
        home: "https://console.aws.amazon.com/",
        sign_in: "signin.aws.amazon.com",
        is_regional: false,
    },
    Partition {
        name: "aws-us-gov",
        home: "https://console.amazonaws-us-gov.com/",
        sign_in: "signin.amazonaws-us-gov.com",
        is_regional: false,
    },
    Partition {
        name: "aws-cn",
        home: "https://console.amazonaws.cn/",
        sign_in: "signin.amazonaws.cn",
        is_regional: false,
    },
    Partition {
        name: "aws-eusc",
        home: "https://console.amazonaws-eusc.eu/",
        sign_in: "signin.amazonaws-eusc.eu",
        is_regional: true,
    },
];

/// Where the console may be opened.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Console {
    destinations: Vec<String>,
}

impl Console {
    /// Of a configuration: pages of AWS consoles, of which each is in a partition
    /// ([`partition_of_console`]).
    pub fn new(destinations: Vec<String>) -> Self {
        Self { destinations }
    }

    /// The console's home in this partition, then the configured pages that are in it. None
    /// where AWS's console is not known.
    pub fn destinations_of(&self, partition: &str) -> Vec<&str> {
        let Some(home) = console_home(partition) else { return Vec::new() };
        let mut destinations = vec![home];
        for page in &self.destinations {
            if partition_of_console(page) == Some(partition) && !destinations.contains(&page.as_str()) {
                destinations.push(page);
            }
        }
        destinations
    }

    /// The page that is wanted, or the home. Compared as text with those of the list, so that
    /// nothing of what a person or a page says is ever read as an address.
    ///
    /// # Errors
    /// [`ConsoleError::Destination`]; [`ConsoleError::Off`] in a partition without a console.
    pub fn destination(&self, partition: &str, wanted: Option<&str>) -> Result<&str, ConsoleError> {
        let destinations = self.destinations_of(partition);
        let home = destinations.first().copied().ok_or(ConsoleError::Off)?;
        let Some(wanted) = wanted else { return Ok(home) };
        destinations.into_iter().find(|page| *page == wanted).ok_or(ConsoleError::Destination)
    }
}

/// The console's home in this partition, where it is known.
pub fn console_home(partition: &str) -> Option<&'static str> {
    of_name(partition).map(|partition| partition.home)
}

/// The partition whose console this address is in: on its host, or on one below it, by https
/// and at its own port.
pub fn partition_of_console(address: &str) -> Option<&'static str> {
    let host = address.strip_prefix("https://")?.split(['/', '?', '#']).next()?;
    let is_in = |partition: &&Partition| {
        let console = partition.home.trim_start_matches("https://").trim_end_matches('/');
        let below = host.strip_suffix(console);
        below.is_some_and(|below| {
            // Nothing before it that could end a host: no userinfo, no port, no escape.
            let is_label = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, b'-' | b'.');
            below.is_empty() || (below.ends_with('.') && below.bytes().all(is_label))
        })
    };
    PARTITIONS.iter().find(is_in).map(|partition| partition.name)
}

/// The federation endpoint for credentials of this partition, where it is known; of a region
/// where it has one for each.
pub fn federation_endpoint(partition: &str, region: &str) -> Option<String> {
    let Partition { sign_in, is_regional, .. } = of_name(partition)?;
    let region = if *is_regional { format!("{region}.") } else { String::new() };
    Some(format!("https://{region}{sign_in}"))
}

fn of_name(name: &str) -> Option<&'static Partition> {
    PARTITIONS.iter().find(|partition| partition.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    const EC2: &str = "https://eu-central-1.console.aws.amazon.com/ec2/home?region=eu-central-1#Instances:";
    const GOV: &str = "https://console.amazonaws-us-gov.com/s3";

    fn console() -> Console {
        Console::new(vec![EC2.into(), GOV.into(), "https://console.aws.amazon.com/".into()])
    }

    #[test]
    fn each_partition_has_its_home_and_its_own_pages() {
        let console = console();
        assert_eq!(console.destinations_of("aws"), ["https://console.aws.amazon.com/", EC2]);
        assert_eq!(console.destinations_of("aws-us-gov"), ["https://console.amazonaws-us-gov.com/", GOV]);
        assert_eq!(console.destinations_of("aws-cn"), ["https://console.amazonaws.cn/"]);
        assert_eq!(console.destinations_of("aws-eusc"), ["https://console.amazonaws-eusc.eu/"]);
        assert_eq!(console.destinations_of("aws-iso"), [""; 0]);
        assert_eq!(console.destination("aws", None), Ok("https://console.aws.amazon.com/"));
        assert_eq!(console.destination("aws", Some(EC2)), Ok(EC2));
        assert_eq!(console.destination("aws-iso", None), Err(ConsoleError::Off));
        for partition in PARTITIONS {
            assert_eq!(partition_of_console(partition.home), Some(partition.name));
        }
    }

    /// AWS sends a signed-in browser to `Destination`.
    #[test]
    fn attack_a_destination_that_is_not_listed() {
        let console = console();
        let shorter = &EC2[..EC2.len() - 1];
        let longer = format!("{EC2}x");
        for evil in [
            "",
            "/",
            "//evil.example.com/",
            "javascript:alert(1)",
            "data:text/html,x",
            "https://evil.example.com/",
            "https://console.aws.amazon.com",
            "https://console.aws.amazon.com/ ",
            "https://console.aws.amazon.com/s3",
            "https://console.aws.amazon.com.evil.example.com/",
            "https://console.aws.amazon.com@evil.example.com/",
            "https://CONSOLE.aws.amazon.com/",
            "http://console.aws.amazon.com/",
            GOV,
            shorter,
            &longer,
        ] {
            assert_eq!(console.destination("aws", Some(evil)), Err(ConsoleError::Destination), "{evil}");
        }
    }

    #[test]
    fn attack_an_address_that_only_looks_like_a_console() {
        for evil in [
            "https://evilconsole.aws.amazon.com/",
            "https://console.aws.amazon.com.evil.example.com/",
            "https://evil.example.com/.console.aws.amazon.com",
            "https://evil.example.com?.console.aws.amazon.com",
            "https://evil.example.com#.console.aws.amazon.com",
            "https://evil.example.com\\.console.aws.amazon.com",
            "https://a@console.aws.amazon.com/",
            "https://a:b@c.console.aws.amazon.com/",
            "https://evil.example.com:443@.console.aws.amazon.com",
            "https://console.aws.amazon.com:8443/",
            "http://console.aws.amazon.com/",
            "//console.aws.amazon.com/",
            "console.aws.amazon.com",
        ] {
            assert_eq!(partition_of_console(evil), None, "{evil}");
        }
    }

    #[test]
    fn credentials_have_the_endpoint_of_their_own_partition() {
        for (partition, region, endpoint) in [
            ("aws", "eu-central-1", "https://signin.aws.amazon.com"),
            ("aws-us-gov", "us-gov-west-1", "https://signin.amazonaws-us-gov.com"),
            ("aws-cn", "cn-north-1", "https://signin.amazonaws.cn"),
            ("aws-eusc", "eusc-de-east-1", "https://eusc-de-east-1.signin.amazonaws-eusc.eu"),
        ] {
            assert_eq!(federation_endpoint(partition, region).unwrap(), endpoint);
        }
        assert_eq!(federation_endpoint("aws-iso", "us-iso-east-1"), None);
    }
}
