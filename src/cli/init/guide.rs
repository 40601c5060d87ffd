//! `README.md` of a site: what to do with its files, in order.

use super::options::{Store, Trust};
use super::site::{Site, is_url};

impl Site<'_> {
    pub(super) fn guide(&self) -> String {
        let first = match &self.hub {
            Some(hub) => self.hub_step(hub),
            None => self.saml_provider(),
        };
        let mut steps = vec![first, self.roles()];
        if self.store == Store::Dynamodb {
            steps.push(self.tables());
        }
        steps.push(self.start());
        steps.push(match (&self.adfs_page, self.trust) {
            (Some(_), Trust::New) => {
                "**AD FS**: run `adfs.ps1` on the primary server, as an administrator. `-WhatIf` says what it \
                 would do.\n"
                    .to_owned()
            }
            (Some(_), Trust::Second) => format!(
                "**AD FS**: run `adfs.ps1` on the primary server. It makes a second relying party trust, with AWS's \
                 other identifier `{}`, with the claim rules of the one for the console, which stays as it is.\n",
                self.identifier()
            ),
            (Some(_), Trust::Existing) => {
                "**AD FS**: run `adfs.ps1` on the primary server. It adds our address to the relying party trust \
                 for the console. Logins begin at Vestibule only; AD FS's own sign-on page leads to the console, \
                 as before.\n"
                    .to_owned()
            }
            (None, _) => self.values(),
        });
        steps.push(self.try_it());
        let mut text = format!(
            "# Vestibule at {}\n\nMade by `vestibule init`. In this order, where it was run (paths are as seen from there):\n\n",
            self.public_url
        );
        for (number, step) in (1..).zip(steps) {
            let step = step.trim_end().replace('\n', "\n   ").replace("\n   \n", "\n\n");
            text.push_str(&format!("{number}. {step}\n"));
        }
        text.push_str(&match &self.hub {
            Some(hub) => self.about_the_hub(hub),
            None => self.about_the_trust_policy(),
        });
        text
    }

    fn saml_provider(&self) -> String {
        let (name, provider) = (self.provider_name, self.provider());
        let each = if self.accounts.len() > 1 { ", in each account with credentials of it" } else { "" };
        let renewed = if is_url(self.metadata) {
            format!(" Vestibule itself reads {} again and again.", self.metadata)
        } else {
            " Vestibule reads the file again when it changes.".to_owned()
        };
        format!(
            "**The SAML provider in IAM**, {provider}{each}:\n\
             `aws iam create-saml-provider --name {name} --saml-metadata-document file://{metadata}`\n\
             (If it exists: `aws iam update-saml-provider`.) IAM keeps a copy of its own, and STS refuses logins \
             after a change of the identity provider's keys until that copy is renewed.{renewed}\n",
            metadata = self.file("idp-metadata.xml"),
        )
    }

    fn roles(&self) -> String {
        let (role, new) = (self.role(), "aws iam create-role --role-name ADFS-Production");
        let policy_name = self.trust_policy_name(self.account());
        let policy = self.file(&policy_name);
        let (files, group) = match self.accounts.len() {
            1 => (format!("`{policy_name}` is the same for each; "), "AWS-Production".to_owned()),
            _ => (
                format!("Each account has its trust policy, `{policy_name}` and so on, for all its roles; "),
                format!("AWS-{}-Production", self.account()),
            ),
        };
        let of = if self.adfs_page.is_some() && self.trust == Trust::New {
            format!("AD FS's group `{group}` gives the role `ADFS-Production`, {role}:\n")
        } else {
            format!("for a new role, such as {role}:\n")
        };
        format!(
            "**The roles.** {files}{of}\
             `{new} --assume-role-policy-document file://{policy}`\n\
             then attach what its people may do. A role that exists:\n\
             `aws iam update-assume-role-policy --role-name NAME --policy-document file://{policy}`\n"
        )
    }

    fn tables(&self) -> String {
        let prefix = if self.directory == std::path::Path::new("config") {
            ""
        } else {
            " (for functions, make these files with `--directory config`: that is where they find them)"
        };
        format!(
            "**Tables and keys**, as `[store]` and `[keys]` of `vestibule.toml` name them: \
             `deploy/sam/template.yaml` of the distribution makes them, and the functions{prefix}; \
             docs/AWS.md has servers and containers. Then the first key, by an operator:\n\
             `vestibule keys create --config {}`\n",
            self.config()
        )
    }

    fn start(&self) -> String {
        let key = if self.wants_key {
            "\nThe identity provider wants requests signed: `saml-signing.pem` is the key, and its certificate is in \
             our metadata. It is a secret that only the service and root may read."
        } else {
            ""
        };
        let (serve, how) = if self.installed {
            ("systemctl start vestibule".to_owned(), " as the unit's user")
        } else {
            let serve = format!("vestibule serve --config {}", self.config());
            (serve, "")
        };
        format!(
            "**Start it**{how}, behind a proxy that terminates TLS for {url}:\n\
             `{}`\n\
             `{serve}`\n\
             Our metadata is at {url}/saml/metadata.{key}\n",
            self.as_service("check"),
            url = self.public_url,
        )
    }

    /// What another identity provider must be told.
    fn values(&self) -> String {
        format!(
            "**The identity provider.** Give it our metadata, or these values:\n\n\
             | what | value |\n\
             |---|---|\n\
             | entity id, audience | `{identifier}` |\n\
             | Assertion Consumer Service (HTTP-POST) | `{acs}` |\n\
             | NameID | who it is, always the same: persistent, or the mail address |\n\
             | attribute `https://aws.amazon.com/SAML/Attributes/Role` | one value for each role: `{provider},{role}` |\n\
             | attribute `https://aws.amazon.com/SAML/Attributes/RoleSessionName` | 2 to 64 of `A-Z a-z 0-9 _ + = , . @ -`, such as the mail address |\n\n\
             The assertion or the response is signed, by RSA or ECDSA with SHA-256 or better.\n",
            identifier = self.identifier(),
            acs = self.acs(),
            provider = self.provider_of(self.account()),
            role = self.role(),
        )
    }

    fn try_it(&self) -> String {
        let each = if self.accounts.len() > 1 { ", once of each account" } else { "" };
        format!(
            "**Try it.** With credentials that may read IAM{each}, `doctor` compares all of this:\n\
             `{} --role {}`\n\
             Then open {}/ and sign in. A refusal shows a code; docs/ERRORS.md explains each.\n",
            self.as_service("doctor"),
            self.role(),
            self.public_url
        )
    }

    fn about_the_trust_policy(&self) -> String {
        let both = match self.console_acs() {
            Some(console) => format!(
                "The policy accepts responses to `{console}` too, so that the console's sign-in goes on. Whoever signs in there has the \
                 role without Vestibule: without its rules, and without a record in its trail.\n\n"
            ),
            None => String::new(),
        };
        let where_from = if self.pin.is_empty() {
            "**Rules are advisory as it stands.** A response passes through the person's own browser, and STS takes it \
             from anybody: whoever copies it from the developer tools and posts it there has the role without the rules, \
             their session policies and durations, and without a record in the trail. To close this, find out where \
             this service calls AWS from: the server's public address (on it, `curl https://checkip.amazonaws.com` \
             says it), the Elastic IP of its NAT gateway, or the id of its interface endpoint for STS. Then run the \
             same command again with `--source-ip ADDRESS/32` (or `--source-vpce ID`) and `--force`, and update each \
             role's trust policy. The address must be this service's alone: from one that people's own machines \
             share, they still can do it.\n\n"
                .to_owned()
        } else {
            format!(
                "It also demands where this service calls STS from, {}. A response passes through the person's own \
                 browser, and STS takes it from anybody; so whoever posts it there from elsewhere is refused, and rules \
                 hold. When the service moves, change `[sts]` and the trust policies first, or STS refuses every login \
                 (`sts_not_trusted`). From a machine with that very address people can still have a role without the rules: let \
                 nothing else call AWS by it.\n\n",
                self.pin
            )
        };
        format!(
            "\n## About the trust policy\n\n\
             `SAML:aud` in a trust policy is the assertion's *Recipient*, the address it was posted to, and not its \
             Audience. Policies made by the console pin AWS's own sign-in page, and STS answers `AccessDenied` to \
             what came by way of this service; `{policy}` pins `{acs}` instead, so that the role cannot be \
             had with an assertion meant for anybody else.\n\n{where_from}{both}\
             This is reasoned from AWS's documentation and from reports, and was not tried on the real STS: try it \
             with one role of little power first.\n",
            policy = self.trust_policy_name(self.account()),
            acs = self.acs(),
        )
    }

    fn role(&self) -> String {
        format!("arn:{}:iam::{}:role/ADFS-Production", self.partition, self.account())
    }

    /// A command that reads what only the service may read.
    pub(super) fn as_service(&self, command: &str) -> String {
        let user = if self.installed { "runuser -u vestibule -- " } else { "" };
        format!("{user}vestibule {command} --config {}", self.config())
    }

    fn config(&self) -> String {
        self.file("vestibule.toml")
    }

    /// As commands name it where `init` was run.
    fn file(&self, name: &str) -> String {
        self.directory.join(name).display().to_string()
    }
}
